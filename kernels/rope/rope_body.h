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

/* Sixteen pairs from i on, of all heads: cos and sin are loaded once. */
static void turn_halves(const rope_args *p, size_t i)
{
    const size_t n = p->half - i;
    const vf c = load_up_to(p->cos + i, n), s = load_up_to(p->sin + i, n);
    for (size_t h = 0; h < p->heads; h++) {
        const float *x = p->x + h * p->x_head + i;
        float *y = p->y + h * p->y_head + i;
        const vf a = load_up_to(x, n), b = load_up_to(x + p->half, n);
        store_up_to(y, vf_fnma(b, s, vf_mul(a, c)), n);
        store_up_to(y + p->half, vf_fma(a, s, vf_mul(b, c)), n);
    }
}

/* Eight pairs of neighbours from pair i on, of all heads. */
static void turn_neighbours(const rope_args *p, size_t i)
{
    static const float signs[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    float cos[8] = {0}, sin[8] = {0};
    const size_t pairs = p->half - i < 8 ? p->half - i : 8, n = 2 * pairs;
    memcpy(cos, p->cos + i, pairs * sizeof *cos);
    memcpy(sin, p->sin + i, pairs * sizeof *sin);
    const vf c = vf_twice(cos), s = vf_mul(vf_twice(sin), vf_load(signs));
    for (size_t h = 0; h < p->heads; h++) {
        const vf v = load_up_to(p->x + h * p->x_head + 2 * i, n);
        store_up_to(p->y + h * p->y_head + 2 * i, vf_fma(vf_neighbours(v), s, vf_mul(v, c)), n);
    }
}

void IG_ISA(rope_f32)(const rope_args *p)
{
    const size_t turned = 2 * p->half, rest = p->size - turned;
    if (p->interleaved)
        for (size_t i = 0; i < p->half; i += 8) turn_neighbours(p, i);
    else
        for (size_t i = 0; i < p->half; i += 16) turn_halves(p, i);
    for (size_t h = 0; h < p->heads && rest && p->y != p->x; h++)
        memcpy(p->y + h * p->y_head + turned, p->x + h * p->x_head + turned, rest * sizeof *p->y);
}
