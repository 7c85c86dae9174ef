/* vec_avx2.h - the sixteen-lane float vector (see vec_ref.h) in two ymm registers. */
#ifndef IG_VEC_AVX2_H
#define IG_VEC_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IG_ISA(name) name##_avx2
#define VEC_INLINE   static inline __attribute__((always_inline))

typedef struct {
    __m256 a, b;
} vf;
typedef vf vm; /* all ones or all zeros in each lane */

#define VF_1(call) ((vf){call(x.a), call(x.b)})
#define VF_2(call) ((vf){call(x.a, y.a), call(x.b, y.b)})
#define VF_3(call) ((vf){call(x.a, y.a, z.a), call(x.b, y.b, z.b)})

VEC_INLINE vf vf_set(float x) { return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VEC_INLINE vf vf_load(const float *p) { return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }

VEC_INLINE void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}

VEC_INLINE void vf_stream(float *p, vf v)
{
    _mm256_stream_ps(p, v.a);
    _mm256_stream_ps(p + 8, v.b);
}
VEC_INLINE void vf_stream_end(void) { _mm_sfence(); }

VEC_INLINE __m256i first_8(size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

VEC_INLINE vm vm_first(size_t n)
{
    const size_t beyond = n > 8 ? n - 8 : 0;
    return (vm){_mm256_castsi256_ps(first_8(n)), _mm256_castsi256_ps(first_8(beyond))};
}

VEC_INLINE vf vf_pick(vm m, vf x, vf y)
{
    return (vf){_mm256_blendv_ps(y.a, x.a, m.a), _mm256_blendv_ps(y.b, x.b, m.b)};
}

VEC_INLINE vf vf_keep_n(vf v, size_t n, vf fill) { return vf_pick(vm_first(n), v, fill); }

/* A masked load touches nothing where the mask is off, but its address may not run off the end of
 * the object even when all of its lanes are off: hence the second half only for n > 8. */
VEC_INLINE vf vf_load_n(const float *p, size_t n, vf fill)
{
    const vm m = vm_first(n);
    const vf v = {_mm256_maskload_ps(p, _mm256_castps_si256(m.a)),
                  n > 8 ? _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.b)) : fill.b};
    return vf_pick(m, v, fill);
}

VEC_INLINE void vf_store_n(float *p, vf v, size_t n)
{
    const vm m = vm_first(n);
    _mm256_maskstore_ps(p, _mm256_castps_si256(m.a), v.a);
    if (n > 8) _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.b), v.b);
}

VEC_INLINE vf vf_add(vf x, vf y) { return VF_2(_mm256_add_ps); }
VEC_INLINE vf vf_sub(vf x, vf y) { return VF_2(_mm256_sub_ps); }
VEC_INLINE vf vf_mul(vf x, vf y) { return VF_2(_mm256_mul_ps); }
VEC_INLINE vf vf_div(vf x, vf y) { return VF_2(_mm256_div_ps); }
VEC_INLINE vf vf_fma(vf x, vf y, vf z) { return VF_3(_mm256_fmadd_ps); }
VEC_INLINE vf vf_fnma(vf x, vf y, vf z) { return VF_3(_mm256_fnmadd_ps); }
VEC_INLINE vf vf_sqrt(vf x) { return VF_1(_mm256_sqrt_ps); }
VEC_INLINE vf vf_min(vf x, vf y) { return VF_2(_mm256_min_ps); }
VEC_INLINE vf vf_max(vf x, vf y) { return VF_2(_mm256_max_ps); }
VEC_INLINE vf vf_floor(vf x) { return VF_1(_mm256_floor_ps); }
VEC_INLINE vf vf_ceil(vf x) { return VF_1(_mm256_ceil_ps); }

VEC_INLINE __m256 round_even(__m256 x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vf vf_rint(vf x) { return VF_1(round_even); }

VEC_INLINE vf vf_and(vf x, vf y) { return VF_2(_mm256_and_ps); }

VEC_INLINE vf vf_abs(vf y)
{
    const vf x = vf_set(-0.0f);
    return VF_2(_mm256_andnot_ps);
}

VEC_INLINE vf vf_neg(vf x)
{
    const vf y = vf_set(-0.0f);
    return VF_2(_mm256_xor_ps);
}

VEC_INLINE vf vf_copysign(vf size, vf sign)
{
    const vf x = vf_abs(size), y = vf_and(sign, vf_set(-0.0f));
    return VF_2(_mm256_or_ps);
}

VEC_INLINE __m256 less(__m256 x, __m256 y) { return _mm256_cmp_ps(x, y, _CMP_LT_OQ); }
VEC_INLINE __m256 less_equal(__m256 x, __m256 y) { return _mm256_cmp_ps(x, y, _CMP_LE_OQ); }
VEC_INLINE __m256 equal(__m256 x, __m256 y) { return _mm256_cmp_ps(x, y, _CMP_EQ_OQ); }
VEC_INLINE __m256 not_a_number(__m256 x) { return _mm256_cmp_ps(x, x, _CMP_UNORD_Q); }
VEC_INLINE vm vf_lt(vf x, vf y) { return VF_2(less); }
VEC_INLINE vm vf_le(vf x, vf y) { return VF_2(less_equal); }
VEC_INLINE vm vf_eq(vf x, vf y) { return VF_2(equal); }
VEC_INLINE vm vf_nan(vf x) { return VF_1(not_a_number); }

VEC_INLINE uint32_t vm_bits(vm m)
{
    return (uint32_t)_mm256_movemask_ps(m.a) | (uint32_t)_mm256_movemask_ps(m.b) << 8;
}

/* 2^n does not fit one float for the n of subnormal and overflowing results: two factors, of which
 * the first is exact, round once, as scalef does. */
VEC_INLINE __m256 power_of_two(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

VEC_INLINE __m256 scale_8(__m256 x, __m256 n)
{
    const __m256i i = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(i, 1);
    const __m256 once = _mm256_mul_ps(x, power_of_two(half));
    return _mm256_mul_ps(once, power_of_two(_mm256_sub_epi32(i, half)));
}

/* Results that are surely normal: 2^n is added to the exponent, off the multipliers' ports. */
VEC_INLINE __m256 scale_normal(__m256 x, __m256i n)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(n, 23)));
}

VEC_INLINE vf vf_scale(vf x, vf y)
{
    const __m256i a = _mm256_cvtps_epi32(y.a), b = _mm256_cvtps_epi32(y.b);
    const __m256i most = _mm256_set1_epi32(124); /* of a NaN: -2^31, beyond it as unsigned */
    const __m256i size = _mm256_max_epu32(_mm256_abs_epi32(a), _mm256_abs_epi32(b));
    const __m256i small = _mm256_cmpeq_epi32(_mm256_max_epu32(size, most), most);
    if (_mm256_movemask_epi8(small) == -1) return (vf){scale_normal(x.a, a), scale_normal(x.b, b)};
    return VF_2(scale_8);
}

VEC_INLINE __m256 split_8(__m256 x, __m256 *e)
{
    const __m256i half = _mm256_set1_epi32(0x3f3504f3);
    const __m256i i = _mm256_sub_epi32(_mm256_castps_si256(x), half);
    *e = _mm256_cvtepi32_ps(_mm256_srai_epi32(i, 23));
    const __m256i m = _mm256_and_si256(i, _mm256_set1_epi32(0x7fffff));
    return _mm256_castsi256_ps(_mm256_add_epi32(m, half));
}

VEC_INLINE vf vf_split(vf x, vf *e) { return (vf){split_8(x.a, &e->a), split_8(x.b, &e->b)}; }

VEC_INLINE float vf_sum(vf v)
{
    const __m256 a = _mm256_add_ps(v.a, v.b);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

VEC_INLINE float vf_top(vf v)
{
    const __m256 a = _mm256_max_ps(v.a, v.b);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

#undef VF_1
#undef VF_2
#undef VF_3

#endif
