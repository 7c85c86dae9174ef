/* alloc.h - the one allocator of a runtime, with accounting.
 *
 * Freed sizes are passed back, so counting is two atomic adds and no headers are needed. */
#ifndef IG_ALLOC_H
#define IG_ALLOC_H

#include <stdatomic.h>
#include "runtime/base/status.h"

enum { IG_ALIGN = 64 };

typedef struct ig_heap {
    ingot_alloc alloc; /* the host's function, or the default one */
    atomic_size_t live_bytes;
    atomic_size_t peak_bytes;
    atomic_size_t n_calls; /* allocations, not frees */
} ig_heap;

/* ig_heap_init - alloc may be NULL: aligned libc memory. */
void ig_heap_init(ig_heap *heap, const ingot_alloc *alloc);

/* ig_take - n bytes, 64-byte aligned, uninitialised; NULL when there is no memory. n == 0 gives a
 * valid pointer. ig_take0 zeroes. ig_give frees what one of them took; p may be NULL.
 * Threads: any. */
void *ig_take(ig_heap *heap, size_t n);
void *ig_take0(ig_heap *heap, size_t n);
void ig_give(ig_heap *heap, void *p, size_t n);

/* ig_heap_reset_peak - the next peak counts from what is live now. */
void ig_heap_reset_peak(ig_heap *heap);

#endif
