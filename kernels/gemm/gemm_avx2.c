/* gemm_avx2.c - fp32 GEMM on F32P16 panels, AVX2 + FMA: the tiles of gemm_tile_avx2.h, and products
 * of a few columns. */
#include "kernels/gemm/gemm_tile_avx2.h"
#include "kernels/gemm/transpose_avx2.h"

GEMM_TILES(f32, B_F32)
GEMM_TILES_3x2(f32, B_F32)

#define V           __m256
#define V_ZERO      _mm256_setzero_ps
#define V_SET1      _mm256_set1_ps
#define V_ADD       _mm256_add_ps
#define V_FMA       _mm256_fmadd_ps
#define V_STORE     _mm256_storeu_ps
#define V_MASK      __m256i
#define V_FIRST(n)  ig_mask_avx2(n)
#define V_LOAD      _mm256_maskload_ps
#define V_TRANSPOSE ig_transpose_avx2
#include "kernels/gemm/narrow.inc"

    void gemm_f32_avx2(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f32, by_2_f32, by_4_f32}, {6, 3, 1}, LINE, 1, ig_finish_avx2};
    if (g->n <= NARROW && m1 - m0 >= NARROW_ROWS && p0 < p1)
        narrow(g, m0, m1);
    else
        drive(g, &tiles, m0, m1, p0, p1);
}
