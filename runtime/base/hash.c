/* hash.c - see hash.h. The hash comes whole from xxhash's header: no library is linked. */
#include "runtime/base/hash.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(ig_hasher), "room for the state");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(ig_hasher), "alignment of the state");

ig_hash128 ig_hash(const void *p, size_t n)
{
    const XXH128_hash_t h = XXH3_128bits(n ? p : "", n);
    return (ig_hash128){h.low64, h.high64};
}

void ig_hasher_init(ig_hasher *h) { XXH3_128bits_reset((XXH3_state_t *)h); }

void ig_hasher_add(ig_hasher *h, const void *p, size_t n)
{
    if (n) XXH3_128bits_update((XXH3_state_t *)h, p, n);
}

ig_hash128 ig_hasher_result(const ig_hasher *h)
{
    const XXH128_hash_t r = XXH3_128bits_digest((const XXH3_state_t *)h);
    return (ig_hash128){r.low64, r.high64};
}

char *ig_hash_text(char text[33], ig_hash128 hash)
{
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.hi, (unsigned long long)hash.lo);
    return text;
}
