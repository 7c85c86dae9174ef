/* shard_weights.h - a rank's share of a weight: some of its columns, or some of its rows.
 *
 * W [k, n] as products take it, or several of them one after the other: floats in IG_P16 or plain,
 * or low bits in the panels of kernels/gemm_q. A share that lies in one piece is a view of the
 * original, which must outlive it; others are copied into the graph's arena. */
#ifndef IG_SHARD_WEIGHTS_H
#define IG_SHARD_WEIGHTS_H

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/graph/ir.h"

/* Columns [begin, end). */
typedef struct {
    size_t begin, end;
} ig_run_of;

enum { IG_RUNS = 3 };
/* What of a row a rank keeps, in order. n == 0: all of it. */
typedef struct {
    ig_run_of v[IG_RUNS];
    size_t n;
} ig_runs;

static inline size_t ig_runs_width(const ig_runs *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += r->v[i].end - r->v[i].begin;
    return n;
}

typedef struct {
    size_t n, k;
    const ig_q_format *format; /* NULL: floats */
} ig_shard_matrix;

/* ig_shard_unit - the step in which matrices of these weights are cut along k. */
size_t ig_shard_unit(const ig_shard_matrix *m);

/* ig_shard_columns - the constant w of `from`, with these columns only, as a constant of `to`.
 * Errors: E_NOMEM. */
ingot_status ig_shard_columns(ig_id *out, ig_graph *to, const ig_value *w, const ig_shard_matrix *m,
                              const ig_runs *runs, ingot_error *err);

/* ig_shard_rows - the same with rows k in [run.begin, run.end), multiples of the unit or k. Errors:
 * also E_UNSUPPORTED (they are not). */
ingot_status ig_shard_rows(ig_id *out, ig_graph *to, const ig_value *w, const ig_shard_matrix *m,
                           ig_run_of run, ingot_error *err);

/* ig_shard_vector - the elements of a plain constant's last dimension. */
ingot_status ig_shard_vector(ig_id *out, ig_graph *to, const ig_value *v, const ig_runs *runs,
                             ingot_error *err);

#endif
