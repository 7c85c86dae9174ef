/* stream.c - see stream.h. */
#include "kernels/stream/stream.h"

stream_fn *ig_stream(void)
{
    const uint32_t have = ig_cpu_flags();
    stream_fn *best = NULL;
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/stream/stream.kern"
#undef K
    return best;
}
