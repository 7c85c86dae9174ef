/* conv_few.h - where conv_few_f32 keeps its inputs; conv.c and the ISA files share it.
 *
 * Pixels lie in the lanes, so x is wanted channel by channel. A block of output columns needs, of
 * each input row, the columns u = q * stride_w + phase, and these are kept as
 *
 *     line [phase][channel][pitch]      q along the line, zeros outside the image
 *
 * for the kh rows of a window at a time. A tap (ky, kx, c) of 16 neighbouring output pixels is then
 * one vector, at any stride. */
#ifndef IG_CONV_FEW_H
#define IG_CONV_FEW_H

#include "kernels/conv/conv.h"

enum {
    FEW_LANES = 16,
    FEW_LINES = 64 << 10, /* elements of all lines: 256 KB */
    FEW_BLOCK = 256,      /* output columns at a time, at most */
};

typedef struct {
    size_t channels, outs; /* of a group */
    size_t phases, block, pitch;
    size_t row; /* elements of the lines of one input row */
} few_shape;

static inline few_shape conv_few_shape(const ig_conv_f32_args *c)
{
    const size_t reach =
        (c->kw - 1) * c->dilation_w; /* columns from a window's first to its last */
    few_shape s = {.channels = c->in_c / c->groups, .outs = c->out_c / c->groups};
    s.phases = c->stride_w <= reach ? c->stride_w : reach + 1;
    const size_t lines = c->kh * s.phases * s.channels, beyond = reach / c->stride_w + FEW_LANES;
    const size_t fit = FEW_LINES / (lines ? lines : 1), wide = fit > beyond ? fit - beyond : 0;
    const size_t all = (c->out_w + FEW_LANES - 1) / FEW_LANES;
    s.block = wide < FEW_BLOCK ? wide / FEW_LANES : FEW_BLOCK / FEW_LANES;
    s.block = (s.block < 1 ? 1 : s.block > all ? all : s.block) * FEW_LANES;
    s.pitch = (s.block + beyond + FEW_LANES - 1) / FEW_LANES; /* odd: lines in different sets */
    s.pitch = (s.pitch | 1) * FEW_LANES;
    s.row = s.phases * s.channels * s.pitch;
    return s;
}

#endif
