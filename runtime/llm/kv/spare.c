/* spare.c - see spare.h. */
#include "runtime/llm/kv/spare.h"
#include "runtime/base/checked.h"

#include <string.h>

/* A slot is free (serial 0, in the list of free ones) or kept (in a bucket, and by age). */
typedef struct {
    uint64_t serial, parent, salt, hash;
    int32_t next, prev, chain;
} slot;

struct kv_spare {
    ig_kv_cache *cache;
    size_t n;
    slot *slots;      /* [n] */
    int32_t *tokens;  /* [n, page_tokens] */
    int32_t *buckets; /* [n] */
    unsigned char *bytes;
    int32_t free, oldest, newest;
};

static int32_t *tokens_of(const kv_spare *s, int32_t at)
{
    return s->tokens + (size_t)at * s->cache->page_tokens;
}

static unsigned char *bytes_of(const kv_spare *s, int32_t at)
{
    return s->bytes + (size_t)at * s->cache->page_bytes;
}

/* ---- opening ---- */

static bool take_tables(kv_spare *s)
{
    ig_heap *heap = s->cache->heap;
    s->slots = ig_take0(heap, s->n * sizeof *s->slots);
    s->tokens = ig_take(heap, s->n * s->cache->page_tokens * sizeof *s->tokens);
    s->buckets = ig_take(heap, s->n * sizeof *s->buckets);
    return s->slots && s->tokens && s->buckets;
}

ingot_status ig_kv_spare_open(kv_spare **out, ig_kv_cache *c, size_t bytes, ingot_error *err)
{
    *out = NULL;
    const size_t each = c->page_bytes + c->page_tokens * sizeof(int32_t) + sizeof(slot) + 4;
    const size_t n = IG_MIN(bytes / each, (size_t)INT32_MAX);
    if (!n) return INGOT_OK;
    kv_spare *s = ig_take0(c->heap, sizeof *s);
    if (!s) return ig_fail(err, INGOT_E_NOMEM, "no memory for spare pages");
    *s = (kv_spare){.cache = c, .n = n, .oldest = KV_NONE, .newest = KV_NONE};
    ingot_status status = take_tables(s) ? INGOT_OK
                                         : ig_fail(err, INGOT_E_NOMEM,
                                                   "no memory for the names of %zu spare pages", n);
    void *p = NULL;
    if (!status) status = c->memory.take(c->memory.ud, &p, n * c->page_bytes, true, err);
    s->bytes = p;
    if (status) {
        ig_kv_spare_close(&s);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        s->buckets[i] = KV_NONE;
        s->slots[i].next = i + 1 < n ? (int32_t)(i + 1) : KV_NONE;
    }
    *out = s;
    return INGOT_OK;
}

void ig_kv_spare_close(kv_spare **spare)
{
    kv_spare *s = *spare;
    *spare = NULL;
    if (!s) return;
    const ig_kv_cache *c = s->cache;
    if (s->bytes) c->memory.give(c->memory.ud, s->bytes, s->n * c->page_bytes, true);
    ig_give(c->heap, s->slots, s->slots ? s->n * sizeof *s->slots : 0);
    ig_give(c->heap, s->tokens, s->tokens ? s->n * c->page_tokens * sizeof *s->tokens : 0);
    ig_give(c->heap, s->buckets, s->buckets ? s->n * sizeof *s->buckets : 0);
    ig_give(c->heap, s, sizeof *s);
}

/* ---- slots ---- */

static void unlink_slot(kv_spare *s, int32_t at)
{
    const slot *p = &s->slots[at];
    *(p->prev == KV_NONE ? &s->oldest : &s->slots[p->prev].next) = p->next;
    *(p->next == KV_NONE ? &s->newest : &s->slots[p->next].prev) = p->prev;
    int32_t *link = &s->buckets[p->hash % s->n];
    while (*link != at) link = &s->slots[*link].chain;
    *link = p->chain;
}

static void free_slot(kv_spare *s, int32_t at)
{
    s->slots[at].serial = 0;
    s->slots[at].next = s->free;
    s->free = at;
}

static void link_slot(kv_spare *s, int32_t at)
{
    slot *p = &s->slots[at];
    p->prev = s->newest;
    p->next = KV_NONE;
    *(s->newest == KV_NONE ? &s->oldest : &s->slots[s->newest].next) = at;
    s->newest = at;
    p->chain = s->buckets[p->hash % s->n];
    s->buckets[p->hash % s->n] = at;
}

/* ---- both ways ---- */

bool ig_kv_spare_put(kv_spare *s, int32_t page)
{
    if (!s) return false;
    ig_kv_cache *c = s->cache;
    const kv_page *p = &c->pages[page];
    if (s->free == KV_NONE) {
        const int32_t oldest = s->oldest;
        unlink_slot(s, oldest);
        free_slot(s, oldest);
    }
    const int32_t at = s->free;
    if (c->memory.move(c->memory.ud, bytes_of(s, at), ig_kv_page_at(c, page), c->page_bytes,
                       IG_KV_TO_SPARE, NULL))
        return false;
    s->free = s->slots[at].next;
    s->slots[at] =
        (slot){.serial = p->serial, .parent = p->parent, .salt = p->salt, .hash = p->hash};
    memcpy(tokens_of(s, at), ig_kv_page_tokens_of(c, page), c->page_tokens * sizeof *s->tokens);
    link_slot(s, at);
    c->stats.spared++;
    return true;
}

int32_t ig_kv_spare_find(const kv_spare *s, const kv_key *key)
{
    int32_t at = s ? s->buckets[key->hash % s->n] : KV_NONE;
    for (; at != KV_NONE; at = s->slots[at].chain) {
        const slot *p = &s->slots[at];
        if (p->hash == key->hash && p->parent == key->parent && p->salt == key->salt &&
            !memcmp(tokens_of(s, at), key->tokens, s->cache->page_tokens * sizeof *key->tokens))
            return at;
    }
    return KV_NONE;
}

int32_t ig_kv_spare_take(kv_spare *s, int32_t at, const kv_key *key)
{
    ig_kv_cache *c = s->cache;
    unlink_slot(s, at); /* the page that is taken may put another one here */
    const int32_t page = ig_kv_page_take(c);
    const bool moved = !c->memory.move(c->memory.ud, ig_kv_page_at(c, page), bytes_of(s, at),
                                       c->page_bytes, IG_KV_FROM_SPARE, NULL);
    const uint64_t serial = s->slots[at].serial;
    free_slot(s, at);
    if (!moved) {
        ig_kv_page_drop(c, page);
        return KV_NONE;
    }
    memcpy(ig_kv_page_tokens_of(c, page), key->tokens, c->page_tokens * sizeof *c->tokens);
    ig_kv_page_publish(c, page, key, serial);
    c->stats.returned++;
    return page;
}
