/* memory.h - large memory for measuring: whole pages, huge ones where the system has them. */
#ifndef IG_BENCH_MEMORY_H
#define IG_BENCH_MEMORY_H

#include <stddef.h>

/* bench_map - zeroed memory, aligned to 2 MB when it is that large; NULL: there is none. */
void *bench_map(size_t bytes);
void bench_unmap(void *p, size_t bytes); /* p may be NULL */

#endif
