/* gemm_half_avx512bf16.c - products of bf16 by bf16 with the CPU's own dot product of pairs.
 *
 * A pair is 32 bits wide, so rows of pairs and lines of pairs are tiles of gemm_tile_avx512.h like
 * any other, with another step: twice the products in each. Bound: two products a lane and clock
 * where fp32 has one. */
#include <immintrin.h>

#define GEMM_STEP(acc, x, w) _mm512_dpbf16_ps(acc, (__m512bh)(w), (__m512bh)(x))
#include "kernels/gemm/gemm_tile_avx512.h"

GEMM_TILES(pairs, B_F32)

void gemm_bf16_fast_avx512bf16(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0,
                               size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_pairs, by_2_pairs, by_4_pairs}, {14, 14, 6}, LINE, 1, ig_finish_avx512};
    drive(g, &tiles, m0, m1, p0, p1);
}
