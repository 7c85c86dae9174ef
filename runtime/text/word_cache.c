/* word_cache.c - see word_cache.h. */
#include "runtime/text/word_cache.h"
#include "runtime/base/hash.h"

enum { SLOTS = 1 << 14, WORD_MOST = 27, IDS_MOST = 8 };

struct ig_cached_word { /* 64 bytes */
    uint32_t ids[IDS_MOST];
    uint8_t n_ids, n; /* n == 0: empty */
    char p[WORD_MOST + 3];
};

ingot_status ig_word_cache_open(ig_word_cache *c, ig_heap *heap, ingot_error *err)
{
    *c = (ig_word_cache){heap, ig_take0(heap, SLOTS * sizeof(ig_cached_word))};
    return c->words ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for its cache");
}

void ig_word_cache_close(ig_word_cache *c)
{
    if (c->words) ig_give(c->heap, c->words, SLOTS * sizeof(ig_cached_word));
    c->words = NULL;
}

static ig_cached_word *slot(const ig_word_cache *c, const char *p, size_t n)
{
    return &c->words[ig_hash(p, n).lo % SLOTS];
}

bool ig_word_cache_get(const ig_word_cache *c, ig_ids *out, const char *p, size_t n)
{
    if (!n || n > WORD_MOST) return false;
    const ig_cached_word *w = slot(c, p, n);
    if (w->n != n || memcmp(w->p, p, n) || !ig_ids_room(out, IDS_MOST)) return false;
    memcpy(out->v + out->n, w->ids, w->n_ids * sizeof *w->ids);
    out->n += w->n_ids;
    return true;
}

void ig_word_cache_put(ig_word_cache *c, const char *p, size_t n, const uint32_t *ids, size_t n_ids)
{
    if (!n || n > WORD_MOST || !n_ids || n_ids > IDS_MOST) return;
    ig_cached_word *w = slot(c, p, n);
    w->n = (uint8_t)n;
    w->n_ids = (uint8_t)n_ids;
    memcpy(w->p, p, n);
    memcpy(w->ids, ids, n_ids * sizeof *ids);
}
