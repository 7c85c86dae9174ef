/* rope_body.h - turning the heads of a token, over the sixteen-lane vector of the including file,
 * which also has
 *
 *     vf_twice(p)          8 floats, each twice: the table of interleaved pairs
 *     vf_neighbours(x)     lanes 2 i and 2 i + 1 exchanged
 *
 * Bound by reading and writing the heads; the tables' row stays in L1 for all of them. */
#include "kernels/rope/rope.h"

#include <string.h>

VEC_INLINE vf load_up_to(const float *p, size_t n)
{
    return n < 16 ? vf_load_n(p, n, vf_set(0.0f)) : vf_load(p);
}

VEC_INLINE void store_up_to(float *p, vf v, size_t n)
{
    if (n < 16)
        vf_store_n(p, v, n);
    else
        vf_store(p, v);
}

static void turn_halves(float *y, const float *x, const rope_args *p)
{
    for (size_t i = 0; i < p->half; i += 16) {
        const size_t n = p->half - i;
        const vf c = load_up_to(p->cos + i, n), s = load_up_to(p->sin + i, n);
        const vf a = load_up_to(x + i, n), b = load_up_to(x + p->half + i, n);
        store_up_to(y + i, vf_fnma(b, s, vf_mul(a, c)), n);
        store_up_to(y + p->half + i, vf_fma(a, s, vf_mul(b, c)), n);
    }
}

static void turn_neighbours(float *y, const float *x, const rope_args *p)
{
    static const float signs[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    for (size_t i = 0; i < p->half; i += 8) {
        float c[8] = {0}, s[8] = {0};
        const float *cos = p->cos + i, *sin = p->sin + i;
        const size_t pairs = p->half - i;
        if (pairs < 8) {
            memcpy(c, cos, pairs * sizeof *c);
            memcpy(s, sin, pairs * sizeof *s);
            cos = c, sin = s;
        }
        const size_t n = 2 * pairs;
        const vf v = load_up_to(x + 2 * i, n), turned = vf_neighbours(v);
        const vf by = vf_mul(vf_twice(sin), vf_load(signs));
        store_up_to(y + 2 * i, vf_fma(turned, by, vf_mul(v, vf_twice(cos))), n);
    }
}

void IG_ISA(rope_f32)(const rope_args *p)
{
    const size_t turned = 2 * p->half;
    for (size_t h = 0; h < p->heads; h++) {
        float *y = p->y + h * p->y_head;
        const float *x = p->x + h * p->x_head;
        if (p->interleaved)
            turn_neighbours(y, x, p);
        else
            turn_halves(y, x, p);
        if (y != x && p->size > turned)
            memcpy(y + turned, x + turned, (p->size - turned) * sizeof *y);
    }
}
