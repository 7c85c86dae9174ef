/* kv_parts.h - what the files of the cache share.
 *
 * Every page is in one of three states: free (refs 0, serial 0, in the list of free pages), held
 * (refs > 0), cached (refs 0, serial > 0, in the list by age). A page with a serial is in the index
 * and full; its bytes are not written any more.
 *
 * The index is a tree: a page's parent is the serial number of the page before it in every
 * sequence that holds it. Who holds a page holds its parent too, and gives the parent back later:
 * no page gives way before its children, unless a sequence rewrites it; then its cached children
 * cannot be found any more and go in their turn. */
#ifndef IG_LLM_KV_PARTS_H
#define IG_LLM_KV_PARTS_H

#include "runtime/llm/kv/kv_cache.h"

enum { KV_NONE = -1, KV_PAGE_TOKENS = 16 };

typedef struct kv_spare kv_spare;

typedef struct {
    uint64_t serial;       /* 0: not in the index */
    uint64_t parent, salt; /* of a page in the index; parent 0: the first of a sequence */
    uint64_t hash;
    int32_t refs;       /* sequences that hold it */
    int32_t next, prev; /* in the list of free pages (next), or by age: next is younger */
    int32_t chain;      /* next page of the same bucket */
} kv_page;

struct ig_kv_cache {
    ig_heap *heap;
    ig_kv_layer *layers; /* [n_layers] */
    size_t n_layers, page_tokens, page_bytes, n_pages;
    bool private_pages;
    ig_kv_memory memory;
    unsigned char *base; /* [n_pages, page_bytes], moved by `memory` alone */
    kv_spare *spare;     /* NULL: pages that give way are lost */
    kv_page *pages;      /* [n_pages] */
    int32_t *tokens;     /* [n_pages, page_tokens] */
    int32_t *buckets;    /* [n_pages]: by hash, the first page of a chain */
    uint64_t *evicted;   /* [n_pages]: by hash, the last page that gave way */
    int32_t free, oldest, newest;
    size_t n_free, n_cached, n_seqs;
    uint64_t last_serial;
    ig_kv_stats stats; /* counts only */
};

struct ig_kv_seq {
    ig_kv_cache *cache;
    uint64_t salt;
    bool private_pages;  /* they came from a file */
    size_t length, most; /* tokens */
    size_t n_pages;      /* held: those of `length` tokens, then those reserved */
    int32_t *table;      /* [pages of `most` tokens, at most all of the cache] */
};

/* ---- pages.c ---- */

/* ig_kv_page_take - a page that nothing refers to, held once; there is room. */
int32_t ig_kv_page_take(ig_kv_cache *cache);
void ig_kv_page_hold(ig_kv_cache *cache, int32_t page);
void ig_kv_page_drop(ig_kv_cache *cache, int32_t page);

/* What names a page in the index. */
typedef struct {
    uint64_t parent, salt;
    const int32_t *tokens; /* [page_tokens] */
    uint64_t hash;         /* of all three */
} kv_key;

kv_key ig_kv_key(const ig_kv_cache *cache, uint64_t parent, uint64_t salt, const int32_t *tokens);
int32_t ig_kv_page_find(const ig_kv_cache *cache, const kv_key *key); /* or KV_NONE */
bool ig_kv_was_evicted(const ig_kv_cache *cache, const kv_key *key);
/* ig_kv_page_publish - serial: 0, or that which it had when it was in the index before. */
void ig_kv_page_publish(ig_kv_cache *cache, int32_t page, const kv_key *key, uint64_t serial);
void ig_kv_page_hide(ig_kv_cache *cache, int32_t page); /* out of the index; may not be in it */

static inline int32_t *ig_kv_page_tokens_of(const ig_kv_cache *cache, int32_t page)
{
    return cache->tokens + (size_t)page * cache->page_tokens;
}

static inline unsigned char *ig_kv_page_at(const ig_kv_cache *cache, int32_t page)
{
    return cache->base + (size_t)page * cache->page_bytes;
}

static inline size_t ig_kv_pages_of(const ig_kv_cache *cache, size_t n_tokens)
{
    return n_tokens / cache->page_tokens + (n_tokens % cache->page_tokens != 0);
}

#endif
