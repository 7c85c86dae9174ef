/* memory.c - see memory.h. */
#include "bench/kernels/memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20 };

/* More is mapped than asked, and what lies outside of the aligned part is given back. */
void *bench_map(size_t bytes)
{
    const size_t align = bytes >= HUGE ? HUGE : 1;
    if (bytes > SIZE_MAX - 2 * HUGE) return NULL;
    const size_t rounded = (bytes + 4095) / 4096 * 4096, all = rounded + (align > 1 ? HUGE : 0);
    char *p =
        mmap(NULL, all ? all : 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (align == 1) return p;
    char *aligned = p + (HUGE - (uintptr_t)p % HUGE) % HUGE;
    if (aligned > p) munmap(p, (size_t)(aligned - p));
    const size_t after = (size_t)(p + all - (aligned + rounded));
    if (after) munmap(aligned + rounded, after);
    madvise(aligned, rounded, MADV_HUGEPAGE);
    return aligned;
}

void bench_unmap(void *p, size_t bytes)
{
    if (p) munmap(p, bytes ? (bytes + 4095) / 4096 * 4096 : 4096);
}
