/* vec_neon.h - the sixteen-lane float vector (see vec_ref.h) in four q registers. */
#ifndef IG_VEC_NEON_H
#define IG_VEC_NEON_H

#include "kernels/vec/lanes_neon.h"

#include <stdbool.h>
#include <stdint.h>

#define IG_ISA(name) name##_neon
#define VEC_INLINE   static inline __attribute__((always_inline))

typedef struct {
    float32x4_t a, b, c, d;
} vf;
typedef struct {
    uint32x4_t a, b, c, d;
} vm; /* all ones or all zeros in each lane */

#define VF_1(type, call) ((type){call(x.a), call(x.b), call(x.c), call(x.d)})
#define VF_2(type, call) ((type){call(x.a, y.a), call(x.b, y.b), call(x.c, y.c), call(x.d, y.d)})
#define VF_3(type, call) \
    ((type){call(x.a, y.a, z.a), call(x.b, y.b, z.b), call(x.c, y.c, z.c), call(x.d, y.d, z.d)})

VEC_INLINE vf vf_set(float x)
{
    const float32x4_t v = vdupq_n_f32(x);
    return (vf){v, v, v, v};
}

VEC_INLINE vf vf_load(const float *p)
{
    return (vf){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}

VEC_INLINE void vf_store(float *p, vf v)
{
    vst1q_f32(p, v.a);
    vst1q_f32(p + 4, v.b);
    vst1q_f32(p + 8, v.c);
    vst1q_f32(p + 12, v.d);
}

/* No store of Arm's is worth it: its caches do not read a line that is written whole. */
VEC_INLINE void vf_stream(float *p, vf v) { vf_store(p, v); }
VEC_INLINE void vf_stream_end(void) {}

VEC_INLINE uint32x4_t first_4(size_t n, uint32_t from)
{
    static const uint32_t lane[4] = {0, 1, 2, 3};
    return vcgtq_u32(vdupq_n_u32((uint32_t)n), vaddq_u32(vld1q_u32(lane), vdupq_n_u32(from)));
}

VEC_INLINE vm vm_first(size_t n)
{
    return (vm){first_4(n, 0), first_4(n, 4), first_4(n, 8), first_4(n, 12)};
}

VEC_INLINE vf vf_pick(vm x, vf y, vf z) { return VF_3(vf, vbslq_f32); }
VEC_INLINE vf vf_keep_n(vf v, size_t n, vf fill) { return vf_pick(vm_first(n), v, fill); }

VEC_INLINE vf vf_load_n(const float *p, size_t n, vf fill)
{
    vf v = fill;
    v.a = ig_load_neon(p, n, fill.a);
    if (n > 4) v.b = ig_load_neon(p + 4, n - 4, fill.b);
    if (n > 8) v.c = ig_load_neon(p + 8, n - 8, fill.c);
    if (n > 12) v.d = ig_load_neon(p + 12, n - 12, fill.d);
    return v;
}

VEC_INLINE void vf_store_n(float *p, vf v, size_t n)
{
    ig_store_neon(p, n, v.a);
    if (n > 4) ig_store_neon(p + 4, n - 4, v.b);
    if (n > 8) ig_store_neon(p + 8, n - 8, v.c);
    if (n > 12) ig_store_neon(p + 12, n - 12, v.d);
}

/* The instructions take the addend first; min and max of theirs choose otherwise among NaNs. */
VEC_INLINE float32x4_t fma_4(float32x4_t x, float32x4_t y, float32x4_t z)
{
    return vfmaq_f32(z, x, y);
}
VEC_INLINE float32x4_t fnma_4(float32x4_t x, float32x4_t y, float32x4_t z)
{
    return vfmsq_f32(z, x, y);
}

VEC_INLINE vf vf_add(vf x, vf y) { return VF_2(vf, vaddq_f32); }
VEC_INLINE vf vf_sub(vf x, vf y) { return VF_2(vf, vsubq_f32); }
VEC_INLINE vf vf_mul(vf x, vf y) { return VF_2(vf, vmulq_f32); }
VEC_INLINE vf vf_div(vf x, vf y) { return VF_2(vf, vdivq_f32); }
VEC_INLINE vf vf_fma(vf x, vf y, vf z) { return VF_3(vf, fma_4); }
VEC_INLINE vf vf_fnma(vf x, vf y, vf z) { return VF_3(vf, fnma_4); }
VEC_INLINE vf vf_sqrt(vf x) { return VF_1(vf, vsqrtq_f32); }
VEC_INLINE vf vf_min(vf x, vf y) { return VF_2(vf, ig_min_neon); }
VEC_INLINE vf vf_max(vf x, vf y) { return VF_2(vf, ig_max_neon); }
VEC_INLINE vf vf_rint(vf x) { return VF_1(vf, vrndnq_f32); }
VEC_INLINE vf vf_floor(vf x) { return VF_1(vf, vrndmq_f32); }
VEC_INLINE vf vf_ceil(vf x) { return VF_1(vf, vrndpq_f32); }
VEC_INLINE vf vf_abs(vf x) { return VF_1(vf, vabsq_f32); }
VEC_INLINE vf vf_neg(vf x) { return VF_1(vf, vnegq_f32); }

VEC_INLINE float32x4_t copysign_4(float32x4_t size, float32x4_t sign)
{
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, size);
}
VEC_INLINE vf vf_copysign(vf x, vf y) { return VF_2(vf, copysign_4); }

VEC_INLINE uint32x4_t not_a_number(float32x4_t x) { return vmvnq_u32(vceqq_f32(x, x)); }
VEC_INLINE vm vf_lt(vf x, vf y) { return VF_2(vm, vcltq_f32); }
VEC_INLINE vm vf_le(vf x, vf y) { return VF_2(vm, vcleq_f32); }
VEC_INLINE vm vf_eq(vf x, vf y) { return VF_2(vm, vceqq_f32); }
VEC_INLINE vm vf_nan(vf x) { return VF_1(vm, not_a_number); }

VEC_INLINE uint32_t vm_bits(vm m)
{
    static const uint8_t bit[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x8_t low = vmovn_u16(vcombine_u16(vmovn_u32(m.a), vmovn_u32(m.b)));
    const uint8x8_t high = vmovn_u16(vcombine_u16(vmovn_u32(m.c), vmovn_u32(m.d)));
    const uint8x8_t weight = vld1_u8(bit);
    return (uint32_t)vaddv_u8(vand_u8(low, weight)) | (uint32_t)vaddv_u8(vand_u8(high, weight))
                                                          << 8;
}

/* 2^n does not fit one float for the n of subnormal and overflowing results: two factors, of which
 * the first is exact, round once. */
VEC_INLINE float32x4_t power_of_two(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

VEC_INLINE float32x4_t scale_4(float32x4_t x, float32x4_t n)
{
    const int32x4_t i = vcvtq_s32_f32(n), half = vshrq_n_s32(i, 1); /* n is integral */
    return vmulq_f32(vmulq_f32(x, power_of_two(half)), power_of_two(vsubq_s32(i, half)));
}
VEC_INLINE vf vf_scale(vf x, vf y) { return VF_2(vf, scale_4); }

VEC_INLINE float32x4_t split_4(float32x4_t x, float32x4_t *e)
{
    const int32x4_t half = vdupq_n_s32(0x3f3504f3);
    const int32x4_t i = vsubq_s32(vreinterpretq_s32_f32(x), half);
    *e = vcvtq_f32_s32(vshrq_n_s32(i, 23));
    return vreinterpretq_f32_s32(vaddq_s32(vandq_s32(i, vdupq_n_s32(0x7fffff)), half));
}

VEC_INLINE vf vf_split(vf x, vf *e)
{
    return (vf){split_4(x.a, &e->a), split_4(x.b, &e->b), split_4(x.c, &e->c), split_4(x.d, &e->d)};
}

VEC_INLINE float vf_sum(vf v)
{
    const float32x4_t q = vaddq_f32(vaddq_f32(v.a, v.c), vaddq_f32(v.b, v.d));
    const float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}

VEC_INLINE float vf_top(vf v)
{
    const float32x4_t q = ig_max_neon(ig_max_neon(v.a, v.c), ig_max_neon(v.b, v.d));
    const float32x4_t h = ig_max_neon(q, vextq_f32(q, q, 2));
    return vgetq_lane_f32(ig_max_neon(h, vextq_f32(h, h, 1)), 0);
}

#undef VF_1
#undef VF_2
#undef VF_3

#endif
