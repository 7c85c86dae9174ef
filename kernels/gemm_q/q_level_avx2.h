/* q_level_avx2.h - scales of groups of 16 for the 256-bit tiles; after q_drive.h. */
#ifndef IG_Q_LEVEL_AVX2_H
#define IG_Q_LEVEL_AVX2_H

/* A q_level_scales_fn. */
VEC_INLINE void q_level_scales(q_level *to, const uint8_t *s, const uint8_t *t,
                               const ig_q_format *f)
{
    const __m128i centre = _mm_cvtsi32_si128(f->bits == 4 ? 3 : 7); /* 2^3 or 2^7 */
    for (size_t row = 0; row < IG_Q_PANEL; row += 8) {
        const __m256i p = q_load_pairs(s + 2 * row);
        const __m256i first = _mm256_blend_epi16(p, _mm256_slli_epi32(p, 16), 0xaa);
        const __m256i second = _mm256_blend_epi16(_mm256_srli_epi32(p, 16), p, 0xaa);
        const __m256i less = _mm256_sub_epi16(_mm256_setzero_si256(), p);
        _mm256_store_si256((__m256i *)(void *)to->s[0][row], first);
        _mm256_store_si256((__m256i *)(void *)to->s[1][row], second);
        _mm256_store_si256((__m256i *)(void *)to->second[row],
                           f->offset == IG_Q_MIN ? q_load_pairs(t + 2 * row)
                                                 : _mm256_sll_epi16(less, centre));
    }
}

#endif
