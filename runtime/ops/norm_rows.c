/* norm_rows.c - see norm_rows.h. Doubles take two passes in eight lanes, as the f32 kernels do in
 * sixteen. */
#include "runtime/ops/norm_rows.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology.h"

#include <math.h>

enum { LANES = 8 };

static double sum(const double *x, size_t n, double mean, bool squares)
{
    double lane[LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        const double d = x[i] - mean;
        lane[i % LANES] += squares ? d * d : d;
    }
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

static void row_f64(const ig_norm_rows *a, size_t r)
{
    const size_t n = a->cols, at = r * n;
    double *y = (double *)a->y + at;
    const double *x = (const double *)a->x + at, *residual = a->residual;
    const double *gamma = a->gamma, *beta = a->beta;
    for (size_t i = 0; i < n; i++) y[i] = residual ? x[i] + residual[at + i] : x[i];
    const double mean = a->rms ? 0 : sum(y, n, 0, false) / (double)n;
    const double inv_std = 1 / sqrt(sum(y, n, mean, true) / (double)n + a->eps);
    if (gamma) gamma += r * a->gamma_row;
    if (beta) beta += r * a->beta_row;
    for (size_t i = 0; i < n; i++) {
        const double unit = (y[i] - mean) * inv_std;
        y[i] = unit * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
    }
    if (a->mean && !a->rms) ((double *)a->mean)[r] = mean;
    if (a->inv_std) ((double *)a->inv_std)[r] = inv_std;
}

static const float *row_of(const void *p, size_t r, size_t row)
{
    return p ? (const float *)p + r * row : NULL;
}

static void part_f32(const ig_norm_rows *a, size_t begin, size_t end)
{
    const bool own = a->gamma_row || a->beta_row; /* each row has parameters of its own */
    const size_t step = own ? 1 : end - begin, n = a->cols;
    layer_norm_f32_fn *kernel = a->rms ? ig_rms_norm_f32() : ig_layer_norm_f32();
    for (size_t r = begin; r < end; r += step)
        kernel(&(norm_args){
            .y = (float *)a->y + r * n,
            .mean = a->mean ? (float *)a->mean + r : NULL,
            .inv_std = a->inv_std ? (float *)a->inv_std + r : NULL,
            .x = row_of(a->x, r, n),
            .residual = row_of(a->residual, r, n),
            .gamma = row_of(a->gamma, r, a->gamma_row),
            .beta = row_of(a->beta, r, a->beta_row),
            .rows = step,
            .cols = n,
            .eps = (float)a->eps,
            .stream = a->stream,
        });
}

void ig_norm_rows_part(const ig_norm_rows *a, size_t begin, size_t end)
{
    if (a->calc == IG_CALC_F32)
        part_f32(a, begin, end);
    else
        for (size_t r = begin; r < end; r++) row_f64(a, r);
}

static void range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    ig_norm_rows_part(arg, begin, end);
}

void ig_norm_rows_run(const ig_norm_rows *a, ig_pool *pool, size_t rows)
{
    ig_norm_rows job = *a;
    job.stream = ig_past_caches(4.0 * (double)rows * (double)a->cols);
    const double each = a->calc == IG_CALC_F32 ? IG_NS_EXP : IG_NS_BLOCK;
    if (rows) ig_parallel(pool, rows, ig_grain_ns(each * (double)(a->cols + 1)), 0, range, &job);
}
