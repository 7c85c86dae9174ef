/* q_product.c - see q_product.h. */
#include "runtime/ops/q_product.h"
#include "kernels/gemm/split.h"
#include "runtime/base/checked.h"

enum {
    ROUND_ALONE = 32 << 10, /* elements of x that one thread rounds in less than a fork and join */
    WORTH = 1 << 17,        /* products that are worth a thread */
};

const char *const ig_acts_names[] = {"f32", "a8", "f8", NULL};

ig_q_kernels ig_q_choose(void)
{
    return (ig_q_kernels){ig_gemm_q(), ig_gemm_q_acts(), ig_gemm_q_f32()};
}

typedef struct {
    const ig_q_kernels *kernels;
    const ig_gemm_q_args *g;
    ig_q_act *acts;
    const float *x;
    const int32_t *order;
    const ig_q_expert *experts;
    size_t ldx, panels;
} job;

static void round_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    j->kernels->round(j->acts, j->x, j->g->m, j->g->k, j->ldx, j->order, begin, end);
}

/* Items are panels, for one block of rows after the other: a range is at most three rectangles. */
static void multiply(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    while (begin < end) {
        const size_t block = begin / j->panels, p0 = begin % j->panels;
        const size_t p1 = IG_MIN(j->panels, p0 + (end - begin)), m0 = block * IG_Q_ROWS;
        j->kernels->product(j->g, m0, IG_MIN(m0 + IG_Q_ROWS, j->g->m), p0, p1);
        begin += p1 - p0;
    }
}

/* Items are panels, of one expert after the other. */
static void multiply_grouped(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    while (begin < end) {
        const ig_q_expert *e = &j->experts[begin / j->panels];
        const size_t p0 = begin % j->panels, p1 = IG_MIN(j->panels, p0 + (end - begin));
        ig_gemm_q_args g = *j->g;
        g.panels = e->panels;
        if (e->bias) g.epilogue.bias = e->bias;
        j->kernels->product(&g, e->first, e->end, p0, p1);
        begin += p1 - p0;
    }
}

/* Items in chunks of at least `least`, as many for each thread. */
static size_t even_grain(size_t items, size_t least, size_t threads)
{
    const size_t chunks = items / least;
    return chunks < threads ? least : ig_ceil_div(items, chunks - chunks % threads);
}

static void round_all(ig_pool *pool, job *j)
{
    ig_parallel(pool, j->g->m, ROUND_ALONE / (j->g->k + 1) + 1, 0, round_rows, j);
}

void ig_q_product(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx)
{
    ig_gemm_q_args args = *g;
    args.acts = acts;
    job j = {kernels, &args, acts, x, NULL, NULL, ldx, ig_q_panels(g->n)};
    round_all(pool, &j);
    const size_t rows = IG_MIN(g->m, (size_t)IG_Q_ROWS),
                 blocks = (g->m + IG_Q_ROWS - 1) / IG_Q_ROWS;
    const size_t grain = WORTH / (rows * g->k * IG_Q_PANEL + 1) + 1;
    const size_t at_least = rows > IG_Q_PANEL ? 4 : 1; /* panels that one pass over x serves */
    ig_parallel(pool, blocks * j.panels,
                even_grain(blocks * j.panels, IG_MAX(grain, at_least), ig_pool_threads(pool)), 0,
                multiply, &j);
}

void ig_q_grouped(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx, const int32_t *order,
                  const ig_q_expert *experts, size_t n_experts)
{
    ig_gemm_q_args args = *g;
    args.acts = acts;
    job j = {kernels, &args, acts, x, order, experts, ldx, ig_q_panels(g->n)};
    round_all(pool, &j);
    const size_t rows = g->m / (n_experts + 1) + 1,
                 grain = WORTH / (rows * g->k * IG_Q_PANEL + 1) + 1;
    ig_parallel(pool, n_experts * j.panels, grain, 0, multiply_grouped, &j);
}

/* ---- x in f32 ---- */

typedef struct {
    float *to;
    const float *x;
    size_t k, ldx;
    const ig_q_format *f;
} f8_job;

static void round_f8_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const f8_job *j = arg;
    for (size_t i = begin; i < end; i++)
        ig_q_e4m3_row(j->to + i * j->k, j->x + i * j->ldx, j->k, j->f);
}

void ig_q_round_f8(ig_pool *pool, float *to, const float *x, size_t m, size_t k, size_t ldx,
                   const ig_q_format *f)
{
    f8_job j = {to, x, k, ldx, f};
    ig_parallel(pool, m, ROUND_ALONE / 4 / (k + 1) + 1, 0, round_f8_rows, &j);
}

bool ig_q_product_scratch(size_t m, size_t k, size_t threads, size_t *bytes)
{
    *bytes = 0;
    return m <= IG_Q_DIRECT ||
           (ig_mul_ok(k, ig_q_wide_panels(k) * IG_Q_PANEL * sizeof(float), bytes) &&
            ig_mul_ok(*bytes, threads, bytes));
}

typedef struct {
    const ig_q_kernels *kernels;
    const ig_gemm_q_f32_args *g;
    size_t m;
} f32_job;

static void multiply_f32(void *arg, size_t begin, size_t end, size_t worker)
{
    const f32_job *j = arg;
    ig_gemm_q_f32_args g = *j->g;
    if (g.scratch) g.scratch += worker * ig_q_wide_panels(g.k) * IG_Q_PANEL * g.k;
    j->kernels->product_f32(&g, 0, j->m, begin, end);
}

void ig_q_product_f32(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_f32_args *g,
                      size_t m)
{
    f32_job j = {kernels, g, m};
    const size_t grain = WORTH / (m * g->k * IG_Q_PANEL + 1) + 1, panels = ig_q_panels(g->n);
    const size_t share = panels / (2 * ig_pool_threads(pool)) + 1; /* widened panels are reread */
    const size_t together = m <= IG_Q_DIRECT ? 1 : IG_MIN(ig_q_wide_panels(g->k), share);
    if (m) ig_parallel(pool, panels, IG_MAX(grain, together), 0, multiply_f32, &j);
}
