/* grouped.h - many products that share nothing but their shape: mixtures of experts.
 *
 * Rows (tokens) are sorted by expert; expert e multiplies rows [first[e], first[e + 1]) by its own
 * weights. All of it is one list of tasks over (expert, panel block, row block), so that threads
 * are busy whether one expert has all rows or each has one:
 *
 *     ig_grouped g;
 *     ig_grouped_plan(&g, starts, first, n_experts, panels, k, n_threads);
 *     ig_parallel(pool, ig_grouped_tasks(&g), 1, 0, range, job);      range calls ig_grouped_run
 *
 * The list knows nothing of types: ig_grouped_run calls back with rows and panels, and any kernel
 * that computes a part of a product (of f32, 16-bit or quantised weights) can stand there.
 * ig_gemm_grouped is that for the kernels of gemm.h. Which expert is done when changes no bit. */
#ifndef IG_GROUPED_H
#define IG_GROUPED_H

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/split.h"

typedef struct {
    const size_t *first;  /* [experts + 1] rows, ascending */
    const size_t *starts; /* [experts + 1] tasks before each expert's */
    size_t experts, panels, k, n_threads;
} ig_grouped;

/* ig_grouped_plan - fills g and starts. Both arrays are borrowed for as long as g is used. Nothing
 * is allocated; experts without rows are allowed. */
void ig_grouped_plan(ig_grouped *g, size_t *starts, const size_t *first, size_t experts,
                     size_t panels, size_t k, size_t n_threads);
static inline size_t ig_grouped_tasks(const ig_grouped *g) { return g->starts[g->experts]; }

/* Rows [m0, m1) of all the tokens, panels [p0, p1) of the expert's weights. */
typedef void ig_grouped_fn(const void *arg, size_t expert, size_t m0, size_t m1, size_t p0,
                           size_t p1);
/* ig_grouped_run - tasks [begin, end) on this thread. */
void ig_grouped_run(const ig_grouped *g, size_t begin, size_t end, ig_grouped_fn *fn,
                    const void *arg);

typedef struct {
    gemm_f32_fn *kernel;      /* or gemm_f16, gemm_bf16 */
    ig_gemm_f32_args all;     /* c, a and the residual: of all tokens; b and the bias: see below */
    const void *const *b;     /* [experts] panels */
    const float *const *bias; /* [experts] of [N], or NULL */
} ig_gemm_grouped_args;

/* ig_gemm_grouped - an ig_grouped_fn; arg is an ig_gemm_grouped_args. */
void ig_gemm_grouped(const void *arg, size_t expert, size_t m0, size_t m1, size_t p0, size_t p1);

#endif
