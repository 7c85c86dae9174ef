/* batches.c - matrices of broadcast batches. */
#include "runtime/ops/batches.h"

void ig_batches_steps(size_t *step, const ig_batches *b, const ig_type *t, int lead)
{
    size_t next = 1;
    for (int d = b->rank - 1, i = lead - 1; d >= 0; d--, i--) {
        const size_t size = i >= 0 ? (size_t)t->dims[i] : 1;
        step[d] = size == 1 ? 0 : next;
        next *= size;
    }
}

size_t ig_batches_at(const ig_batches *b, const size_t *step, size_t i)
{
    size_t at = 0;
    for (int d = b->rank - 1; d >= 0; d--) {
        at += i % (size_t)b->dims[d] * step[d];
        i /= (size_t)b->dims[d];
    }
    return at;
}
