/* stream_ref.c - a plain copy. */
#include "kernels/stream/stream.h"

#include <string.h>

void stream_ref(void *y, const void *x, size_t bytes)
{
    if (bytes) memcpy(y, x, bytes);
}
