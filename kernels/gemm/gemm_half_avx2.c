/* gemm_half_avx2.c - fp32 GEMM with weights of 16 bits, AVX2 + F16C: the tiles of gemm_tile_avx2.h.
 */
#include "kernels/gemm/gemm_tile_avx2.h"

GEMM_TILES(f16, B_F16)
GEMM_TILES(bf16, B_BF16)
GEMM_TILES_2x2(f16) GEMM_TILES_2x2(bf16)

    void gemm_f16_avx2(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_f16, by_2_f16, by_4_f16}, {6, 2, 1}, LINE / 2, 1, ig_finish_avx2};
    drive(g, &tiles, m0, m1, p0, p1);
}

void gemm_bf16_avx2(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {
        {by_1_bf16, by_2_bf16, by_4_bf16}, {6, 2, 1}, LINE / 2, 2, ig_finish_avx2};
    drive(g, &tiles, m0, m1, p0, p1);
}
