/* resize.h - weighted sums along an axis: what linear, cubic and antialiased resizing come to.
 *
 * An axis is a table: output j is the sum over taps t of weight[j][t] * input[index[j][t]], in the
 * order of the taps. f32 and f64; the tables' weights have the type of the data. */
#ifndef IG_KERNELS_RESIZE_H
#define IG_KERNELS_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ig_resize_axis {
    size_t in, out, taps;
    int64_t *index;  /* [out, taps], within [0, in) */
    double *weight;  /* [out, taps] */
    float *weight32; /* the same, rounded */
    bool *outside;   /* [out]: the output is `fill`; NULL: none */
} ig_resize_axis;

/* Rows [begin, end) of y [outer, out, inner] from x [outer, in, inner]; a row is [inner], or, with
 * inner == 1, the whole [out]: then rows count outer. */
void ig_resize_pass_f32(float *y, const float *x, const ig_resize_axis *a, size_t inner, float fill,
                        size_t begin, size_t end);
void ig_resize_pass_f64(double *y, const double *x, const ig_resize_axis *a, size_t inner,
                        double fill, size_t begin, size_t end);

/* Rows [begin, end) of y [planes, v.out, h.out] from x [planes, v.in, h.in]: both axes at once,
 * through one row in `line` [h.in]. The same bits as two passes, v first. */
void ig_resize_plane_f32(float *y, const float *x, const ig_resize_axis *v, const ig_resize_axis *h,
                         float fill, float *line, size_t begin, size_t end);
void ig_resize_plane_f64(double *y, const double *x, const ig_resize_axis *v,
                         const ig_resize_axis *h, double fill, double *line, size_t begin,
                         size_t end);

#endif
