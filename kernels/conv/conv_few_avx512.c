/* conv_few_avx512.c - few output channels (conv_few_body.h), AVX-512: up to 6 outputs x 4 vectors
 * (24 sums, 4 of x, 1 of w). */
#include "kernels/vec/vec_avx512.h"
#include "kernels/conv/conv_few_body.h"
#include "kernels/gemm/epilogue_avx512.h"

#define EACH(X)  X(1) X(2) X(3) X(4) X(5) X(6)
#define TILES(o) FEW_TILE(o, 1) FEW_TILE(o, 2) FEW_TILE(o, 3) FEW_TILE(o, 4)
#define NAMES(o) {tile_##o##x1, tile_##o##x2, tile_##o##x3, tile_##o##x4},
EACH(TILES)

void conv_few_f32_avx512(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                         size_t p1)
{
    static few_tile_fn *const tiles[MOST_OUTS][MOST_VECS] = {EACH(NAMES)};
    static const uint8_t vecs[MOST_OUTS] = {4, 4, 4, 4, 4, 4};
    static const few_isa isa = {tiles, vecs, transpose_b4_avx2, ig_finish_avx512};
    few_drive(c, scratch, m0, m1, p0, p1, &isa);
}
