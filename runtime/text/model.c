/* model.c - what the models share, and the two that need no file of their own. */
#include "runtime/text/model.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

void ig_ids_init(ig_ids *ids, ig_heap *heap) { *ids = (ig_ids){.heap = heap}; }

void ig_ids_clear(ig_ids *ids)
{
    ig_give(ids->heap, ids->v, ids->cap * sizeof *ids->v);
    *ids = (ig_ids){.heap = ids->heap};
}

bool ig_ids_room(ig_ids *ids, size_t more)
{
    size_t want, cap = ids->cap ? ids->cap : 256, bytes;
    if (ids->failed || !ig_add_ok(ids->n, more, &want)) return !(ids->failed = true);
    if (want <= ids->cap) return true;
    while (cap < want)
        if (!ig_mul_ok(cap, (size_t)2, &cap)) return !(ids->failed = true);
    if (!ig_mul_ok(cap, sizeof *ids->v, &bytes)) return !(ids->failed = true);
    uint32_t *v = ig_take(ids->heap, bytes);
    if (!v) return !(ids->failed = true);
    if (ids->n) memcpy(v, ids->v, ids->n * sizeof *v);
    ig_give(ids->heap, ids->v, ids->cap * sizeof *v);
    ids->v = v;
    ids->cap = cap;
    return true;
}

void ig_ids_add(ig_ids *ids, uint32_t id)
{
    if (ids->n == ids->cap && !ig_ids_room(ids, 1)) return;
    ids->v[ids->n++] = id;
}

void *ig_model_scratch(ig_model_work *w, size_t n, size_t each)
{
    size_t bytes;
    if (!ig_mul_ok(n, each, &bytes)) return NULL;
    if (bytes <= w->bytes) return w->memory;
    void *p = ig_take(w->heap, bytes + bytes / 2);
    if (!p) return NULL;
    ig_give(w->heap, w->memory, w->bytes);
    w->memory = p;
    w->bytes = bytes + bytes / 2;
    return p;
}

void ig_model_work_clear(ig_model_work *w)
{
    ig_give(w->heap, w->memory, w->bytes);
    *w = (ig_model_work){.heap = w->heap};
}

void ig_model_unknown(ig_ids *out, const ig_lexicon *x, const char *p, size_t n, bool *was_unknown)
{
    const ig_recipe *r = &x->recipe;
    bool all = (r->flags & IG_TOK_BYTE_FALLBACK) != 0;
    for (size_t i = 0; all && i < n; i++) all = x->byte_ids[(unsigned char)p[i]] != UINT32_MAX;
    if (all) {
        for (size_t i = 0; i < n; i++) ig_ids_add(out, x->byte_ids[(unsigned char)p[i]]);
        *was_unknown = false;
        return;
    }
    if (r->unknown == IG_NO_ID) return;
    if (!(*was_unknown && r->flags & IG_TOK_FUSE_UNKNOWN)) ig_ids_add(out, (uint32_t)r->unknown);
    *was_unknown = true;
}

static size_t count_chars(const char *p, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) chars += (p[i] & 0xc0) != 0x80;
    return chars;
}

/* The longest piece that p begins with, inside a word behind the prefix; its bytes of p in *took.
 */
static uint32_t longest(size_t *took, const ig_lexicon *x, const char *p, size_t n, bool inside,
                        char *spelt)
{
    const ig_recipe *r = &x->recipe;
    const size_t before = inside ? r->n_prefix : 0;
    uint64_t h = IG_PIECE_HASH_0;
    uint32_t best = UINT32_MAX;
    for (size_t i = 0; i < before; i++) h = ig_piece_hash(h, (unsigned char)r->prefix[i]);
    memcpy(spelt, r->prefix, before);
    for (size_t i = 0; i < n && before + i < x->longest; i++) {
        h = ig_piece_hash(h, (unsigned char)p[i]);
        spelt[before + i] = p[i];
        if (i + 1 < n && (p[i + 1] & 0xc0) == 0x80) continue; /* within a character */
        const uint32_t id = ig_lexicon_find_hashed(x, spelt, before + i + 1, h);
        if (id == UINT32_MAX) continue;
        best = id;
        *took = i + 1;
    }
    return best;
}

ingot_status ig_wordpiece_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                                 size_t n, ingot_error *err)
{
    const ig_recipe *r = &x->recipe;
    const size_t first = out->n;
    char *spelt = ig_model_scratch(w, (size_t)x->longest + r->n_prefix + 1, 1);
    if (!spelt) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for a word");
    bool known = count_chars(p, n) <= r->word_most;
    for (size_t at = 0, took = 0; known && at < n; at += took) {
        const uint32_t id = longest(&took, x, p + at, n - at, at > 0, spelt);
        known = id != UINT32_MAX;
        if (known) ig_ids_add(out, id);
    }
    if (!known) {
        out->n = first;
        if (r->unknown != IG_NO_ID) ig_ids_add(out, (uint32_t)r->unknown);
    }
    return INGOT_OK;
}
