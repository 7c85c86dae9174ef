/* gemm_half_neon.c - fp32 GEMM with weights of 16 bits, NEON: the tiles of gemm_tile_neon.h. */
#include "kernels/gemm/gemm_tile_neon.h"

GEMM_TILES(f16, B_F16)
GEMM_TILES(bf16, B_BF16)

void gemm_f16_neon(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f16, by_2_f16, by_4_f16}, {TILE_ROWS, 3, 1}, LINE / 2, 1, ig_finish_neon};
    drive(g, &tiles, m0, m1, p0, p1);
}

void gemm_bf16_neon(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_bf16, by_2_bf16, by_4_bf16}, {TILE_ROWS, 3, 1}, LINE / 2, 2, ig_finish_neon};
    drive(g, &tiles, m0, m1, p0, p1);
}
