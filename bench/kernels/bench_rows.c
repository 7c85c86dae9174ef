/* bench_rows.c - softmax, normalisation and reduction of rows: of models in cache, and of rows that
 * no cache holds. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "kernels/norm/norm.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"
#include "runtime/ops/block.h"
#include "runtime/base/topology.h"

typedef struct {
    float *y;
    const float *x, *gamma, *beta;
    size_t rows, cols;
} job;

static bool is_past(const job *j)
{
    return ig_past_caches(4.0 * (double)j->rows * (double)j->cols);
}

static void softmax(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const size_t at = begin * j->cols;
    (void)worker;
    ig_softmax_f32()(j->y + at, j->x + at, NULL, 0, end - begin, j->cols, 1, is_past(j));
}

/* One thread's columns. */
static void softmax_cols(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_softmax_cols_f32()(j->y + begin, j->x + begin, j->rows, end - begin, j->cols);
}

static norm_args norm_of(const job *j, size_t begin, size_t end)
{
    return (norm_args){.y = j->y + begin * j->cols,
                       .x = j->x + begin * j->cols,
                       .gamma = j->gamma,
                       .beta = j->beta,
                       .rows = end - begin,
                       .cols = j->cols,
                       .eps = 1e-5f,
                       .stream = is_past(j)};
}

static void layer_norm(void *arg, size_t begin, size_t end, size_t worker)
{
    const norm_args a = norm_of(arg, begin, end);
    (void)worker;
    ig_layer_norm_f32()(&a);
}

static void rms_norm(void *arg, size_t begin, size_t end, size_t worker)
{
    const norm_args a = norm_of(arg, begin, end);
    (void)worker;
    ig_rms_norm_f32()(&a);
}

#define R(op)                                                                             \
    static void op##_rows(void *arg, size_t begin, size_t end, size_t worker)             \
    {                                                                                     \
        const job *j = arg;                                                               \
        (void)worker;                                                                     \
        ig_##op##_rows_f32()(j->y + begin, j->x + begin * j->cols, end - begin, j->cols); \
    }
#include "kernels/reduce/reduce.def"
#undef R

/* One thread's columns. */
static void sum_cols(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_sum_cols_f32()(j->y + begin, j->x + begin, j->rows, end - begin, j->cols);
}

static void log_softmax(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const size_t at = begin * j->cols;
    (void)worker;
    ig_log_softmax_f32()(j->y + at, j->x + at, NULL, 0, end - begin, j->cols, 1, is_past(j));
}

typedef struct {
    const char *name, *family;
    ig_task_fn *part;
    bool writes;  /* as much as it reads */
    bool by_cols; /* tasks are columns */
    void (*peers)(bench *b, size_t rows, size_t cols);
} kind;

static void time_rows(bench *b, const kind *k, size_t rows, size_t cols)
{
    const size_t n = rows * cols;
    const bench_case c = {.name = k->name,
                          .family = k->family,
                          .unit = BENCH_BYTES,
                          .bytes = (k->writes ? 8.0 : 4.0) * (double)n,
                          .copies = k->writes};
    if (!bench_next(b, &c, "rows=%zu,cols=%zu", rows, cols)) return;
    job j = {.x = bench_f32(b, n, -4, 4), .rows = rows, .cols = cols};
    j.y = bench_take(b, (k->writes ? n : IG_MAX(rows, cols)) * sizeof *j.y);
    j.gamma = bench_f32(b, cols, -2, 2);
    j.beta = bench_f32(b, cols, -2, 2);
    if (k->by_cols)
        bench_add_parts(b, "ingot", k->part, &j, cols, IG_MAX(64, IG_GRAIN / rows));
    else
        bench_add_parts(b, "ingot", k->part, &j, rows, IG_GRAIN / (cols + 1) + 1);
    if (k->peers) k->peers(b, rows, cols);
    bench_run(b);
}

void bench_rows(bench *b)
{
    static const kind kinds[] = {
        {"softmax_f32", "softmax_f32", softmax, true, false, bench_vs_softmax_f32},
        {"softmax_cols_f32", "softmax_cols_f32", softmax_cols, true, true, NULL},
        {"norm_layer_f32", "layer_norm_f32", layer_norm, true, false, bench_vs_layer_norm_f32},
        {"norm_rms_f32", "rms_norm_f32", rms_norm, true, false, NULL},
        {"reduce_sum_cols_f32", "sum_cols_f32", sum_cols, false, true, NULL},
        {"reduce_sum_rows_f32", "sum_rows_f32", sum_rows, false, false, NULL},
        {"reduce_max_rows_f32", "max_rows_f32", max_rows, false, false, NULL},
        {"log_softmax_f32", "log_softmax_f32", log_softmax, true, false, NULL},
        {"reduce_min_rows_f32", "min_rows_f32", min_rows, false, false, NULL},
        {"reduce_prod_rows_f32", "prod_rows_f32", prod_rows, false, false, NULL},
        {"reduce_sum_abs_rows_f32", "sum_abs_rows_f32", sum_abs_rows, false, false, NULL},
        {"reduce_sum_sq_rows_f32", "sum_sq_rows_f32", sum_sq_rows, false, false, NULL},
    };
    const size_t common = 6; /* the rest is left out by --quick */
    for (size_t i = 0; i < (bench_quick(b) ? common : IG_LEN(kinds)); i++) {
        time_rows(b, &kinds[i], 128, i > 1 ? 768 : 128);
        if (!bench_quick(b)) time_rows(b, &kinds[i], 1, 32768);
        time_rows(b, &kinds[i], bench_uncached(b) / (4 * 4096), 4096);
    }
}
