/* shim_avx512.h - the AVX-512 intrinsics that the kernels use and SIMDe 0.7.4 lacks.
 *
 * Each is a loop over the lanes of the vectors, which are arrays to the compiler: what the
 * instruction does, spelled out. Conversions round to nearest even, as MXCSR is left. Sorted by
 * subject; a macro at the top of each part writes the functions of one shape. */
#ifndef IG_SHIM_AVX512_H
#define IG_SHIM_AVX512_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define SHIM static inline __attribute__((always_inline))

typedef int8_t shim_i8x64 __attribute__((vector_size(64), aligned(1), may_alias));
typedef int16_t shim_i16x32 __attribute__((vector_size(64), aligned(1), may_alias));
typedef int32_t shim_i32x16 __attribute__((vector_size(64), aligned(1), may_alias));

/* ---- loads and stores of the lanes that a mask names ---- */
#define SHIM_MASKED(width, suffix, vector, element, mask_type)                             \
    SHIM vector shim##width##_mask_loadu_##suffix(vector from, mask_type m, const void *p) \
    {                                                                                      \
        element v[sizeof(vector) / sizeof(element)];                                       \
        memcpy(v, &from, sizeof v);                                                        \
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)                                  \
            if (m >> i & 1) memcpy(v + i, (const element *)p + i, sizeof *v);              \
        memcpy(&from, v, sizeof v);                                                        \
        return from;                                                                       \
    }                                                                                      \
    SHIM vector shim##width##_maskz_loadu_##suffix(mask_type m, const void *p)             \
    {                                                                                      \
        const vector zero = {0};                                                           \
        return shim##width##_mask_loadu_##suffix(zero, m, p);                              \
    }                                                                                      \
    SHIM void shim##width##_mask_storeu_##suffix(void *p, mask_type m, vector from)        \
    {                                                                                      \
        element v[sizeof(vector) / sizeof(element)];                                       \
        memcpy(v, &from, sizeof v);                                                        \
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)                                  \
            if (m >> i & 1) memcpy((element *)p + i, v + i, sizeof *v);                    \
    }
SHIM_MASKED(512, ps, __m512, float, __mmask16)
SHIM_MASKED(512, pd, __m512d, double, __mmask8)
SHIM_MASKED(512, epi8, __m512i, int8_t, __mmask64)
SHIM_MASKED(512, epi16, __m512i, int16_t, __mmask32)
SHIM_MASKED(512, epi32, __m512i, int32_t, __mmask16)
SHIM_MASKED(512, epi64, __m512i, int64_t, __mmask8)
SHIM_MASKED(256, ps, __m256, float, __mmask8)
SHIM_MASKED(256, pd, __m256d, double, __mmask8)
SHIM_MASKED(256, epi8, __m256i, int8_t, __mmask32)
SHIM_MASKED(256, epi16, __m256i, int16_t, __mmask16)
SHIM_MASKED(256, epi32, __m256i, int32_t, __mmask8)
SHIM_MASKED(128, ps, __m128, float, __mmask8)
SHIM_MASKED(128, epi8, __m128i, int8_t, __mmask16)
SHIM_MASKED(128, epi16, __m128i, int16_t, __mmask8)
SHIM_MASKED(128, epi32, __m128i, int32_t, __mmask8)

#define _mm512_mask_loadu_ps    shim512_mask_loadu_ps
#define _mm512_maskz_loadu_ps   shim512_maskz_loadu_ps
#define _mm512_mask_storeu_ps   shim512_mask_storeu_ps
#define _mm512_mask_loadu_pd    shim512_mask_loadu_pd
#define _mm512_maskz_loadu_pd   shim512_maskz_loadu_pd
#define _mm512_mask_storeu_pd   shim512_mask_storeu_pd
#define _mm512_mask_loadu_epi8  shim512_mask_loadu_epi8
#define _mm512_maskz_loadu_epi8 shim512_maskz_loadu_epi8
#define _mm512_mask_storeu_epi8 shim512_mask_storeu_epi8
#undef _mm512_mask_loadu_epi16
#undef _mm512_maskz_loadu_epi16
#define _mm512_mask_loadu_epi16  shim512_mask_loadu_epi16
#define _mm512_maskz_loadu_epi16 shim512_maskz_loadu_epi16
#define _mm512_mask_storeu_epi16 shim512_mask_storeu_epi16
#define _mm512_mask_loadu_epi32  shim512_mask_loadu_epi32
#define _mm512_maskz_loadu_epi32 shim512_maskz_loadu_epi32
#define _mm512_mask_storeu_epi32 shim512_mask_storeu_epi32
#define _mm512_mask_loadu_epi64  shim512_mask_loadu_epi64
#define _mm512_maskz_loadu_epi64 shim512_maskz_loadu_epi64
#define _mm512_mask_storeu_epi64 shim512_mask_storeu_epi64
#define _mm256_mask_loadu_ps     shim256_mask_loadu_ps
#define _mm256_maskz_loadu_ps    shim256_maskz_loadu_ps
#define _mm256_mask_storeu_ps    shim256_mask_storeu_ps
#define _mm256_mask_loadu_pd     shim256_mask_loadu_pd
#define _mm256_maskz_loadu_pd    shim256_maskz_loadu_pd
#define _mm256_mask_storeu_pd    shim256_mask_storeu_pd
#define _mm256_mask_loadu_epi8   shim256_mask_loadu_epi8
#define _mm256_maskz_loadu_epi8  shim256_maskz_loadu_epi8
#define _mm256_mask_storeu_epi8  shim256_mask_storeu_epi8
#define _mm256_mask_loadu_epi16  shim256_mask_loadu_epi16
#define _mm256_maskz_loadu_epi16 shim256_maskz_loadu_epi16
#define _mm256_mask_storeu_epi16 shim256_mask_storeu_epi16
#define _mm256_mask_loadu_epi32  shim256_mask_loadu_epi32
#define _mm256_maskz_loadu_epi32 shim256_maskz_loadu_epi32
#define _mm256_mask_storeu_epi32 shim256_mask_storeu_epi32
#define _mm_mask_loadu_ps        shim128_mask_loadu_ps
#define _mm_maskz_loadu_ps       shim128_maskz_loadu_ps
#define _mm_mask_storeu_ps       shim128_mask_storeu_ps
#define _mm_mask_loadu_epi8      shim128_mask_loadu_epi8
#define _mm_maskz_loadu_epi8     shim128_maskz_loadu_epi8
#define _mm_mask_storeu_epi8     shim128_mask_storeu_epi8
#define _mm_mask_loadu_epi16     shim128_mask_loadu_epi16
#define _mm_maskz_loadu_epi16    shim128_maskz_loadu_epi16
#define _mm_mask_storeu_epi16    shim128_mask_storeu_epi16
#define _mm_mask_loadu_epi32     shim128_mask_loadu_epi32
#define _mm_maskz_loadu_epi32    shim128_maskz_loadu_epi32
#define _mm_mask_storeu_epi32    shim128_mask_storeu_epi32

#define _mm512_stream_ps(p, x)    _mm512_storeu_ps(p, x)
#define _mm512_stream_si512(p, x) _mm512_storeu_si512(p, x)

/* ---- mask registers are plain integers here ---- */
#define _cvtu32_mask8(x)          ((__mmask8)(x))
#define _cvtu32_mask16(x)         ((__mmask16)(x))
#define _cvtu32_mask32(x)         ((__mmask32)(x))
#define _cvtu64_mask64(x)         ((__mmask64)(x))
#define _cvtmask8_u32(m)          ((unsigned)(__mmask8)(m))
#define _cvtmask16_u32(m)         ((unsigned)(__mmask16)(m))
#define _cvtmask32_u32(m)         ((unsigned)(__mmask32)(m))
#define _cvtmask64_u64(m)         ((unsigned long long)(__mmask64)(m))
#define _kand_mask16(a, b)        ((__mmask16)((a) & (b)))
#define _kor_mask16(a, b)         ((__mmask16)((a) | (b)))
#define _kxor_mask16(a, b)        ((__mmask16)((a) ^ (b)))
#define _kandn_mask16(a, b)       ((__mmask16)(~(a) & (b)))
#define _knot_mask16(a)           ((__mmask16) ~(a))
#define _kortestz_mask16_u8(a, b) ((unsigned char)(((a) | (b)) == 0))

/* ---- conversions ---- */
#define SHIM_LANES(name, result, out, n, operand, in, expression) \
    SHIM result name(operand x)                                   \
    {                                                             \
        in from[sizeof(operand) / sizeof(in)];                    \
        out to[n];                                                \
        result y;                                                 \
        memcpy(from, &x, sizeof from);                            \
        for (size_t i = 0; i < n; i++) to[i] = (expression);      \
        memcpy(&y, to, sizeof y);                                 \
        return y;                                                 \
    }

SHIM int32_t shim_to_i32(float x) /* nearest even; beyond the range the "indefinite" integer */
{
    const float r = rintf(x);
    return r >= -0x1p31f && r < 0x1p31f ? (int32_t)r : INT32_MIN;
}
SHIM int32_t shim_toward_zero(float x)
{
    return x > -0x1.000002p31f && x < 0x1p31f ? (int32_t)x : INT32_MIN;
}
SHIM int32_t shim_clip(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}
SHIM float shim_from_half(uint16_t x) { return _cvtsh_ss(x); }

SHIM_LANES(shim_cvtepi32_ps, __m512, float, 16, __m512i, int32_t, (float)from[i])
SHIM_LANES(shim_cvtps_epi32, __m512i, int32_t, 16, __m512, float, shim_to_i32(from[i]))
SHIM_LANES(shim_cvttps_epi32, __m512i, int32_t, 16, __m512, float, shim_toward_zero(from[i]))
SHIM_LANES(shim_cvtph_ps, __m512, float, 16, __m256i, uint16_t, shim_from_half(from[i]))
SHIM_LANES(shim_cvtepi8_epi32, __m512i, int32_t, 16, __m128i, int8_t, from[i])
SHIM_LANES(shim_cvtepu8_epi32, __m512i, int32_t, 16, __m128i, uint8_t, from[i])
SHIM_LANES(shim_cvtepi16_epi32, __m512i, int32_t, 16, __m256i, int16_t, from[i])
SHIM_LANES(shim_cvtepu16_epi32, __m512i, int32_t, 16, __m256i, uint16_t, from[i])
SHIM_LANES(shim_cvtepi8_epi16, __m512i, int16_t, 32, __m256i, int8_t, from[i])
SHIM_LANES(shim_cvtepu8_epi16, __m512i, int16_t, 32, __m256i, uint8_t, from[i])
SHIM_LANES(shim_cvtepi32_epi8, __m128i, int8_t, 16, __m512i, int32_t, (int8_t)from[i])
SHIM_LANES(shim_cvtepi32_epi16, __m256i, int16_t, 16, __m512i, int32_t, (int16_t)from[i])
SHIM_LANES(shim_cvtepi16_epi8, __m256i, int8_t, 32, __m512i, int16_t, (int8_t)from[i])
SHIM_LANES(shim_cvtsepi32_epi8, __m128i, int8_t, 16, __m512i, int32_t,
           (int8_t)shim_clip(from[i], -128, 127))
SHIM_LANES(shim_cvtsepi32_epi16, __m256i, int16_t, 16, __m512i, int32_t,
           (int16_t)shim_clip(from[i], -32768, 32767))
SHIM_LANES(shim_cvtusepi32_epi8, __m128i, uint8_t, 16, __m512i, uint32_t,
           (uint8_t)(from[i] > 255 ? 255 : from[i]))
SHIM_LANES(shim_cvtps_pd, __m512d, double, 8, __m256, float, (double)from[i])
SHIM_LANES(shim_cvtpd_ps, __m256, float, 8, __m512d, double, (float)from[i])

SHIM __m256i shim_cvtps_ph(__m512 x)
{
    const __m256 half[2] = {simde_mm512_extractf32x8_ps(x, 0), simde_mm512_extractf32x8_ps(x, 1)};
    return _mm256_setr_m128i(_mm256_cvtps_ph(half[0], 0), _mm256_cvtps_ph(half[1], 0));
}

#undef _mm512_cvtepi8_epi16
#undef _mm512_cvtepi16_epi8
#undef _mm512_cvtpd_ps
#undef _mm512_cvtps_pd
#define _mm512_cvtepi32_ps       shim_cvtepi32_ps
#define _mm512_cvtps_epi32       shim_cvtps_epi32
#define _mm512_cvttps_epi32      shim_cvttps_epi32
#define _mm512_cvtph_ps          shim_cvtph_ps
#define _mm512_cvtps_ph(x, mode) shim_cvtps_ph(x) /* kernels round to nearest even */
#define _mm512_cvtepi8_epi32     shim_cvtepi8_epi32
#define _mm512_cvtepu8_epi32     shim_cvtepu8_epi32
#define _mm512_cvtepi16_epi32    shim_cvtepi16_epi32
#define _mm512_cvtepu16_epi32    shim_cvtepu16_epi32
#define _mm512_cvtepi8_epi16     shim_cvtepi8_epi16
#define _mm512_cvtepu8_epi16     shim_cvtepu8_epi16
#define _mm512_cvtepi32_epi8     shim_cvtepi32_epi8
#define _mm512_cvtepi32_epi16    shim_cvtepi32_epi16
#define _mm512_cvtepi16_epi8     shim_cvtepi16_epi8
#define _mm512_cvtsepi32_epi8    shim_cvtsepi32_epi8
#define _mm512_cvtsepi32_epi16   shim_cvtsepi32_epi16
#define _mm512_cvtusepi32_epi8   shim_cvtusepi32_epi8
#define _mm512_cvtps_pd          shim_cvtps_pd
#define _mm512_cvtpd_ps          shim_cvtpd_ps
#define _mm512_cvtss_f32(x)      ((x)[0])
#define _mm512_cvtsi512_si32(x)  (((shim_i32x16)(x))[0])

#define _mm512_mask_cvtepi32_storeu_epi8(p, m, x) \
    shim128_mask_storeu_epi8((p), (m), shim_cvtepi32_epi8(x))
#define _mm512_mask_cvtsepi32_storeu_epi8(p, m, x) \
    shim128_mask_storeu_epi8((p), (m), shim_cvtsepi32_epi8(x))
#define _mm512_mask_cvtusepi32_storeu_epi8(p, m, x) \
    shim128_mask_storeu_epi8((p), (m), shim_cvtusepi32_epi8(x))
#define _mm512_mask_cvtepi32_storeu_epi16(p, m, x) \
    shim256_mask_storeu_epi16((p), (m), shim_cvtepi32_epi16(x))

/* ---- shifts and shuffles ---- */
#define _mm512_srai_epi32(x, n) ((__m512i)((shim_i32x16)(x) >> (n)))
#define _mm512_srai_epi16(x, n) ((__m512i)((shim_i16x32)(x) >> (n)))

SHIM __m512 shim_shuffle_quarters(__m512 x, __m512 y, int control)
{
    const __m512 from[2] = {x, y};
    __m512 to;
    for (size_t q = 0; q < 4; q++)
        memcpy((char *)&to + 16 * q, (const char *)(from + q / 2) + 16 * (control >> 2 * q & 3),
               16);
    return to;
}
SHIM __m512i shim_shuffle_each(__m512i x, int control) /* within quarters, by 32-bit lanes */
{
    const shim_i32x16 from = (shim_i32x16)x;
    shim_i32x16 to;
    for (int i = 0; i < 16; i++) to[i] = from[(i & 12) + (control >> 2 * (i & 3) & 3)];
    return (__m512i)to;
}
#define _mm512_shuffle_f32x4(x, y, control) shim_shuffle_quarters((x), (y), (control))
#define _mm512_shuffle_i32x4(x, y, control) \
    ((__m512i)shim_shuffle_quarters((__m512)(x), (__m512)(y), (control)))
#define _mm512_shuffle_f64x2(x, y, control) \
    ((__m512d)shim_shuffle_quarters((__m512)(x), (__m512)(y), (control)))
#define _mm512_shuffle_i64x2(x, y, control) \
    ((__m512i)shim_shuffle_quarters((__m512)(x), (__m512)(y), (control)))
#define _mm512_shuffle_epi32(x, control) shim_shuffle_each((x), (control))
#define _mm512_permute_ps(x, control)    ((__m512)shim_shuffle_each((__m512i)(x), (control)))

/* ---- what SIMDe has, but under a wrong alias, or not exactly ---- */
#undef _mm512_madd_epi16
#define _mm512_madd_epi16 simde_mm512_madd_epi16

SHIM __m512 shim_scalef_ps(__m512 x, __m512 n)
{
    for (int i = 0; i < 16; i++) {
        const float power = floorf(n[i]);
        const float within = power < -1000 ? -1000 : power > 1000 ? 1000 : power;
        x[i] = x[i] != x[i] || n[i] != n[i] ? x[i] + n[i] : ldexpf(x[i], (int)within);
    }
    return x;
}
#undef _mm512_scalef_ps
#define _mm512_scalef_ps shim_scalef_ps

/* ---- over all lanes, by halves ---- */
#define SHIM_REDUCE(name, vector, element, n, expression) \
    SHIM element name(vector x)                           \
    {                                                     \
        element v[n];                                     \
        memcpy(v, &x, sizeof v);                          \
        for (size_t half = (n) / 2; half; half /= 2)      \
            for (size_t i = 0; i < half; i++) {           \
                const element a = v[i], b = v[i + half];  \
                v[i] = (element)(expression);             \
            }                                             \
        return v[0];                                      \
    }
SHIM_REDUCE(shim_reduce_add_ps, __m512, float, 16, a + b)
SHIM_REDUCE(shim_reduce_max_ps, __m512, float, 16, a > b ? a : b)
SHIM_REDUCE(shim_reduce_min_ps, __m512, float, 16, a < b ? a : b)
SHIM_REDUCE(shim_reduce_add_pd, __m512d, double, 8, a + b)
SHIM_REDUCE(shim_reduce_add_epi32, __m512i, int32_t, 16, (uint32_t)a + (uint32_t)b)
SHIM_REDUCE(shim_reduce_max_epi32, __m512i, int32_t, 16, a > b ? a : b)
SHIM_REDUCE(shim_reduce_min_epi32, __m512i, int32_t, 16, a < b ? a : b)
#define _mm512_reduce_add_ps    shim_reduce_add_ps
#define _mm512_reduce_max_ps    shim_reduce_max_ps
#define _mm512_reduce_min_ps    shim_reduce_min_ps
#define _mm512_reduce_add_pd    shim_reduce_add_pd
#define _mm512_reduce_add_epi32 shim_reduce_add_epi32
#define _mm512_reduce_max_epi32 shim_reduce_max_epi32
#define _mm512_reduce_min_epi32 shim_reduce_min_epi32

/* ---- the VEX form of VNNI ---- */
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
#define _mm_dpbusd_avx_epi32    simde_mm_dpbusd_epi32

#endif
