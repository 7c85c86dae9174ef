/* weights.h - products on the pool with weights of any type, plain or gated, of one matrix or of
 * many (experts): what glu and moe share.
 *
 *   plain  y [m, n] = x W + bias          floats [k, n] in IG_P16; low bits: W [n, k] in panels
 *   gated  y [m, n] = up * act(gate)      the same with N = 16 ceil(n / 8) columns in glu's order
 *
 * Several matrices lie one after the other; rows [first[i], first[i + 1]) of y meet the matrix
 * which[i]. Each row has the bits of a product of its own. */
#ifndef IG_OPS_WEIGHTS_H
#define IG_OPS_WEIGHTS_H

#include "runtime/ops/act.h"
#include "runtime/ops/q_product.h"
#include "runtime/ops/wide.h"
#include "kernels/gemm/gemm.h"

/* What the attributes of a node say. */
typedef struct {
    int64_t n, k;
    const char *format; /* a name of kernels/gemm_q/q_formats.def; NULL: floats */
    bool gated;
    int acts, act;
    double act_a, act_b;
} ig_weights_spec;

/* ig_weights_infer - is `w` such weights, of `matrices` (< 0: one, without a leading dimension),
 * and `bias` (NULL: none) as long as it must be? what: for messages. */
ingot_status ig_weights_infer(ig_infer *c, const ig_weights_spec *spec, const ig_type *w,
                              const ig_type *bias, int64_t matrices, const char *what);

/* Columns of the weights: n, or N. */
static inline int64_t ig_weights_columns(const ig_weights_spec *s)
{
    return s->gated ? (s->n / 8 + (s->n % 8 != 0)) * 16 : s->n;
}

/* Made when a node is bound. */
typedef struct {
    const ig_q_format *format; /* NULL: floats */
    bool gated;
    int acts;
    size_t m, n, k, columns;
    size_t panels, panel_bytes; /* of a matrix */
    gemm_f32_fn *gemm;
    ig_q_kernels low;
    ig_epilogue activate;
    size_t at_acts, at_rows, at_worker, worker_bytes, at_padded; /* scratch */
} ig_weights;

/* ig_weights_bind - for m rows of y. ordered: x's rows are taken in an order (see below). `w` and
 * `layout` are those of the input; its types were checked by ig_weights_infer. */
ingot_status ig_weights_bind(ig_weights *out, ig_bind *b, const ig_weights_spec *spec,
                             const ig_type *w, ig_layout layout, size_t m, bool ordered);

typedef struct {
    float *y;             /* [m, n] */
    const float *x;       /* [.., k] */
    const int32_t *order; /* [m] row i of y comes from row order[i] of x; NULL: from row i */
    const void *w;
    const float *bias;   /* of all matrices, one after the other, or NULL */
    const size_t *first; /* [n_used + 1], from 0 to m */
    const size_t *which; /* [n_used] */
    size_t n_used;
    size_t *starts;       /* [n_used + 1], work space */
    ig_q_expert *experts; /* [n_used], work space */
} ig_weights_args;

void ig_weights_run(const ig_weights *w, const ig_run *r, const ig_weights_args *args);

#endif
