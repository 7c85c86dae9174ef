/* norm_rows.h - rows that are brought to mean 0 and deviation 1 (or to a root mean square of 1), on
 * the pool: what layer, RMS, group and instance normalisation share. f32 goes to kernels/norm. */
#ifndef IG_OPS_NORM_ROWS_H
#define IG_OPS_NORM_ROWS_H

#include "kernels/norm/norm.h"
#include "runtime/base/pool.h"
#include "runtime/ops/block.h"

/* Everything is f32 or everything f64, as calc says. */
typedef struct {
    void *y;                    /* [rows, cols]; may be x */
    void *mean, *inv_std;       /* [rows] or NULL; rms writes no mean */
    const void *x;              /* [rows, cols] */
    const void *residual;       /* [rows, cols], added before, or NULL */
    const void *gamma;          /* [cols] or NULL: 1 */
    const void *beta;           /* [cols] or NULL: 0 */
    size_t gamma_row, beta_row; /* from one row's parameters to the next's; 0: all share one */
    size_t cols;
    double eps;
    bool rms, stream; /* stream: as in norm.h */
    ig_calc calc;
} ig_norm_rows;

void ig_norm_rows_part(const ig_norm_rows *a, size_t begin, size_t end); /* on this thread */
void ig_norm_rows_run(const ig_norm_rows *a, ig_pool *pool, size_t rows);

#endif
