/* winograd.h - fp32 3 x 3 convolution by Winograd's F(4 x 4, 3 x 3) (Lavin & Gray 2016): a quarter
 * of the multiplications, for other roundings.
 *
 *     Y = A' [ (G g G') . (B' d B) ] A     d: 6 x 6 inputs, Y: 4 x 4 outputs of a tile
 *
 * summed over the input channels before the outer transform, as 36 products of [tiles, in_c] by
 * [in_c, out_c] (gemm.h). Stride and dilation 1, one group, NHWC; tile t = (b * tiles_h + ty) *
 * tiles_w + tx covers outputs from (4 ty, 4 tx), and what it computes past the image is dropped.
 *
 * Class T, only for math=fast: |error| <= 1.01 (in_c + 20) 2^-24 S, where S is the same formula
 * with every matrix and operand replaced by its absolute values (tested). S is 28 to 251 times the
 * sum |x w| of the plain convolution, by the place in the tile; what is seen is far less: through
 * ResNet-18 3e-7 of the largest output. The transforms themselves and the products are class E: all
 * variants, threads and cuts give the same bits. */
#ifndef IG_WINOGRAD_H
#define IG_WINOGRAD_H

#include "kernels/conv/conv.h"

enum { IG_WINOGRAD_TILE = 4, IG_WINOGRAD_IN = 6, IG_WINOGRAD_POINTS = 36 };

static inline size_t ig_winograd_tiles_h(const ig_conv_f32_args *c) { return (c->out_h + 3) / 4; }
static inline size_t ig_winograd_tiles_w(const ig_conv_f32_args *c) { return (c->out_w + 3) / 4; }

/* v [36, t1 - t0, in_c]: the transformed inputs of tiles [t0, t1). */
typedef void winograd_in_f32_fn(float *v, const ig_conv_f32_args *c, size_t t0, size_t t1);
/* The outputs of tiles [t0, t1), with the epilogue, from m [36, t1 - t0, out_c]. */
typedef void winograd_out_f32_fn(const ig_conv_f32_args *c, const float *m, size_t t0, size_t t1);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/winograd/winograd_in.kern"
#include "kernels/winograd/winograd_out.kern"
#undef K

winograd_in_f32_fn *ig_winograd_in_f32(void); /* asked once, when a node is bound */
winograd_out_f32_fn *ig_winograd_out_f32(void);

/* ig_winograd_weights - u: 36 times the panels of B [in_c, out_c], ig_gemm_packed elements each.
 * w: element (k, n) of [9 * in_c, out_c], k in the order (ky, kx, c), in panels or in plain rows.
 * Computed in double, rounded once. */
void ig_winograd_weights(float *u, const float *w, bool panels, size_t in_c, size_t out_c);

#endif
