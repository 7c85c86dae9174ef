/* gemm_q_dotprod.c - products with 4 and 8 bit weights by sdot: both sides are signed, because
 * nibbles are small and the sign bit of an 8-bit weight is flipped, which takes 128 from it.
 *
 * Tile: 16 rows of one panel by up to 4 columns: 16 integer sums, 8 registers of activations, whose
 * dwords are lanes of the product, 2 of weights. A group's integer sums are added to y in memory,
 * which is L1. */
#include "kernels/gemm/epilogue_neon.h"
#include "kernels/vec/vec_neon.h"

VEC_INLINE vf q_load_scales(const uint8_t *table, uint32_t bytes)
{
    if (bytes == 4) return vf_load((const float *)(const void *)table);
    const uint16_t *h = (const uint16_t *)(const void *)table;
    return (vf){vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h))),
                vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h + 4))),
                vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h + 8))),
                vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h + 12)))};
}

/* s or t of four rows; see gemm_q.h. */
VEC_INLINE float32x4_t q_load_4_subs(const uint8_t *table, uint32_t group, size_t half, size_t row)
{
    float s[4];
    for (size_t i = 0; i < 4; i++)
        s[i] = (int8_t)table[group == 16 ? 2 * (row + i) + half : row + i];
    return vld1q_f32(s);
}

VEC_INLINE vf q_load_subs(const uint8_t *table, uint32_t group, size_t half)
{
    return (vf){q_load_4_subs(table, group, half, 0), q_load_4_subs(table, group, half, 4),
                q_load_4_subs(table, group, half, 8), q_load_4_subs(table, group, half, 12)};
}

#include "kernels/gemm_q/q_drive.h"

/* A q_level_scales_fn. */
static void q_level_scales(q_level *to, const uint8_t *s, const uint8_t *t, const ig_q_format *f)
{
    const bool min = f->offset == IG_Q_MIN;
    const int16_t centre = f->bits == 4 ? 8 : 128;
    for (size_t row = 0; row < IG_Q_PANEL; row++)
        for (size_t half = 0; half < 2; half++) {
            const size_t at = q_sub_at(f, half * 16, row);
            const int16_t scale = (int8_t)s[at];
            to->s[half][row][0] = to->s[half][row][1] = scale;
            to->second[row][half] = min ? (int8_t)t[at] : (int16_t)(-centre * scale);
        }
}

#define Q_COLS 4
enum { COLS = Q_COLS, VECS = 4 /* of four rows */ };

#define UNROLL _Pragma("GCC unroll 8")

/* Dword k of 16 k: low nibbles meet the first 16 activations of the group, high ones the others. */
#define DOTS_4(k)                                                               \
    UNROLL for (size_t v = 0; v < VECS; v++)                                    \
    {                                                                           \
        const uint8x16_t w = vld1q_u8(from + k * 64 + v * 16);                  \
        const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(w, vdupq_n_u8(15))); \
        const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(w, 4));           \
        UNROLL for (size_t i = 0; i < cols; i++)                                \
        {                                                                       \
            acc[i][v] = vdotq_laneq_s32(acc[i][v], low, first[i], k);           \
            acc[i][v] = vdotq_laneq_s32(acc[i][v], high, second[i], k);         \
        }                                                                       \
    }
#define DOTS_8(k, at, acts)                                                     \
    UNROLL for (size_t v = 0; v < VECS; v++)                                    \
    {                                                                           \
        const uint8x16_t w = vld1q_u8(from + (k + at) * 64 + v * 16);           \
        const int8x16_t s = vreinterpretq_s8_u8(veorq_u8(w, vdupq_n_u8(0x80))); \
        UNROLL for (size_t i = 0; i < cols; i++) acc[i][v] =                    \
            vdotq_laneq_s32(acc[i][v], s, acts[i], k);                          \
    }

#define NIBBLES(k)                                                                      \
    UNROLL for (size_t v = 0; v < VECS; v++)                                            \
    {                                                                                   \
        const uint8x16_t w = vld1q_u8(from + k * 64 + v * 16);                          \
        const int8x16_t s =                                                             \
            vreinterpretq_s8_u8(half ? vshrq_n_u8(w, 4) : vandq_u8(w, vdupq_n_u8(15))); \
        UNROLL for (size_t i = 0; i < cols; i++) acc[i][v] =                            \
            vdotq_laneq_s32(acc[i][v], s, acts[i], k);                                  \
    }

/* The integer sums of one group. */
VEC_INLINE void q_dots(int32x4_t acc[COLS][VECS], const uint8_t *from, const ig_q_act *a,
                       const size_t cols, const size_t bits)
{
    int8x16_t first[COLS], second[COLS];
    UNROLL for (size_t i = 0; i < cols; i++)
    {
        first[i] = vld1q_s8(a[i].q);
        second[i] = vld1q_s8(a[i].q + 16);
        UNROLL for (size_t v = 0; v < VECS; v++) acc[i][v] = vdupq_n_s32(bits == 4 ? a[i].fix : 0);
    }
    if (bits == 4) {
        DOTS_4(0) DOTS_4(1) DOTS_4(2) DOTS_4(3)
    } else {
        DOTS_8(0, 0, first)
        DOTS_8(1, 0, first)
        DOTS_8(2, 0, first)
        DOTS_8(3, 0, first)
        DOTS_8(0, 4, second) DOTS_8(1, 4, second) DOTS_8(2, 4, second) DOTS_8(3, 4, second)
    }
}

/* .. of half a group: the nibbles of 4 bits that are its k. */
VEC_INLINE void q_half_dots(int32x4_t acc[COLS][VECS], const uint8_t *from, const ig_q_act *a,
                            const size_t half, const size_t cols, const size_t bits)
{
    int8x16_t acts[COLS];
    UNROLL for (size_t i = 0; i < cols; i++) acts[i] = vld1q_s8(a[i].q + 16 * half);
    if (bits == 4) {
        NIBBLES(0) NIBBLES(1) NIBBLES(2) NIBBLES(3)
    } else {
        DOTS_8(0, 4 * half, acts)
        DOTS_8(1, 4 * half, acts)
        DOTS_8(2, 4 * half, acts)
        DOTS_8(3, 4 * half, acts)
    }
}

VEC_INLINE int32x4_t q_word(const int16_t *pairs, size_t which) /* of four pairs */
{
    return vmovl_s16(which ? vld2_s16(pairs).val[1] : vld2_s16(pairs).val[0]);
}

/* One group two groups of 16: sums [cols][16] of both halves wait in memory. */
VEC_INLINE void q_add_two(float *y, const uint8_t *from, const ig_q_act *a, const q_level *level,
                          const size_t cols, const size_t bits, const bool min)
{
    int32_t sum[COLS][IG_Q_PANEL];
    for (size_t half = 0; half < 2; half++) {
        int32x4_t acc[COLS][VECS];
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            /* what the sign bit took */
            const int32_t first = bits == 8 ? 128 * a[i].half[half] : 0;
            UNROLL for (size_t v = 0; v < VECS; v++) acc[i][v] = vdupq_n_s32(first);
        }
        q_half_dots(acc, from, a, half, cols, bits);
        UNROLL for (size_t i = 0; i < cols; i++) UNROLL for (size_t v = 0; v < VECS; v++)
        {
            const int32x4_t s = q_word(level->s[half][4 * v], 0);
            const int32x4_t before = half ? vld1q_s32(sum[i] + 4 * v) : vdupq_n_s32(0);
            vst1q_s32(sum[i] + 4 * v, vmlaq_s32(before, acc[i][v], s));
        }
    }
    UNROLL for (size_t i = 0; i < cols; i++) UNROLL for (size_t v = 0; v < VECS; v++)
    {
        const int16_t *second = level->second[4 * v];
        const int32x4_t first = vmulq_n_s32(q_word(second, 0), a[i].half[0]);
        const int32x4_t low = vmlaq_n_s32(first, q_word(second, 1), a[i].half[1]);
        int32x4_t both = vld1q_s32(sum[i] + 4 * v);
        if (!min) both = vaddq_s32(both, low);
        float *at = y + i * IG_Q_PANEL + 4 * v;
        const float32x4_t d = vmulq_n_f32(vld1q_f32(level->d + 4 * v), a[i].d);
        float32x4_t to = vfmaq_f32(vld1q_f32(at), d, vcvtq_f32_s32(both));
        const float32x4_t e = vmulq_n_f32(vld1q_f32(level->e + 4 * v), a[i].d);
        if (min) to = vfmaq_f32(to, e, vcvtq_f32_s32(low));
        vst1q_f32(at, to);
    }
}

VEC_INLINE void tile_two(const q_tile *t, const size_t cols, const size_t bits, const bool min)
{
    const uint8_t *w = t->quants;
    const ig_q_act *a = t->acts;
    const q_level *level = (const q_level *)(const void *)t->scale;
    size_t to_gap = t->per_block;
    for (size_t left = t->groups; left; left--, level++) {
        q_add_two(t->y, w, a, level, cols, bits, min);
        a = (const ig_q_act *)(const void *)((const char *)a + t->act_step);
        w += bits * IG_Q_GROUP * IG_Q_PANEL / 8;
        if (!--to_gap) {
            to_gap = t->per_block;
            w += t->gap;
        }
    }
}

VEC_INLINE void tile_one(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8;
    const uint8_t *w = t->quants;
    const ig_q_act *a = t->acts;
    const float *scale = t->scale;
    size_t to_gap = t->per_block;
    for (size_t left = t->groups; left; left--) {
        int32x4_t acc[COLS][VECS];
        q_dots(acc, w, a, cols, bits);
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            const float32x4_t d = vdupq_n_f32(a[i].d), sum = vdupq_n_f32(a[i].sum);
            UNROLL for (size_t v = 0; v < VECS; v++)
            {
                float *y = t->y + i * IG_Q_PANEL + v * 4;
                const float32x4_t by = vmulq_f32(vld1q_f32(scale + v * 4), d);
                float32x4_t to = vfmaq_f32(vld1q_f32(y), by, vcvtq_f32_s32(acc[i][v]));
                if (offset) to = vfmaq_f32(to, vld1q_f32(scale + IG_Q_PANEL + v * 4), sum);
                vst1q_f32(y, to);
            }
        }
        scale += offset ? 2 * IG_Q_PANEL : IG_Q_PANEL;
        a = (const ig_q_act *)(const void *)((const char *)a + t->act_step);
        w += quant_bytes;
        if (!--to_gap) {
            to_gap = t->per_block;
            w += t->gap;
        }
    }
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const q_rules rules)
{
    if (rules == Q_PLAIN || rules == Q_OFFSET)
        tile_one(t, cols, bits, rules == Q_OFFSET);
    else
        tile_two(t, cols, bits, rules == Q_TWO_MIN);
}

#include "kernels/gemm_q/q_tiles.inc"

void gemm_q_dotprod(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {Q_TILES, {COLS, COLS}, ig_finish_neon, q_level_scales};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
