/* harness.h - what the files of kernel-check share among themselves. */
#ifndef IG_TESTS_HARNESS_H
#define IG_TESTS_HARNESS_H

#include "tests/kernels/kernel_check.h"

/* The random stream (splitmix64). */
typedef struct {
    uint64_t state;
} check_rng;
uint64_t check_rng_next(check_rng *r);

/* fence.c - memory between unreadable pages. */
void *fence_take(size_t bytes, size_t align, bool at_end); /* exits when memory is out */
const char *fence_broken(void);                            /* what was overwritten, or NULL */
void fence_drop(void);                                     /* all of it */

#endif
