/* arena.h - memory that is taken piece by piece and given back all at once.
 *
 * A graph, a parsed file or a plan owns one. Chunks double from 4 KiB to 1 MiB; larger requests get
 * a chunk of their own. Not thread-safe. */
#ifndef IG_ARENA_H
#define IG_ARENA_H

#include "runtime/base/alloc.h"

typedef struct ig_arena {
    ig_heap *heap;
    struct ig_arena_chunk *chunks; /* newest first */
    size_t next_bytes;
    size_t total_bytes; /* of all chunks */
    size_t limit_bytes; /* total_bytes never passes it; 0: no limit */
} ig_arena;

void ig_arena_init(ig_arena *arena, ig_heap *heap);
void ig_arena_clear(ig_arena *arena);

/* ig_arena_reset - forget the content, keep the largest chunk: a steady user allocates nothing. */
void ig_arena_reset(ig_arena *arena);

/* ig_arena_take - zeroed, 64-byte aligned for sizes of 64 and more, else 16. NULL: no memory. */
void *ig_arena_take(ig_arena *arena, size_t n);

/* ig_arena_array - n * each bytes, overflow-checked. */
void *ig_arena_array(ig_arena *arena, size_t n, size_t each);

/* Copies, terminated for texts. NULL: no memory. */
void *ig_arena_copy(ig_arena *arena, const void *p, size_t n);
char *ig_arena_text(ig_arena *arena, const char *p, size_t n);
char *ig_arena_printf(ig_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define ig_new(arena, type)       ((type *)ig_arena_take((arena), sizeof(type)))
#define ig_new_n(arena, type, n_) ((type *)ig_arena_array((arena), (n_), sizeof(type)))

#endif
