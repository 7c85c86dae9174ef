/* gemm_neon.c - fp32 GEMM on F32P16 panels, NEON: the tiles of gemm_tile_neon.h. */
#include "kernels/gemm/gemm_tile_neon.h"

GEMM_TILES(f32, B_F32)

void gemm_f32_neon(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f32, by_2_f32, by_4_f32}, {TILE_ROWS, 3, 1}, LINE, 1, ig_finish_neon};
    drive(g, &tiles, m0, m1, p0, p1);
}
