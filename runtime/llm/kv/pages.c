/* pages.c - see kv_parts.h: who holds a page, which one gives way, how one is found. */
#include "runtime/llm/kv/spare.h"

#include <assert.h>
#include <string.h>

/* ---- by age ---- */

static void link_newest(ig_kv_cache *c, int32_t page)
{
    c->pages[page].prev = c->newest;
    c->pages[page].next = KV_NONE;
    if (c->newest == KV_NONE)
        c->oldest = page;
    else
        c->pages[c->newest].next = page;
    c->newest = page;
    c->n_cached++;
}

static void unlink_cached(ig_kv_cache *c, int32_t page)
{
    const kv_page *p = &c->pages[page];
    *(p->prev == KV_NONE ? &c->oldest : &c->pages[p->prev].next) = p->next;
    *(p->next == KV_NONE ? &c->newest : &c->pages[p->next].prev) = p->prev;
    c->n_cached--;
}

/* ---- holding ---- */

static void evict_oldest(ig_kv_cache *c)
{
    const int32_t page = c->oldest;
    const uint64_t hash = c->pages[page].hash;
    unlink_cached(c, page);
    const bool spared = ig_kv_spare_put(c->spare, page);
    ig_kv_page_hide(c, page);
    if (!spared) c->evicted[hash % c->n_pages] = hash;
    c->pages[page].next = c->free;
    c->free = page;
    c->n_free++;
    c->stats.evicted++;
}

int32_t ig_kv_page_take(ig_kv_cache *c)
{
    if (!c->n_free) evict_oldest(c);
    const int32_t page = c->free;
    assert(page != KV_NONE && !c->pages[page].refs && !c->pages[page].serial);
    c->free = c->pages[page].next;
    c->n_free--;
    c->pages[page].refs = 1;
    return page;
}

void ig_kv_page_hold(ig_kv_cache *c, int32_t page)
{
    kv_page *p = &c->pages[page];
    assert(p->refs || p->serial);
    if (!p->refs++) unlink_cached(c, page);
}

void ig_kv_page_drop(ig_kv_cache *c, int32_t page)
{
    kv_page *p = &c->pages[page];
    assert(p->refs > 0);
    if (--p->refs) return;
    if (p->serial) {
        link_newest(c, page);
        return;
    }
    p->next = c->free;
    c->free = page;
    c->n_free++;
}

/* ---- the index ---- */

kv_key ig_kv_key(const ig_kv_cache *c, uint64_t parent, uint64_t salt, const int32_t *tokens)
{
    const uint64_t head[2] = {parent, salt};
    ig_hasher h;
    ig_hasher_init(&h);
    ig_hasher_add(&h, head, sizeof head);
    ig_hasher_add(&h, tokens, c->page_tokens * sizeof *tokens);
    const uint64_t hash = ig_hasher_result(&h).lo;
    return (kv_key){parent, salt, tokens, hash ? hash : 1}; /* 0: no page has given way here */
}

int32_t ig_kv_page_find(const ig_kv_cache *c, const kv_key *key)
{
    int32_t page = c->buckets[key->hash % c->n_pages];
    for (; page != KV_NONE; page = c->pages[page].chain) {
        const kv_page *p = &c->pages[page];
        if (p->hash == key->hash && p->parent == key->parent && p->salt == key->salt &&
            !memcmp(ig_kv_page_tokens_of(c, page), key->tokens,
                    c->page_tokens * sizeof *key->tokens))
            return page;
    }
    return KV_NONE;
}

bool ig_kv_was_evicted(const ig_kv_cache *c, const kv_key *key)
{
    return c->evicted[key->hash % c->n_pages] == key->hash;
}

void ig_kv_page_publish(ig_kv_cache *c, int32_t page, const kv_key *key, uint64_t serial)
{
    kv_page *p = &c->pages[page];
    int32_t *first = &c->buckets[key->hash % c->n_pages];
    assert(!p->serial);
    p->serial = serial ? serial : ++c->last_serial;
    p->parent = key->parent;
    p->salt = key->salt;
    p->hash = key->hash;
    p->chain = *first;
    *first = page;
}

void ig_kv_page_hide(ig_kv_cache *c, int32_t page)
{
    kv_page *p = &c->pages[page];
    if (!p->serial) return;
    int32_t *at = &c->buckets[p->hash % c->n_pages];
    while (*at != page) at = &c->pages[*at].chain;
    *at = p->chain;
    p->serial = 0;
}
