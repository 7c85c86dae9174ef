/* batches.h - which matrices a product of batches multiplies: leading dimensions of two operands
 * are broadcast against each other (NumPy's matmul). */
#ifndef IG_OPS_BATCHES_H
#define IG_OPS_BATCHES_H

#include "runtime/graph/op.h"

typedef struct {
    int rank; /* of the result's leading dimensions */
    int64_t dims[IG_MAX_RANK];
} ig_batches;

/* ig_batches_steps - step [rank]: how many matrices an operand moves on for one in each dimension;
 * 0 where it repeats. t: the operand's type, of whose dimensions the first `lead` are the batch. */
void ig_batches_steps(size_t *step, const ig_batches *b, const ig_type *t, int lead);

/* ig_batches_at - the matrix of an operand that the result's i-th one is made of. */
size_t ig_batches_at(const ig_batches *b, const size_t *step, size_t i);

#endif
