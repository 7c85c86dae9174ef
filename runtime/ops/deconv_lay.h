/* deconv_lay.h - transposed convolutions whose outputs have one term each: the kernel is as large
 * as its stride and nothing is cut off or added (twice the size, above all). What each position
 * gives is then laid in its place instead of added up. */
#ifndef IG_OPS_DECONV_LAY_H
#define IG_OPS_DECONV_LAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A spatial dimension: before is the padding at its beginning. */
typedef struct {
    int64_t in, kernel, out, stride, dilation, before;
} ig_deconv_axis;

bool ig_deconv_one_term(const ig_deconv_axis *axes, int n);

/* ig_deconv_lay - one channel: y [out..] takes rows [kernel..][cols] of the input positions [p, p +
 * cols), counted over in.., plus bias. Only for axes with one term. Threads: pure. */
void ig_deconv_lay(float *y, const float *rows, const ig_deconv_axis *axes, int n, size_t p,
                   size_t cols, float bias);

#endif
