/* word_cache.h - ids of words seen before: natural text repeats its words, and a look-up is cheaper
 * than merging. Direct-mapped, fixed size: a newer word takes the older one's place. One thread. */
#ifndef IG_TEXT_WORD_CACHE_H
#define IG_TEXT_WORD_CACHE_H

#include "runtime/text/model.h"

typedef struct ig_cached_word ig_cached_word;

typedef struct {
    ig_heap *heap;
    ig_cached_word *words;
} ig_word_cache;

ingot_status ig_word_cache_open(ig_word_cache *c, ig_heap *heap, ingot_error *err);
void ig_word_cache_close(ig_word_cache *c);

/* ig_word_cache_get - append the ids of p[0, n) when the cache has them. */
bool ig_word_cache_get(const ig_word_cache *c, ig_ids *out, const char *p, size_t n);
void ig_word_cache_put(ig_word_cache *c, const char *p, size_t n, const uint32_t *ids,
                       size_t n_ids);

#endif
