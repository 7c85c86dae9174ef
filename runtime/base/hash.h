/* hash.h - XXH3, 128 bits: fast enough (tens of GB/s from cache) to check every byte of a model.
 * Not cryptographic: it finds damage, not forgery. */
#ifndef IG_HASH_H
#define IG_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t lo, hi;
} ig_hash128;

/* ig_hash - of n bytes; p may be NULL when n is 0. Seed 0, the same on every machine. */
ig_hash128 ig_hash(const void *p, size_t n);

static inline bool ig_hash_equal(ig_hash128 a, ig_hash128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* Piece by piece, with the same result as in one go. */
typedef struct {
    _Alignas(64) unsigned char state[576];
} ig_hasher;

void ig_hasher_init(ig_hasher *h);
void ig_hasher_add(ig_hasher *h, const void *p, size_t n);
ig_hash128 ig_hasher_result(const ig_hasher *h); /* may go on adding afterwards */

/* ig_hash_text - 32 hexadecimal digits as xxh128sum prints them, terminated. Returns text. */
char *ig_hash_text(char text[33], ig_hash128 hash);

#endif
