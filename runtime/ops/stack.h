/* stack.h - tensors of one shape, one a round, gathered into one tensor whose length only the end
 * of the loop tells. Memory comes from the run's side arena and doubles. */
#ifndef IG_OPS_STACK_H
#define IG_OPS_STACK_H

#include "runtime/graph/op.h"

typedef struct {
    ig_tensor each; /* type of the pieces, once there is one */
    size_t n, cap;  /* pieces */
    size_t bytes;   /* of a piece */
    char *data;
} ig_stack;

/* ig_stack_push - copies t. what: the output's number, for messages. */
ingot_status ig_stack_push(ig_stack *s, const ig_tensor *t, ig_run *r, size_t what);

/* ig_stack_give - output `o` is [n, piece...]. `declared`: the type of a piece, for when there was
 * none; its unknown sizes become 0. */
ingot_status ig_stack_give(const ig_stack *s, ig_run *r, size_t o, const ig_type *declared);

#endif
