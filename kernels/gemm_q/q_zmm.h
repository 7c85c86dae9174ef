/* q_zmm.h - what the two AVX-512 products share: unpacking, and one column's share of y.
 *
 * Sixteen rows of weights are one register. The eight registers of a group (32 k) are unpacked once
 * and meet all columns of the tile; a column's integer sum lives for one group only, its f32 sum in
 * a register of its own. */
#ifndef IG_Q_ZMM_H
#define IG_Q_ZMM_H

#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/vec/vec_avx512.h"

#define UNROLL _Pragma("GCC unroll 32")

VEC_INLINE vf q_load_scales(const uint8_t *table, uint32_t bytes)
{
    return bytes == 2 ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)table))
                      : _mm512_loadu_ps(table);
}

#include "kernels/gemm_q/q_drive.h"

enum { DWORDS = 8 /* of k in a group */, AHEAD = 2048 /* bytes of prefetch with few columns */ };

VEC_INLINE __m512i q_dword(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

/* The low or high nibbles of 64 bytes. */
VEC_INLINE __m512i q_nibbles(const uint8_t *from, bool high)
{
    const __m512i v = _mm512_loadu_si512(from), mask = _mm512_set1_epi8(15);
    return _mm512_and_si512(high ? _mm512_srli_epi16(v, 4) : v, mask);
}

VEC_INLINE void q_prefetch(const uint8_t *from, size_t cols, size_t bytes)
{
    if (cols > FEW) return;
    UNROLL for (size_t i = 0; i < bytes; i += 64) _mm_prefetch(from + AHEAD + i, _MM_HINT_T0);
}

/* y + d a.d sum */
VEC_INLINE __m512 q_add(__m512 y, __m512 d, const ig_q_act *a, __m512i sum)
{
    return _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(a->d)), _mm512_cvtepi32_ps(sum), y);
}

/* Where a tile stands: the next group. */
typedef struct {
    const uint8_t *w;
    const float *scale;
    const ig_q_act *a;
    size_t left; /* groups to the next gap */
} q_cursor;

VEC_INLINE void q_next(q_cursor *c, const q_tile *t, size_t quant_bytes, bool offset)
{
    c->w += quant_bytes;
    c->scale += offset ? 2 * IG_Q_PANEL : IG_Q_PANEL;
    c->a = (const ig_q_act *)((const char *)c->a + t->act_step);
    if (--c->left) return;
    c->w += t->gap;
    c->left = t->per_block;
}

#define UP_TO_8(X, b, z) \
    X(1, b, z) X(2, b, z) X(3, b, z) X(4, b, z) X(5, b, z) X(6, b, z) X(7, b, z) X(8, b, z)
#define FROM_9_TO_12(X, b, z) X(9, b, z) X(10, b, z) X(11, b, z) X(12, b, z)

#endif
