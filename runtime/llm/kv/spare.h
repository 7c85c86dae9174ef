/* spare.h - a second place for pages that had to give way: host memory, where the first one is a
 * device's or small.
 *
 * A page that is evicted goes here under its name in the index, serial number included, so that its
 * children are found behind it when it comes back. A page is in one of both places. The least
 * recently put goes first. */
#ifndef IG_LLM_KV_SPARE_H
#define IG_LLM_KV_SPARE_H

#include "runtime/llm/kv/kv_parts.h"

/* ig_kv_spare_open - room for as many pages as `bytes` holds; none: *out is NULL. Errors: as the
 * memory's, E_NOMEM. */
ingot_status ig_kv_spare_open(kv_spare **out, ig_kv_cache *cache, size_t bytes, ingot_error *err);
void ig_kv_spare_close(kv_spare **spare);

/* ig_kv_spare_put - keep what page `page` of the cache holds; it is in the index. spare may be
 * NULL. false: it could not be moved, and is lost. */
bool ig_kv_spare_put(kv_spare *spare, int32_t page);

/* ig_kv_spare_find - a kept page of that name, or KV_NONE; spare may be NULL. */
int32_t ig_kv_spare_find(const kv_spare *spare, const kv_key *key);

/* ig_kv_spare_take - a page of the cache, held once and in the index, with what slot `at` kept;
 * there is room for it. KV_NONE: it could not be moved. */
int32_t ig_kv_spare_take(kv_spare *spare, int32_t at, const kv_key *key);

#endif
