/* stream.h - writing past the caches: results that would push themselves out of the last cache.
 *
 * A store to a line that no cache holds first reads it: a third of what a copy moves. Stores past
 * the caches write whole lines unread, and leave the caches to others. Kernels need not know of it:
 * they compute IG_STREAM_BYTES into a room that stays in L1, from where they are sent. Whether to
 * is decided from an op's whole result, by ig_past_caches() of runtime/base/topology.h, and never
 * for one that overwrites its operand: those lines have been read.
 *
 * Threads: pure; whoever streams calls ig_stream_end() before another thread may learn of it. */
#ifndef IG_STREAM_H
#define IG_STREAM_H

#include "kernels/cpu.h"

#include <stddef.h>

enum { IG_STREAM_BYTES = 4096 };

typedef union {
    _Alignas(64) uint8_t bytes[IG_STREAM_BYTES];
    float f32[IG_STREAM_BYTES / sizeof(float)];
} ig_stream_room;

/* y[bytes] = x[bytes], which do not overlap; whole lines of y go past the caches. */
typedef void stream_fn(void *y, const void *x, size_t bytes);

#define K(family, fn, needs) stream_fn fn;
#include "kernels/stream/stream.kern"
#undef K

/* ig_stream - the best usable variant. */
stream_fn *ig_stream(void);

/* ig_stream_end - all of this thread's stores past the caches come before those that follow. */
static inline void ig_stream_end(void)
{
#if IG_X86
    __builtin_ia32_sfence();
#endif
}

#endif
