/* clock.h - monotonic time in nanoseconds. */
#ifndef IG_CLOCK_H
#define IG_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ig_now_ns - time since some fixed point; never goes back. Threads and signal handlers: any. */
static inline uint64_t ig_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
