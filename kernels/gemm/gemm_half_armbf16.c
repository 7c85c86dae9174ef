/* gemm_half_armbf16.c - products of bf16 by bf16 with Arm's dot product of pairs (BFDOT).
 *
 * As in gemm_half_avx512bf16.c a pair is 32 bits wide, so rows of pairs and lines of pairs are
 * tiles of gemm_tile_neon.h with another step. BFDOT rounds to odd inside and flushes denormals:
 * class T. */
#include <arm_neon.h>

#define GEMM_STEP(acc, x, w) vbfdotq_f32(acc, vreinterpretq_bf16_f32(w), vreinterpretq_bf16_f32(x))
#include "kernels/gemm/gemm_tile_neon.h"

GEMM_TILES(pairs, B_F32)

void gemm_bf16_fast_armbf16(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_pairs, by_2_pairs, by_4_pairs}, {TILE_ROWS, 3, 1}, LINE, 1, ig_finish_neon};
    drive(g, &tiles, m0, m1, p0, p1);
}
