/* arena.c - see arena.h. */
#include "runtime/base/arena.h"
#include "runtime/base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST = 4 << 10, LARGEST = 1 << 20 };

typedef struct ig_arena_chunk {
    struct ig_arena_chunk *next;
    size_t bytes; /* whole chunk, this header included */
    size_t used;
} chunk;

void ig_arena_init(ig_arena *arena, ig_heap *heap)
{
    *arena = (ig_arena){.heap = heap, .next_bytes = FIRST};
}

void ig_arena_clear(ig_arena *arena)
{
    for (chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        ig_give(arena->heap, c, c->bytes);
    }
    arena->chunks = NULL;
    arena->next_bytes = FIRST;
    arena->total_bytes = 0;
}

void ig_arena_reset(ig_arena *arena)
{
    chunk *largest = arena->chunks;
    for (chunk *c = arena->chunks; c; c = c->next)
        if (c->bytes > largest->bytes) largest = c;
    for (chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        if (c != largest) ig_give(arena->heap, c, c->bytes);
    }
    arena->chunks = largest;
    if (largest) {
        largest->next = NULL;
        largest->used = sizeof *largest;
    }
    arena->total_bytes = largest ? largest->bytes : 0;
}

static void *from_chunk(chunk *c, size_t n, size_t align)
{
    const size_t start = (c->used + align - 1) & ~(align - 1);
    if (start > c->bytes || n > c->bytes - start) return NULL;
    c->used = start + n;
    return memset((char *)c + start, 0, n);
}

void *ig_arena_take(ig_arena *arena, size_t n)
{
    const size_t align = n >= IG_ALIGN ? IG_ALIGN : 16;
    n = IG_MAX(n, (size_t)1);
    void *p = arena->chunks ? from_chunk(arena->chunks, n, align) : NULL;
    if (p) return p;
    size_t bytes;
    if (!ig_add_ok(n, (size_t)(2 * IG_ALIGN), &bytes)) return NULL;
    const bool own = bytes > arena->next_bytes;
    if (!own) bytes = arena->next_bytes;
    if (arena->limit_bytes && bytes > arena->limit_bytes - arena->total_bytes) return NULL;
    chunk *c = ig_take(arena->heap, bytes);
    if (!c) return NULL;
    c->bytes = bytes;
    c->used = sizeof *c;
    arena->total_bytes += bytes;
    if (own && arena->chunks) { /* keep filling the chunk that still has room */
        c->next = arena->chunks->next;
        arena->chunks->next = c;
    } else {
        c->next = arena->chunks;
        arena->chunks = c;
    }
    if (!own && arena->next_bytes < LARGEST) arena->next_bytes *= 2;
    return from_chunk(c, n, align);
}

void *ig_arena_array(ig_arena *arena, size_t n, size_t each)
{
    size_t bytes;
    return ig_mul_ok(n, each, &bytes) ? ig_arena_take(arena, bytes) : NULL;
}

void *ig_arena_copy(ig_arena *arena, const void *p, size_t n)
{
    void *copy = ig_arena_take(arena, n);
    if (copy && n) memcpy(copy, p, n);
    return copy;
}

char *ig_arena_text(ig_arena *arena, const char *p, size_t n)
{
    size_t bytes;
    char *copy = ig_add_ok(n, (size_t)1, &bytes) ? ig_arena_take(arena, bytes) : NULL;
    if (copy && n) memcpy(copy, p, n);
    return copy;
}

char *ig_arena_printf(ig_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    char *text = n >= 0 ? ig_arena_take(arena, (size_t)n + 1) : NULL;
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
