/* gemm_avx512.c - fp32 GEMM on F32P16 panels, AVX-512: the tiles of gemm_tile_avx512.h, and
 * products of a few columns. */
#include "kernels/gemm/gemm_tile_avx512.h"
#include "kernels/gemm/transpose_avx512.h"

GEMM_TILES(f32, B_F32)

#define V               __m512
#define V_ZERO          _mm512_setzero_ps
#define V_SET1          _mm512_set1_ps
#define V_ADD           _mm512_add_ps
#define V_FMA           _mm512_fmadd_ps
#define V_STORE         _mm512_storeu_ps
#define V_MASK          __mmask16
#define V_FIRST(n)      ig_lanes_avx512(n, 0)
#define V_LOAD(p, mask) _mm512_maskz_loadu_ps(mask, p)
#define V_TRANSPOSE     ig_transpose_avx512
#include "kernels/gemm/narrow.inc"

void gemm_f32_avx512(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f32, by_2_f32, by_4_f32}, {14, 14, 6}, LINE, 1, ig_finish_avx512};
    if (g->n <= NARROW && m1 - m0 >= NARROW_ROWS && p0 < p1)
        narrow(g, m0, m1);
    else
        drive(g, &tiles, m0, m1, p0, p1);
}
