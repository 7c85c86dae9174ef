/* carry.h - values that one round of a loop hands to the next.
 *
 * A body's results lie in its own memory, which its next run overwrites, so they move to memory of
 * the loop: plain tensors over their predecessors where nobody still looks at these, the rest into
 * an arena that is copied to a second one when it is mostly garbage. Items of a sequence that were
 * there the round before stay where they are, so a loop that appends n items copies n items. */
#ifndef IG_OPS_CARRY_H
#define IG_OPS_CARRY_H

#include "runtime/graph/ir.h"

typedef struct {
    ig_tensor *now; /* [n] the current values */
    size_t *room;   /* [n] bytes at now[i].data that may be overwritten; 0: borrowed */
    size_t n;
    ig_arena keep[2];
    int at;
    size_t live_bytes; /* of keep[at] after it was last cleaned */
} ig_carry;

/* ig_carry_init - arrays come from `arena`. false: no memory. ig_carry_clear gives the rest back.
 */
bool ig_carry_init(ig_carry *c, size_t n, ig_arena *arena, ig_heap *heap, size_t limit_bytes);
void ig_carry_clear(ig_carry *c);

/* ig_carry_start - begin with borrowed values (NULL: absent). */
void ig_carry_start(ig_carry *c, const ig_tensor *const *in);

/* ig_carry_step - the values are now out[n], which are copied where needed; one without data lies
 * on a device and is only noted. false: no memory. */
bool ig_carry_step(ig_carry *c, const ig_tensor *out);

#endif
