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

#include "kernels/gemm_q/q_drive.h"

enum { COLS = 4, VECS = 4 /* of four rows */ };

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

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
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

#define UP_TO_4(X, b, z) X(1, b, z) X(2, b, z) X(3, b, z) X(4, b, z)
#define TILE(cols, bits, offset) \
    static void tile_##cols##_##bits##_##offset(const q_tile *t) { tile(t, cols, bits, offset); }
#define NAME(cols, bits, offset) tile_##cols##_##bits##_##offset,
UP_TO_4(TILE, 4, 0)
UP_TO_4(TILE, 4, 1)
UP_TO_4(TILE, 8, 0)
UP_TO_4(TILE, 8, 1)
static q_tile_fn *const by_4[2][COLS] = {{UP_TO_4(NAME, 4, 0)}, {UP_TO_4(NAME, 4, 1)}};
static q_tile_fn *const by_8[2][COLS] = {{UP_TO_4(NAME, 8, 0)}, {UP_TO_4(NAME, 8, 1)}};

void gemm_q_dotprod(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {
        {{by_4[0], by_4[1]}, {by_8[0], by_8[1]}}, {COLS, COLS}, true, ig_finish_neon};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
