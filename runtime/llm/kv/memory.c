/* memory.c - pages in this machine's memory; see memory.h. */
#include "runtime/llm/kv/memory.h"

#include <string.h>

static ingot_status take(void *ud, void **out, size_t bytes, bool spare, ingot_error *err)
{
    (void)spare;
    *out = ig_take(ud, bytes);
    return *out ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "no memory for %zu bytes of pages", bytes);
}

static void give(void *ud, void *p, size_t bytes, bool spare)
{
    (void)spare;
    ig_give(ud, p, p ? bytes : 0);
}

static ingot_status move(void *ud, void *to, const void *from, size_t bytes, ig_kv_way way,
                         ingot_error *err)
{
    (void)ud, (void)way, (void)err;
    memcpy(to, from, bytes);
    return INGOT_OK;
}

static ingot_status settle(void *ud, ingot_error *err)
{
    (void)ud, (void)err;
    return INGOT_OK;
}

ig_kv_memory ig_kv_host_memory(ig_heap *heap)
{
    return (ig_kv_memory){.ud = heap, .take = take, .give = give, .move = move, .settle = settle};
}
