/* alloc.c - see alloc.h. */
#include "runtime/base/alloc.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *ud, void *p, size_t old, size_t now)
{
    (void)ud;
    if (now == 0) {
        free(p);
        return NULL;
    }
    size_t rounded;
    if (!ig_align_ok(now, IG_ALIGN, &rounded)) return NULL;
    void *fresh = aligned_alloc(IG_ALIGN, rounded);
    if (fresh && p) {
        memcpy(fresh, p, IG_MIN(old, now));
        free(p);
    }
    return fresh;
}

void ig_heap_init(ig_heap *heap, const ingot_alloc *alloc)
{
    heap->alloc = alloc && alloc->fn ? *alloc : (ingot_alloc){.fn = libc_alloc};
    atomic_init(&heap->live_bytes, 0);
    atomic_init(&heap->peak_bytes, 0);
    atomic_init(&heap->n_calls, 0);
}

void *ig_take(ig_heap *heap, size_t n)
{
    n = IG_MAX(n, (size_t)1);
    void *p = heap->alloc.fn(heap->alloc.ud, NULL, 0, n);
    if (!p) return NULL;
    const size_t live = atomic_fetch_add(&heap->live_bytes, n) + n;
    atomic_fetch_add(&heap->n_calls, 1);
    size_t peak = atomic_load(&heap->peak_bytes);
    while (live > peak && !atomic_compare_exchange_weak(&heap->peak_bytes, &peak, live)) continue;
    return p;
}

void *ig_take0(ig_heap *heap, size_t n)
{
    void *p = ig_take(heap, n);
    if (p) memset(p, 0, IG_MAX(n, (size_t)1));
    return p;
}

void ig_give(ig_heap *heap, void *p, size_t n)
{
    if (!p) return;
    n = IG_MAX(n, (size_t)1);
    atomic_fetch_sub(&heap->live_bytes, n);
    heap->alloc.fn(heap->alloc.ud, p, n, 0);
}

void ig_heap_reset_peak(ig_heap *heap)
{
    atomic_store(&heap->peak_bytes, atomic_load(&heap->live_bytes));
}
