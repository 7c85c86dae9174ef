/* conv_few_neon.c - few output channels (conv_few_body.h), NEON: a vector of 16 pixels
 * is four registers, up to 6 outputs x 1 vector (24 sums, 4 of x, 1 of w). */
#include "kernels/vec/vec_neon.h"
#include "kernels/conv/conv_few_body.h"
#include "kernels/gemm/epilogue_neon.h"

FEW_TILE(1, 1)
FEW_TILE(1, 2)
FEW_TILE(1, 3)
FEW_TILE(1, 4)
FEW_TILE(2, 1)
FEW_TILE(2, 2)
FEW_TILE(2, 3)
FEW_TILE(3, 1)
FEW_TILE(3, 2)
FEW_TILE(4, 1)
FEW_TILE(5, 1)
FEW_TILE(6, 1)

void conv_few_f32_neon(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                       size_t p1)
{
    static few_tile_fn *const tiles[MOST_OUTS][MOST_VECS] = {
        {tile_1x1, tile_1x2, tile_1x3, tile_1x4},
        {tile_2x1, tile_2x2, tile_2x3},
        {tile_3x1, tile_3x2},
        {tile_4x1},
        {tile_5x1},
        {tile_6x1}};
    static const uint8_t vecs[MOST_OUTS] = {4, 3, 2, 1, 1, 1};
    static const few_isa isa = {tiles, vecs, transpose_b4_neon, ig_finish_neon};
    few_drive(c, scratch, m0, m1, p0, p1, &isa);
}
