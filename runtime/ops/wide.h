/* wide.h - whole tensors in the type that a kernel computes in, and pieces of scratch.
 *
 * The ops of neural nets compute in f32 or f64. Where a tensor's own type is that type its memory
 * is used as it is; else (f16, bf16, small integers) bind reserves a piece of scratch, and run
 * widens the input or rounds the output once. */
#ifndef IG_OPS_WIDE_H
#define IG_OPS_WIDE_H

#include "runtime/graph/op.h"
#include "runtime/ops/block.h"

/* ig_scratch_add - a piece of n * each bytes at the end of the node's scratch, 64-byte aligned. */
ingot_status ig_scratch_add(ig_bind *b, size_t n, size_t each, size_t *at);

static inline void *ig_piece(const ig_run *r, size_t at) { return (char *)r->scratch + at; }

/* ig_calc_float - the computing type of a float dtype: f64 in f64, all others in f32. */
static inline ig_calc ig_calc_float(ingot_dtype dtype)
{
    return dtype == INGOT_F64 ? IG_CALC_F64 : IG_CALC_F32;
}
static inline size_t ig_calc_bytes(ig_calc calc) { return ig_dtype(ig_calc_dtype(calc))->bytes; }

typedef struct {
    size_t at, n; /* piece of scratch, elements */
    ig_calc calc;
    bool copied; /* false: the tensor's own memory serves */
} ig_wide;

/* ig_wide_bind - t may be NULL: nothing is reserved. ig_wide_bind_n: n elements, whatever the dims
 * say (packed constants). */
ingot_status ig_wide_bind(ig_wide *w, ig_bind *b, const ig_type *t, ig_calc calc);
ingot_status ig_wide_bind_n(ig_wide *w, ig_bind *b, const ig_type *t, ig_calc calc, size_t n);

const void *ig_wide_in(const ig_wide *w, const ig_run *r, const ig_tensor *t); /* NULL for NULL */
void *ig_wide_room(const ig_wide *w, const ig_run *r, const ig_tensor *t); /* where to compute */
void ig_wide_store(const ig_wide *w, const ig_run *r, const ig_tensor *t); /* when computed */

/* ig_widen, ig_narrow - n elements between a dtype and its computing type, on the pool. */
void ig_widen(ig_pool *pool, void *out, ig_calc calc, const void *in, ingot_dtype dtype, size_t n);
void ig_narrow(ig_pool *pool, void *out, ingot_dtype dtype, const void *in, ig_calc calc, size_t n);

/* ig_wide_constant - a constant in the computing type for as long as the plan: its own memory, or a
 * widened copy. NULL: no memory, b->err is filled. */
const void *ig_wide_constant(ig_bind *b, const ig_tensor *t, ig_calc calc);

/* ig_bind_new - zeroed b->state of that size; NULL: no memory, b->err is filled. */
void *ig_bind_new(ig_bind *b, size_t bytes);

/* ig_product - of dims[from, to); the whole was checked when the type was made. */
static inline size_t ig_dims_product(const int64_t *dims, int from, int to)
{
    size_t n = 1;
    for (int d = from; d < to; d++) n *= (size_t)dims[d];
    return n;
}

#endif
