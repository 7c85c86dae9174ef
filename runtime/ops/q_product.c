/* q_product.c - see q_product.h. */
#include "runtime/ops/q_product.h"
#include "runtime/base/checked.h"

enum {
    ROUND_ALONE = 32 << 10, /* elements of x that one thread rounds in less than a fork and join */
    WORTH = 1 << 17,        /* products that are worth a thread */
};

ig_q_kernels ig_q_choose(void) { return (ig_q_kernels){ig_gemm_q(), ig_gemm_q_acts()}; }

typedef struct {
    const ig_q_kernels *kernels;
    const ig_gemm_q_args *g;
    ig_q_act *acts;
    const float *x;
    size_t ldx, panels;
} job;

static void round_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    j->kernels->round(j->acts, j->x, j->g->m, j->g->k, j->ldx, NULL, begin, end);
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

void ig_q_product(const ig_q_kernels *kernels, ig_pool *pool, const ig_gemm_q_args *g,
                  ig_q_act *acts, const float *x, size_t ldx)
{
    ig_gemm_q_args args = *g;
    args.acts = acts;
    job j = {kernels, &args, acts, x, ldx, ig_q_panels(g->n)};
    ig_parallel(pool, g->m, ROUND_ALONE / (g->k + 1) + 1, 0, round_rows, &j);
    const size_t rows = IG_MIN(g->m, (size_t)IG_Q_ROWS),
                 blocks = (g->m + IG_Q_ROWS - 1) / IG_Q_ROWS;
    const size_t grain = WORTH / (rows * g->k * IG_Q_PANEL + 1) + 1;
    const size_t at_least = rows > IG_Q_PANEL ? 4 : 1; /* panels that one pass over x serves */
    ig_parallel(pool, blocks * j.panels, IG_MAX(grain, at_least), 0, multiply, &j);
}
