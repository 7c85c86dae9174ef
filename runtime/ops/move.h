/* move.h - what the ops that move elements about share. */
#ifndef IG_OPS_MOVE_H
#define IG_OPS_MOVE_H

#include "kernels/copy/copy.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <string.h>

/* An axis attribute that was not given. */
#define IG_NO_AXIS INT64_MIN

enum { IG_GRAIN_BYTES = 128 * 1024 }; /* work worth a thread */

/* ig_strides - C order, in elements. */
void ig_strides(ptrdiff_t *strides, int rank, const int64_t *dims);

/* ig_span - product of dims[from, to); the whole was checked when the tensor was made. */
static inline size_t ig_span(const int64_t *dims, int from, int to)
{
    size_t n = 1;
    for (int d = from; d < to; d++) n *= (size_t)dims[d];
    return n;
}

static inline size_t ig_elem(ingot_dtype dtype) { return ig_dtype(dtype)->bytes; }

/* ig_grain - how many items of `bytes` each are worth a thread. */
static inline size_t ig_grain(size_t bytes)
{
    return IG_GRAIN_BYTES / IG_MAX(bytes, (size_t)1) + 1;
}

/* ig_move - run a whole copy on the pool. */
void ig_move(ig_pool *pool, const ig_copy *copy, void *to, const void *from);

/* ig_move_plan - the copy of a block of n elements a dimension between two strided places. */
void ig_move_plan(ig_copy *copy, ingot_dtype dtype, int rank, const int64_t *n, const ptrdiff_t *to,
                  const ptrdiff_t *from);

/* ig_bind_state - zeroed b->state of that size; NULL: no memory, b->err is filled. */
void *ig_bind_state(ig_bind *b, size_t bytes);
#define IG_BIND_STATE(b, type) ((type *)ig_bind_state((b), sizeof(type)))

/* ig_tensor_ints - content of an integer tensor. Returns the count, or -1: t is NULL, not integers,
 * or more than cap. */
int ig_tensor_ints(const ig_tensor *t, int64_t *v, size_t cap);

/* ig_index_at - element i of a tensor of indices (any integer type). */
static inline int64_t ig_index_at(const ig_tensor *t, size_t i)
{
    if (t->dtype == INGOT_I64) return ((const int64_t *)t->data)[i];
    if (t->dtype == INGOT_I32) return ((const int32_t *)t->data)[i];
    return ig_to_int(t->data, t->dtype, i);
}

/* ig_index_ok - make *index, perhaps counted from the end, lie in [0, n). */
static inline bool ig_index_ok(int64_t *index, int64_t n)
{
    if (*index < 0) *index += n;
    return *index >= 0 && *index < n;
}

/* ig_is_ints - a dtype that indices may have. */
static inline bool ig_is_ints(ingot_dtype dtype)
{
    const ig_dtype_class k = ig_dtype(dtype)->class_;
    return k == IG_CLASS_INT || k == IG_CLASS_UINT;
}

/* ig_infer_ints - E_FORMAT unless input i (if given and its dtype known) holds integers. */
ingot_status ig_infer_ints(ig_infer *c, size_t i);

/* ig_infer_like - out[0] gets the dtype of input 0 and an unknown shape. */
ig_type *ig_infer_like(ig_infer *c);

/* ig_vector_length - elements of a rank-1 (or rank-0: one) input's type; -1: unknown. */
int64_t ig_vector_length(const ig_infer *c, size_t i);

/* ig_infer_axes - the axes in v[n], normalised in place; E_FORMAT: outside, or one twice. */
ingot_status ig_infer_axes(ig_infer *c, int64_t *v, size_t n, int rank);

/* ig_dim_scaled / ig_dim_sum - arithmetic on a dimension; what is not a size gives UNKNOWN.
 * E_FORMAT: it does not fit. */
ingot_status ig_dim_scaled(ig_infer *c, int64_t dim, int64_t factor, int64_t *out);
ingot_status ig_dim_sum(ig_infer *c, int64_t dim, int64_t more, int64_t *out);

#endif
