/* memory.h - where pages lie: this machine's memory, or a device's.
 *
 * The cache never looks into a page; it has them moved. Moves are made in the order in which they
 * were asked for and in order with the steps that read and write pages, but they need not be done
 * when the call returns: `settle` waits for that. Memory for spare pages is the host's in any case.
 *
 * Errors: E_DEVICE: the device is gone, and with it all pages. */
#ifndef IG_LLM_KV_MEMORY_H
#define IG_LLM_KV_MEMORY_H

#include "runtime/base/alloc.h"

typedef enum {
    IG_KV_WITHIN,   /* page to page */
    IG_KV_TO_SPARE, /* to host memory: spare pages, or a buffer that is read after `settle` */
    IG_KV_FROM_SPARE
} ig_kv_way;

typedef struct {
    void *ud;
    bool device; /* pages as ig_page_format_init_device lays them out */
    ingot_status (*take)(void *ud, void **out, size_t bytes, bool spare, ingot_error *err);
    void (*give)(void *ud, void *p, size_t bytes, bool spare);
    ingot_status (*move)(void *ud, void *to, const void *from, size_t bytes, ig_kv_way way,
                         ingot_error *err);
    ingot_status (*settle)(void *ud, ingot_error *err);
} ig_kv_memory;

/* ig_kv_host_memory - pages of a heap, moved at once. */
ig_kv_memory ig_kv_host_memory(ig_heap *heap);

#endif
