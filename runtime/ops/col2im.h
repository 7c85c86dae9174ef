/* col2im.h - where the blocks of a col2im lie, for the CPU and for devices. */
#ifndef IG_OPS_COL2IM_H
#define IG_OPS_COL2IM_H

#include "runtime/graph/op.h"

typedef struct {
    ig_ints dilations, pads, strides;
} ig_col2im_attrs;

enum { IG_COL2IM_SPATIAL = IG_MAX_RANK - 2 };

typedef struct {
    int n;
    int64_t image[IG_COL2IM_SPATIAL], block[IG_COL2IM_SPATIAL], stride[IG_COL2IM_SPATIAL],
        dilation[IG_COL2IM_SPATIAL], pad[IG_COL2IM_SPATIAL];
    int64_t columns[IG_COL2IM_SPATIAL]; /* blocks along each dimension */
    int64_t block_size, n_columns;
} ig_col2im;

/* ig_col2im_fill - of the shapes of an image and a block, both known. NULL, or what is wrong. */
const char *ig_col2im_fill(ig_col2im *g, const ig_col2im_attrs *a, const ig_tensor *image,
                           const ig_tensor *block);

#endif
