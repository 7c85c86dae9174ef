/* fence.c - buffers between unreadable pages.
 *
 * Layout of one buffer, in pages: [none] [canary .. data .. canary] [none]. With at_end the data
 * ends as near to the last page as its size allows, so that reading one element too many faults;
 * else it begins at the first page, so that reading one too few does. */
#include "tests/kernels/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 64, CANARY = 0xa7 };

static struct {
    uint8_t *map, *data;
    size_t map_bytes, bytes;
} fences[MOST];
static size_t n_fences;

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *fence_take(size_t bytes, size_t align, bool at_end)
{
    const size_t inner = (bytes + page() - 1) / page() * page() + page();
    const size_t all = inner + 2 * page();
    uint8_t *map = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (n_fences == MOST || map == MAP_FAILED ||
        mprotect(map + page(), inner, PROT_READ | PROT_WRITE)) {
        fprintf(stderr, "kernel-check: no memory for a buffer of %zu bytes\n", bytes);
        exit(2);
    }
    uint8_t *low = map + page(), *data = low;
    if (at_end) data = low + (inner - bytes) / align * align;
    memset(low, CANARY, (size_t)(data - low));
    memset(data + bytes, CANARY, (size_t)(low + inner - data) - bytes);
    fences[n_fences].map = map;
    fences[n_fences].data = data;
    fences[n_fences].map_bytes = all;
    fences[n_fences++].bytes = bytes;
    return data;
}

static bool all_canary(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p == CANARY) p++;
    return p == end;
}

const char *fence_broken(void)
{
    for (size_t i = 0; i < n_fences; i++) {
        const uint8_t *low = fences[i].map + page(), *data = fences[i].data;
        const uint8_t *end = fences[i].map + fences[i].map_bytes - page();
        if (!all_canary(low, data)) return "bytes before a buffer were overwritten";
        if (!all_canary(data + fences[i].bytes, end)) return "bytes past a buffer were overwritten";
    }
    return NULL;
}

void fence_drop(void)
{
    while (n_fences) {
        n_fences--;
        munmap(fences[n_fences].map, fences[n_fences].map_bytes);
    }
}
