/* norm.h - layer normalisation (Ba et al. 2016) and RMS normalisation (Zhang & Sennrich 2019) of
 * contiguous rows, fp32.
 *
 *   v = x + residual (x where there is no residual)
 *   layer_norm: y = (v - mean) * inv_std * gamma + beta, inv_std = 1 / sqrt(variance + eps)
 *   rms_norm:   y = v * inv_std * gamma + beta,          inv_std = 1 / sqrt(mean(v^2) + eps)
 *
 * Group and instance norm: rows are the groups, gamma and beta NULL, then unary.h's affine for each
 * channel. The variance is taken in a second pass over v - mean.
 * Class E: sums run in 64 lanes, joined to sixteen and then by halves, as in reduce.h. Threads:
 * pure; split the rows anywhere. */
#ifndef IG_NORM_H
#define IG_NORM_H

#include "kernels/cpu.h"

typedef struct {
    float *y;              /* [rows, cols]; may be x or residual */
    float *sum;            /* [rows, cols] takes v, or NULL; may be x or residual, not y */
    float *mean, *inv_std; /* [rows] or NULL; rms_norm writes no mean */
    const float *x;        /* [rows, cols] */
    const float *residual; /* [rows, cols] or NULL */
    const float *gamma;    /* [cols] or NULL: 1 */
    const float *beta;     /* [cols] or NULL: 0 */
    size_t rows, cols;
    float eps;
    bool stream; /* y and x are larger than the caches: y goes past them */
} norm_args;

typedef void layer_norm_f32_fn(const norm_args *p);
typedef void rms_norm_f32_fn(const norm_args *p);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/norm/norm.kern"
#undef K

layer_norm_f32_fn *ig_layer_norm_f32(void);
rms_norm_f32_fn *ig_rms_norm_f32(void);

#endif
