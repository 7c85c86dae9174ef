/* attention_rows.h - attention of one head, a query at a time, with everything that ONNX allows:
 * soft cap, windows, scores as an output. kernels/attention does the common case.
 *
 * A key that causality, a window or the count of keys hides counts as one that the mask takes
 * -infinity off; a query without any key gives zeros (or NaN, see hidden_nan). */
#ifndef IG_OPS_ATTENTION_ROWS_H
#define IG_OPS_ATTENTION_ROWS_H

#include "runtime/graph/op.h"
#include "runtime/ops/block.h"

/* What the optional output of scores holds. */
typedef enum { IG_SCORES_RAW, IG_SCORES_CAPPED, IG_SCORES_MASKED, IG_SCORES_SOFTMAX } ig_scores;

typedef struct {
    void *y;                /* [tq, dv] of the computing type, f32 or f64 */
    const void *q, *k, *v;  /* [tq, d], [tk, d], [tk, dv] */
    const void *mask;       /* NULL, or [tq, tk] to add */
    size_t tk, d, dv, keys; /* keys: so many of tk are there */
    size_t y_row, q_row, k_row, v_row, mask_row;
    double scale, softcap; /* softcap 0: none */
    bool causal;
    int64_t offset, left, right; /* query i stands at key i + offset; windows < 0: none */
    const ig_tensor *scores;     /* NULL, or where they go */
    size_t scores_at;            /* of query 0 */
    ig_scores mode;
    bool hidden_nan; /* a query without any key gives NaN */
} ig_attention_rows;

typedef void ig_attention_rows_fn(const ig_attention_rows *p, size_t q0, size_t q1, void *scratch);

/* scratch: tk elements of the type. */
ig_attention_rows_fn ig_attention_rows_f32, ig_attention_rows_f64;

#endif
