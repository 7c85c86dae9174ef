/* grouped.c - see grouped.h. */
#include "kernels/gemm/grouped.h"

/* The experts share the tasks by their rows: most have few, and then panels are cut coarsely. */
static ig_split split_of(const ig_grouped *g, size_t expert)
{
    const size_t m = g->first[expert + 1] - g->first[expert];
    const size_t all = g->first[g->experts] - g->first[0];
    return ig_split_of(m, g->panels, g->k, g->n_threads, m ? all / m : 1);
}

void ig_grouped_plan(ig_grouped *g, size_t *starts, const size_t *first, size_t experts,
                     size_t panels, size_t k, size_t n_threads)
{
    *g = (ig_grouped){first, starts, experts, panels, k, n_threads};
    starts[0] = 0;
    for (size_t e = 0; e < experts; e++) {
        const ig_split s = split_of(g, e);
        starts[e + 1] = starts[e] + ig_split_tasks(&s);
    }
}

/* The expert whose tasks hold this one. */
static size_t expert_of(const ig_grouped *g, size_t task)
{
    size_t low = 0, high = g->experts;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (g->starts[middle] <= task)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void ig_grouped_run(const ig_grouped *g, size_t begin, size_t end, ig_grouped_fn *fn,
                    const void *arg)
{
    for (size_t e = begin < end ? expert_of(g, begin) : 0; begin < end; e++) {
        const size_t stop = IG_MIN(end, g->starts[e + 1]);
        const ig_split s = split_of(g, e);
        while (begin < stop) {
            ig_split_part t;
            begin = g->starts[e] + ig_split_take(&s, begin - g->starts[e], stop - g->starts[e], &t);
            fn(arg, e, g->first[e] + t.m0, g->first[e] + t.m1, t.p0, t.p1);
        }
    }
}

void ig_gemm_grouped(const void *arg, size_t expert, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const ig_gemm_grouped_args *all = arg;
    ig_gemm_f32_args g = all->all;
    g.b = all->b[expert];
    if (all->bias) g.epilogue.bias = all->bias[expert];
    all->kernel(&g, m0, m1, p0, p1);
}
