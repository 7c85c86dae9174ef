/* bytes.c - see bytes.h. */
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"

#include <string.h>

void ig_bytes_init(ig_bytes *b, ig_heap *heap) { *b = (ig_bytes){.heap = heap}; }

void ig_bytes_clear(ig_bytes *b)
{
    ig_give(b->heap, b->p, b->cap);
    *b = (ig_bytes){.heap = b->heap};
}

static bool room(ig_bytes *b, size_t n)
{
    size_t want, cap = b->cap ? b->cap : 1024;
    if (b->failed || !ig_add_ok(b->n, n, &want)) return !(b->failed = true);
    if (want <= b->cap) return true;
    while (cap < want)
        if (!ig_mul_ok(cap, (size_t)2, &cap)) return !(b->failed = true);
    unsigned char *p = ig_take(b->heap, cap);
    if (!p) return !(b->failed = true);
    if (b->n) memcpy(p, b->p, b->n);
    ig_give(b->heap, b->p, b->cap);
    b->p = p;
    b->cap = cap;
    return true;
}

void ig_put(ig_bytes *b, const void *p, size_t n)
{
    if (!n || !room(b, n)) return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_uint(ig_bytes *b, uint64_t v, size_t n)
{
    unsigned char raw[8];
    for (size_t i = 0; i < n; i++) raw[i] = (unsigned char)(v >> 8 * i);
    ig_put(b, raw, n);
}

void ig_put_u8(ig_bytes *b, unsigned v) { put_uint(b, v, 1); }

void ig_put_u32(ig_bytes *b, uint32_t v) { put_uint(b, v, 4); }

void ig_put_u64(ig_bytes *b, uint64_t v) { put_uint(b, v, 8); }

void ig_put_f64(ig_bytes *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    ig_put_u64(b, bits);
}

void ig_put_text(ig_bytes *b, const char *p, size_t n)
{
    if (n > UINT32_MAX) {
        b->failed = true;
        return;
    }
    ig_put_u32(b, (uint32_t)n);
    ig_put(b, p, n);
}

void ig_put_pad(ig_bytes *b, size_t align)
{
    while (!b->failed && b->n % align) ig_put_u8(b, 0);
}

const void *ig_get(ig_cursor *c, size_t n)
{
    if (c->failed || n > c->n - c->at) {
        c->failed = true;
        return NULL;
    }
    const void *p = c->p + c->at;
    c->at += n;
    return p;
}

static uint64_t get_uint(ig_cursor *c, size_t n)
{
    const unsigned char *raw = ig_get(c, n);
    uint64_t v = 0;
    for (size_t i = 0; raw && i < n; i++) v |= (uint64_t)raw[i] << 8 * i;
    return v;
}

unsigned ig_get_u8(ig_cursor *c) { return (unsigned)get_uint(c, 1); }

uint32_t ig_get_u32(ig_cursor *c) { return (uint32_t)get_uint(c, 4); }

uint64_t ig_get_u64(ig_cursor *c) { return get_uint(c, 8); }

double ig_get_f64(ig_cursor *c)
{
    const uint64_t bits = ig_get_u64(c);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

char *ig_get_text(ig_cursor *c, ig_arena *arena, size_t *n)
{
    const size_t length = ig_get_u32(c);
    const char *p = ig_get(c, length);
    if (!p || (!n && memchr(p, 0, length))) {
        c->failed = true;
        return NULL;
    }
    char *copy = ig_arena_text(arena, p, length);
    if (!copy) c->failed = true;
    if (n) *n = length;
    return copy;
}

uint32_t ig_get_count(ig_cursor *c, size_t least)
{
    const uint32_t n = ig_get_u32(c);
    if (c->failed || n > (c->n - c->at) / least) {
        c->failed = true;
        return 0;
    }
    return n;
}
