/* kv_step.h - what one step of a language model sees of the cache of keys and values.
 *
 * The tokens of all sequences of a step lie in one flat dimension, sequence after sequence. A page
 * of the cache holds P tokens of one sequence for every layer and key head; `paged_attention`
 * writes the keys and values of the step's tokens into pages and reads all that come before. The
 * owner of the cache sees to it that pages of new tokens belong to one sequence alone. */
#ifndef IG_KV_STEP_H
#define IG_KV_STEP_H

#include "kernels/attention/pages.h"

/* The rows [row, row + n) of the flat tokens belong to one sequence, of which `before` tokens are
 * in the cache: row `row` + i is its token number before + i. */
typedef struct {
    size_t row, n, before;
    const int32_t *pages; /* [ceil((before + n) / P)] in order; all there, whatever the windows */
} ig_kv_span;

typedef struct {
    const ig_kv_layer *layers;
    size_t n_layers;
    unsigned char *base;     /* page i begins at base + i * page_bytes; 64-byte aligned */
    size_t page_bytes;       /* of all layers, a multiple of 64 */
    const ig_kv_span *spans; /* in order of row; together they are all rows */
    size_t n_spans;
} ig_kv_step;

#endif
