/* act.h - the activations that products and convolutions apply before they store a result.
 *
 * The attribute `act` names one, act_a and act_b are its parameters, as the kernels of
 * kernels/unary know them. f32 goes through kernels/gemm/epilogue.h; f64 through ig_act_f64. */
#ifndef IG_OPS_ACT_H
#define IG_OPS_ACT_H

#include "kernels/gemm/epilogue.h"

extern const char *const ig_act_names[]; /* choices of the attribute; 0 is "none" */

/* ig_act_set - act, a, b and map of an epilogue. act: index in ig_act_names. */
void ig_act_set(ig_epilogue *e, int act, double a, double b);
/* ig_act_set_map - the same, as a function over rows whatever the activation is. */
void ig_act_set_map(ig_epilogue *e, int act, double a, double b);
double ig_act_f64(int act, double a, double b, double x);

/* ig_act_rows - rows of x [rows, cols], ld apart, take act(scale * x + bias + residual) in place;
 * bias and residual may be NULL, and residual rows are ld_residual apart. ig_act_rows_f64 reads
 * doubles throughout. */
void ig_act_rows(float *x, size_t rows, size_t cols, size_t ld, float scale, const ig_epilogue *e);
typedef struct {
    const double *bias, *residual;
    size_t ld_residual;
    int act;
    double a, b;
} ig_epilogue_f64;
void ig_act_rows_f64(double *x, size_t rows, size_t cols, size_t ld, double scale,
                     const ig_epilogue_f64 *e);

#endif
