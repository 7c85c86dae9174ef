/* stream_avx2.c - whole lines past the caches; what lies before the first and after the last is
 * stored as usual. */
#include "kernels/stream/stream.h"

#include <immintrin.h>
#include <string.h>

enum { LINE = 64 };

void stream_avx2(void *y, const void *x, size_t bytes)
{
    char *to = y;
    const char *from = x;
    const size_t gap = (LINE - (uintptr_t)y % LINE) % LINE, head = gap < bytes ? gap : bytes;
    memcpy(to, from, head);
    size_t i = head;
    for (; i + LINE <= bytes; i += LINE) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(from + i));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(from + i + 32));
        _mm256_stream_si256((__m256i *)(to + i), a);
        _mm256_stream_si256((__m256i *)(to + i + 32), b);
    }
    memcpy(to + i, from + i, bytes - i);
}
