/* vec_ref.h - the sixteen-lane float vector in plain C: the scalar truth of every kernel that is
 * written against it.
 *
 * One vocabulary, one header for each ISA (vec_ref.h, vec_avx2.h, vec_avx512.h): a kernel's body is
 * written once, in <op>_body.h, and compiled by <op>_<isa>.c with the vector of that ISA. All
 * variants therefore do the same operations in the same order and give the same bits (class E);
 * only the payload of a NaN may differ.
 *
 *   vf, vm                     sixteen floats; sixteen yes/no
 *   vf_load_n, vf_store_n      the first n lanes (n < 16); the others read as fill, are not touched
 *   vf_stream, vf_stream_end   past the caches, to whole lines; when all of them are written
 *   vf_keep_n(v, n, fill)      v in the first n lanes, fill in the others
 *   vf_fma(a, b, c), vf_fnma   a * b + c, c - a * b, rounded once
 *   vf_min, vf_max             a < b ? a : b, a > b ? a : b: the second operand where one is a NaN
 *   vf_rint                    to the nearest integer, ties to even
 *   vf_pick(m, yes, no)        lane by lane
 *   vm_bits(m)                 bit i: lane i
 *   vf_scale(a, n)             a * 2^n, a within 1/2..2, n integral within -280..254, rounded once
 *   vf_split(a, &e)            m * 2^e = a > 0 (normal), m within sqrt(1/2)..sqrt(2)
 *   vf_sum, vf_top             over the lanes, by halves: lane i with lane i + 8, then + 4, + 2, +
 * 1 IG_ISA(name)               the name with the ISA behind it */
#ifndef IG_VEC_REF_H
#define IG_VEC_REF_H

#include "runtime/base/half.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define IG_ISA(name) name##_ref
#define VEC_INLINE   static inline

typedef struct {
    float v[16];
} vf;
typedef struct {
    bool v[16];
} vm;

#define EACH(type, result)                                \
    do {                                                  \
        type out;                                         \
        for (int i = 0; i < 16; i++) out.v[i] = (result); \
        return out;                                       \
    } while (0)

VEC_INLINE vf vf_set(float x) { EACH(vf, x); }
VEC_INLINE vf vf_load(const float *p) { EACH(vf, p[i]); }
VEC_INLINE vf vf_load_n(const float *p, size_t n, vf fill)
{
    EACH(vf, (size_t)i < n ? p[i] : fill.v[i]);
}
VEC_INLINE vf vf_keep_n(vf x, size_t n, vf fill) { EACH(vf, (size_t)i < n ? x.v[i] : fill.v[i]); }

VEC_INLINE void vf_store_n(float *p, vf x, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = x.v[i];
}
VEC_INLINE void vf_store(float *p, vf x) { vf_store_n(p, x, 16); }
VEC_INLINE void vf_stream(float *p, vf x) { vf_store(p, x); }
VEC_INLINE void vf_stream_end(void) {}

VEC_INLINE vf vf_add(vf x, vf y) { EACH(vf, x.v[i] + y.v[i]); }
VEC_INLINE vf vf_sub(vf x, vf y) { EACH(vf, x.v[i] - y.v[i]); }
VEC_INLINE vf vf_mul(vf x, vf y) { EACH(vf, x.v[i] * y.v[i]); }
VEC_INLINE vf vf_div(vf x, vf y) { EACH(vf, x.v[i] / y.v[i]); }
VEC_INLINE vf vf_fma(vf x, vf y, vf z) { EACH(vf, fmaf(x.v[i], y.v[i], z.v[i])); }
VEC_INLINE vf vf_fnma(vf x, vf y, vf z) { EACH(vf, fmaf(-x.v[i], y.v[i], z.v[i])); }
VEC_INLINE vf vf_sqrt(vf x) { EACH(vf, sqrtf(x.v[i])); }
VEC_INLINE vf vf_min(vf x, vf y) { EACH(vf, x.v[i] < y.v[i] ? x.v[i] : y.v[i]); }
VEC_INLINE vf vf_max(vf x, vf y) { EACH(vf, x.v[i] > y.v[i] ? x.v[i] : y.v[i]); }
VEC_INLINE vf vf_rint(vf x) { EACH(vf, rintf(x.v[i])); }
VEC_INLINE vf vf_floor(vf x) { EACH(vf, floorf(x.v[i])); }
VEC_INLINE vf vf_ceil(vf x) { EACH(vf, ceilf(x.v[i])); }
VEC_INLINE vf vf_abs(vf x) { EACH(vf, fabsf(x.v[i])); }
VEC_INLINE vf vf_neg(vf x) { EACH(vf, -x.v[i]); }
VEC_INLINE vf vf_copysign(vf size, vf sign) { EACH(vf, copysignf(size.v[i], sign.v[i])); }

VEC_INLINE vm vf_lt(vf x, vf y) { EACH(vm, x.v[i] < y.v[i]); }
VEC_INLINE vm vf_le(vf x, vf y) { EACH(vm, x.v[i] <= y.v[i]); }
VEC_INLINE vm vf_eq(vf x, vf y) { EACH(vm, x.v[i] == y.v[i]); }
VEC_INLINE vm vf_nan(vf x) { EACH(vm, x.v[i] != x.v[i]); }
VEC_INLINE uint32_t vm_bits(vm m)
{
    uint32_t bits = 0;
    for (int i = 0; i < 16; i++) bits |= (uint32_t)m.v[i] << i;
    return bits;
}
VEC_INLINE vf vf_pick(vm m, vf x, vf y) { EACH(vf, m.v[i] ? x.v[i] : y.v[i]); }

/* n of a NaN has no integer; the result is the NaN whatever the power. */
VEC_INLINE vf vf_scale(vf x, vf n)
{
    EACH(vf, x.v[i] != x.v[i] ? x.v[i] : ldexpf(x.v[i], (int)n.v[i]));
}

VEC_INLINE vf vf_split(vf x, vf *e)
{
    vf m;
    for (int i = 0; i < 16; i++) {
        const uint32_t above = ig_f32_bits(x.v[i]) - 0x3f3504f3u;
        const uint32_t sign_fill = above >> 31 ? 0xfffffe00u : 0;
        e->v[i] = (float)(int32_t)(above >> 23 | sign_fill);
        m.v[i] = ig_f32_from_bits((above & 0x7fffffu) + 0x3f3504f3u);
    }
    return m;
}

VEC_INLINE float vf_sum(vf x)
{
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) x.v[i] += x.v[i + half];
    return x.v[0];
}

VEC_INLINE float vf_top(vf x)
{
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) x.v[i] = x.v[i] > x.v[i + half] ? x.v[i] : x.v[i + half];
    return x.v[0];
}

#undef EACH

#endif
