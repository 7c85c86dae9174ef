/* index.h - what the ops that are steered by index tensors share. */
#ifndef IG_OPS_INDEX_H
#define IG_OPS_INDEX_H

#include "runtime/ops/move.h"

/* ig_index_check - E_DATA unless every element of `index` lies in [-n, n). */
ingot_status ig_index_check(ig_run *r, const ig_tensor *index, int64_t n);

/* ig_rows_gather - y[i] = x[row[i]] for i < n, rows of `bytes`. */
void ig_rows_gather(ig_pool *pool, void *y, const void *x, const int64_t *row, size_t bytes,
                    size_t n);

/* ig_tuple_rows - row[i] = number of the slice that tuple i of `index` [..., k] points to, when the
 * first batch_dims dims of index and data are walked together. E_DATA: out of range. */
ingot_status ig_tuple_rows(ig_run *r, int64_t *row, const ig_tensor *data, const ig_tensor *index,
                           int batch_dims);

/* ig_elements_walk - for ops that read or write data[.., index[i], ..] at the place i: calls
 * fn(arg, first element of the row, offsets in the data, count) for rows of indices begin..end of
 * the last dimension, at most IG_WALK at a time. Indices must have been checked. */
enum { IG_WALK = 256 };
typedef void ig_walk_fn(void *arg, size_t at, const int64_t *offset, size_t n);
void ig_elements_walk(const ig_tensor *data, const ig_tensor *index, int axis, size_t begin,
                      size_t end, ig_walk_fn *fn, void *arg);

/* ---- combining ---- */

typedef enum { IG_PUT, IG_PUT_ADD, IG_PUT_MUL, IG_PUT_MIN, IG_PUT_MAX } ig_put;

/* y[i] = y[i] op x[i]; narrow floats round each time, integers wrap. */
typedef void ig_combine_fn(void *y, const void *x, size_t n);

/* ig_combine - NULL: the dtype has no such operation. Not for IG_PUT. */
ig_combine_fn *ig_combine(ingot_dtype dtype, ig_put put);

/* ig_put_names - choices of the attribute `reduction`, in the order of ig_put. */
extern const char *const ig_put_names[];

/* ig_infer_put - E_FORMAT unless the inputs are data, integers, and updates of the data's dtype,
 * which can be combined so. Shapes are not looked at. */
ingot_status ig_infer_put(ig_infer *c, ig_put put);

#endif
