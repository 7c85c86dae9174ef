/* lookup.h - from a key to its index in a tensor of keys: whole numbers, floats or strings.
 *
 * Open addressing, at most half full. NaN is equal to NaN, -0 to 0; of equal keys the first counts.
 */
#ifndef IG_OPS_LOOKUP_H
#define IG_OPS_LOOKUP_H

#include "runtime/graph/ir.h"

typedef struct {
    const ig_tensor *keys;
    uint32_t *slots; /* index + 1; 0: free */
    size_t mask;
} ig_lookup;

/* ig_lookup_open - keys are borrowed. false: no memory, or more than 2^31 keys. */
bool ig_lookup_open(ig_lookup *l, const ig_tensor *keys, ig_arena *arena);

/* ig_lookup_find - element `at` of data, whose dtype is that of the keys; -1: not among them. */
int64_t ig_lookup_find(const ig_lookup *l, const void *data, size_t at);

/* ig_lookup_text, ig_lookup_int - the same where the keys are strings, i64. */
int64_t ig_lookup_text(const ig_lookup *l, ingot_str text);
int64_t ig_lookup_int(const ig_lookup *l, int64_t v);

#endif
