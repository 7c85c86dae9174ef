/* vec_avx512.h - the sixteen-lane float vector (see vec_ref.h) in one zmm register. */
#ifndef IG_VEC_AVX512_H
#define IG_VEC_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IG_ISA(name) name##_avx512
#define VEC_INLINE   static inline __attribute__((always_inline))

typedef __m512 vf;
typedef __mmask16 vm;

VEC_INLINE vf vf_set(float x) { return _mm512_set1_ps(x); }
VEC_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
VEC_INLINE void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
VEC_INLINE void vf_stream(float *p, vf v) { _mm512_stream_ps(p, v); }
VEC_INLINE void vf_stream_end(void) { _mm_sfence(); }

VEC_INLINE vm vm_first(size_t n) { return _cvtu32_mask16((1u << n) - 1u); }

VEC_INLINE vf vf_load_n(const float *p, size_t n, vf fill)
{
    return _mm512_mask_loadu_ps(fill, vm_first(n), p);
}

VEC_INLINE void vf_store_n(float *p, vf v, size_t n) { _mm512_mask_storeu_ps(p, vm_first(n), v); }
VEC_INLINE vf vf_keep_n(vf v, size_t n, vf fill)
{
    return _mm512_mask_blend_ps(vm_first(n), fill, v);
}

VEC_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VEC_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VEC_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VEC_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VEC_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VEC_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
VEC_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VEC_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
VEC_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
VEC_INLINE vf vf_rint(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
VEC_INLINE vf vf_floor(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF); }
VEC_INLINE vf vf_ceil(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF); }

VEC_INLINE vf vf_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
VEC_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }

VEC_INLINE vf vf_copysign(vf size, vf sign)
{
    const vf bit = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(bit, size), _mm512_and_ps(bit, sign));
}

VEC_INLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VEC_INLINE vm vf_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
VEC_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VEC_INLINE vm vf_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VEC_INLINE uint32_t vm_bits(vm m) { return _cvtmask16_u32(m); }
VEC_INLINE vf vf_pick(vm m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }

VEC_INLINE vf vf_scale(vf a, vf n) { return _mm512_scalef_ps(a, n); }

VEC_INLINE vf vf_split(vf a, vf *e)
{
    const __m512i half = _mm512_set1_epi32(0x3f3504f3);
    const __m512i i = _mm512_sub_epi32(_mm512_castps_si512(a), half);
    *e = _mm512_cvtepi32_ps(_mm512_srai_epi32(i, 23));
    const __m512i m = _mm512_and_si512(i, _mm512_set1_epi32(0x7fffff));
    return _mm512_castsi512_ps(_mm512_add_epi32(m, half));
}

VEC_INLINE __m256 high_half(vf v)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
}

VEC_INLINE float vf_sum(vf v)
{
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), high_half(v));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

VEC_INLINE float vf_top(vf v)
{
    const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), high_half(v));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

#endif
