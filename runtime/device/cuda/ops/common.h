/* common.h - what the device ops share that move or address elements: sizes, strides, walks, tables
 * in device memory. */
#ifndef IG_CU_OPS_COMMON_H
#define IG_CU_OPS_COMMON_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/number.h"
#include "kernels/gather/gather_cuda.h"
#include "kernels/gemm/gemm_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/op.h"

/* ig_cu_state - zeroed b->state of that size; NULL: no memory, b->err is filled. */
void *ig_cu_state(ig_device_bind *b, size_t bytes);
#define IG_CU_STATE(b, type) ((type *)ig_cu_state((b), sizeof(type)))

/* ig_cu_strides - C order, in elements. ig_cu_count - product of dims[from, to). */
void ig_cu_strides(int64_t *strides, int rank, const int64_t *dims);
int64_t ig_cu_count(const int64_t *dims, int from, int to);
static inline int64_t ig_cu_elements(const ig_type *t) { return ig_cu_count(t->dims, 0, t->rank); }

/* ig_cu_axis - an axis attribute that the op's infer has checked, made non-negative. */
static inline int ig_cu_axis(int64_t axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}

/* ig_cu_bytes - of an element that moves as bytes (1, 2, 4, 8 or 16), 0: strings. */
int ig_cu_bytes(ingot_dtype dtype);

/* ig_cu_number - the type as kernels with an argument for it take it, -1: none of them. ig_cu_float
 * - likewise, of f32, f64, f16 and bf16 only. */
int ig_cu_number(ingot_dtype dtype);
int ig_cu_float_type(ingot_dtype dtype);

/* ig_cu_operand - the type as products take it; false: neither f32, f16 nor bf16. ig_cu_act - the
 * activation that a product applies to its sums (kernels/gemm/act_cuda.def), -1: none of that name.
 */
bool ig_cu_operand(cu_float *type, ingot_dtype dtype);
int ig_cu_act(const char *name);

/* ig_cu_has - input i is there. ig_cu_known - its content, NULL: not there, or only a run tells. */
static inline bool ig_cu_has(const ig_device_bind *b, uint32_t i)
{
    return i < b->node->n_in && b->in[i];
}
static inline const ig_tensor *ig_cu_known(const ig_device_bind *b, uint32_t i)
{
    return ig_cu_has(b, i) ? b->known[i] : NULL;
}

/* ig_cu_ints_of - content of known integer input i, which launch then does not need on the device.
 * The count, or -1: not known, no integers, or more than cap. */
int ig_cu_ints_of(ig_device_bind *b, uint32_t i, int64_t *v, size_t cap);

/* ig_cu_walk - a walk of n operands over dims [rank], outermost first; strides[k] are operand k's.
 * false: too many dimensions or elements. */
bool ig_cu_walk(cu_walk *w, int rank, const int64_t *dims, int n, const int64_t *const *strides);
#define IG_CU_TOO_LARGE "too many elements or dimensions for a device's index"

/* ig_cu_indices - an input of indices in device memory; set p at launch. false: no integers. */
bool ig_cu_indices(cu_indices *x, ingot_dtype dtype);

/* ig_cu_table - n bytes of the plan's arena as a constant on the device; given back with
 * ig_cu_unpack in unbind. */
ingot_status ig_cu_table(ig_device *d, ig_device_bind *b, const void *host, size_t bytes,
                         void **out);

/* ig_cu_room - a piece of the node's scratch, 256-byte aligned; false: it does not fit. */
bool ig_cu_room(ig_device_bind *b, int64_t n, size_t each, size_t *at);
static inline void *ig_cu_piece(const ig_device_run *r, size_t at)
{
    return (char *)r->scratch + at;
}

#endif
