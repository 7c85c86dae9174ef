/* walk.h - what ops that go through elements ask when they are bound: shapes as kernels walk them,
 * dtypes that kernels know, pieces of scratch. */
#ifndef IG_EL_WALK_H
#define IG_EL_WALK_H

#include "kernels/cuda/index.h"
#include "runtime/device/cuda/op.h"

#define IG_EL_TOO_LARGE "2^31 elements or more"
#define IG_EL_NO_NUMBER "neither integers nor real numbers"

/* ig_el_walk - operands of these types broadcast to out; false: too large or too many dims. */
bool ig_el_walk(cu_walk *w, const ig_type *out, const ig_type *const *in, int n);

/* ig_el_count - elements of t; false: 2^31 or more. */
bool ig_el_count(const ig_type *t, int64_t *n);

/* ig_el_number - has kernels: every dtype but strings and complex numbers. ig_el_float - is a
 * float of any width. */
bool ig_el_number(ingot_dtype dtype);
bool ig_el_float(ingot_dtype dtype);

/* ig_el_split - t seen from an axis (negative: from the end) as [outer, n, inner]. false: no such
 * axis, or too large. */
typedef struct {
    int64_t outer, n, inner;
} ig_el_lines;
bool ig_el_split(ig_el_lines *lines, const ig_type *t, int64_t axis);

/* ig_el_known - the content of input i as int64 where it is a constant integer tensor of at most
 * cap elements: the count, or -1. */
int ig_el_known(const ig_device_bind *b, uint32_t i, int64_t *v, int cap);

/* ig_el_piece - room for n elements of so many bytes at the end of the step's scratch, 256-byte
 * aligned: where it begins. false: too large. */
bool ig_el_piece(ig_device_bind *b, int64_t n, size_t bytes, size_t *at);

/* ig_el_state - zeroed b->state of that size; NULL: no memory, b->err is filled. */
void *ig_el_state(ig_device_bind *b, size_t bytes);

#endif
