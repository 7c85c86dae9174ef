/* bytes.h - building and reading little-endian byte strings.
 *
 * Both are sticky: after the first failure (no memory; past the end) nothing more happens and reads
 * give zero, so that a sequence is checked once, at its end. */
#ifndef IG_BYTES_H
#define IG_BYTES_H

#include "runtime/base/arena.h"

/* ---- building ---- */
typedef struct {
    ig_heap *heap;
    unsigned char *p;
    size_t n, cap;
    bool failed; /* no memory */
} ig_bytes;

void ig_bytes_init(ig_bytes *b, ig_heap *heap);
void ig_bytes_clear(ig_bytes *b);
void ig_put(ig_bytes *b, const void *p, size_t n);
void ig_put_u8(ig_bytes *b, unsigned v);
void ig_put_u32(ig_bytes *b, uint32_t v);
void ig_put_u64(ig_bytes *b, uint64_t v);
void ig_put_f64(ig_bytes *b, double v);
void ig_put_text(ig_bytes *b, const char *p, size_t n); /* u32 length, bytes */
void ig_put_pad(ig_bytes *b, size_t align);             /* zeros to a multiple of align */

/* ---- reading ---- */
typedef struct {
    const unsigned char *p;
    size_t n, at;
    bool failed; /* a read went past the end */
} ig_cursor;

const void *ig_get(ig_cursor *c, size_t n); /* borrowed; NULL past the end */
unsigned ig_get_u8(ig_cursor *c);
uint32_t ig_get_u32(ig_cursor *c);
uint64_t ig_get_u64(ig_cursor *c);
double ig_get_f64(ig_cursor *c);
/* ig_get_text - a terminated copy in the arena; *n (may be NULL) its length. NULL: past the end, or
 * no memory (then failed is set too). A zero byte inside a text is a failure when n is NULL. */
char *ig_get_text(ig_cursor *c, ig_arena *arena, size_t *n);
/* ig_get_count - a u32 count of items that take at least `least` bytes each; past the end: 0,
 * failed. */
uint32_t ig_get_count(ig_cursor *c, size_t least);

#endif
