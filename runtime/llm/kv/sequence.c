/* sequence.c - see kv_cache.h: sequences, and what a step does to them. */
#include "runtime/llm/kv/spare.h"
#include "runtime/base/checked.h"

#include <assert.h>
#include <string.h>

/* ---- opening and freeing ---- */

static size_t table_entries(const ig_kv_cache *c, size_t most)
{
    return IG_MIN(ig_kv_pages_of(c, most), c->n_pages);
}

ingot_status ig_kv_seq_open(ig_kv_seq **out, ig_kv_cache *c, uint64_t salt, size_t most,
                            ingot_error *err)
{
    *out = NULL;
    if (!most) return ig_fail(err, INGOT_E_ARG, "a sequence of at most 0 tokens");
    const size_t table_bytes = table_entries(c, most) * sizeof(int32_t);
    ig_kv_seq *s = ig_take0(c->heap, sizeof *s);
    int32_t *table = ig_take(c->heap, table_bytes);
    if (!s || !table) {
        ig_give(c->heap, s, sizeof *s);
        ig_give(c->heap, table, table_bytes);
        return ig_fail(err, INGOT_E_NOMEM, "no memory for a sequence of up to %zu tokens", most);
    }
    *s = (ig_kv_seq){.cache = c, .salt = salt, .most = most, .table = table};
    s->private_pages = c->private_pages;
    c->n_seqs++;
    *out = s;
    return INGOT_OK;
}

ingot_status ig_kv_seq_fork(ig_kv_seq **out, const ig_kv_seq *seq, ingot_error *err)
{
    IG_TRY(ig_kv_seq_open(out, seq->cache, seq->salt, seq->most, err));
    ig_kv_seq *s = *out;
    s->private_pages = seq->private_pages;
    s->length = seq->length;
    s->n_pages = ig_kv_pages_of(seq->cache, seq->length);
    for (size_t i = 0; i < s->n_pages; i++) {
        s->table[i] = seq->table[i];
        ig_kv_page_hold(s->cache, s->table[i]);
    }
    return INGOT_OK;
}

/* The last first: what begins a prompt is the last to give way. */
static void keep_pages(ig_kv_seq *s, size_t n)
{
    while (s->n_pages > n) ig_kv_page_drop(s->cache, s->table[--s->n_pages]);
}

void ig_kv_seq_free(ig_kv_seq **seq)
{
    ig_kv_seq *s = *seq;
    *seq = NULL;
    if (!s) return;
    ig_kv_cache *c = s->cache;
    keep_pages(s, 0);
    ig_give(c->heap, s->table, table_entries(c, s->most) * sizeof *s->table);
    ig_give(c->heap, s, sizeof *s);
    c->n_seqs--;
}

/* ---- asking ---- */

size_t ig_kv_length(const ig_kv_seq *s) { return s->length; }
size_t ig_kv_pages_held(const ig_kv_seq *s) { return s->n_pages; }

void ig_kv_tokens(int32_t *out, const ig_kv_seq *s, size_t from, size_t n)
{
    const size_t p = s->cache->page_tokens;
    assert(ig_range_ok(from, n, s->length));
    for (size_t i = from; i < from + n; i++)
        *out++ = ig_kv_page_tokens_of(s->cache, s->table[i / p])[i % p];
}

ig_kv_span ig_kv_span_of(const ig_kv_seq *s, size_t row, size_t n)
{
    assert(s->length + n <= s->n_pages * s->cache->page_tokens);
    return (ig_kv_span){.row = row, .n = n, .before = s->length, .pages = s->table};
}

/* ---- beginning with known pages ---- */

const char *ig_kv_match_text(ig_kv_match match)
{
    static const char *const texts[IG_KV_N_MATCHES] = {
        "every whole page was found", "pages are not shared", "shorter than a page",
        "not seen before", "seen before, but its room was needed"};
    return texts[match];
}

/* What the page before page i is called in the index; 0: nothing, or there is none. */
static uint64_t parent_of(const ig_kv_seq *s, size_t i)
{
    return i ? s->cache->pages[s->table[i - 1]].serial : 0;
}

/* The page of that name, held once more; from among the spare ones when there is room. */
static int32_t hold_page(ig_kv_cache *c, const kv_key *key)
{
    const int32_t page = ig_kv_page_find(c, key);
    if (page != KV_NONE) {
        ig_kv_page_hold(c, page);
        return page;
    }
    const int32_t at = ig_kv_spare_find(c->spare, key);
    return at == KV_NONE || !ig_kv_room(c) ? KV_NONE : ig_kv_spare_take(c->spare, at, key);
}

static ig_kv_match find_pages(ig_kv_seq *s, const int32_t *tokens, size_t n_pages)
{
    ig_kv_cache *c = s->cache;
    if (s->private_pages) return IG_KV_MISS_OFF;
    if (!n_pages) return IG_KV_MISS_SHORT;
    for (size_t i = 0; i < n_pages; i++) {
        const kv_key key = ig_kv_key(c, parent_of(s, i), s->salt, tokens + i * c->page_tokens);
        const int32_t page = hold_page(c, &key);
        if (page == KV_NONE)
            return ig_kv_was_evicted(c, &key) ? IG_KV_MISS_EVICTED : IG_KV_MISS_NEW;
        s->table[s->n_pages++] = page;
    }
    return IG_KV_HIT;
}

ig_kv_match ig_kv_seq_match(size_t *matched, ig_kv_seq *s, const int32_t *tokens, size_t n)
{
    const size_t p = s->cache->page_tokens;
    ig_kv_stats *stats = &s->cache->stats;
    assert(!s->length && !s->n_pages);
    const size_t shareable = n ? n - 1 : 0;
    const ig_kv_match match = find_pages(s, tokens, IG_MIN(shareable, s->most) / p);
    *matched = s->length = s->n_pages * p;
    stats->matches[match]++;
    stats->tokens_asked += shareable;
    stats->tokens_matched += *matched;
    return match;
}

/* ---- a step ---- */

/* The page that the next token goes into, made the sequence's own. There is room for a copy. */
static ingot_status own_page(ig_kv_seq *s, size_t i, ingot_error *err)
{
    ig_kv_cache *c = s->cache;
    const int32_t old = s->table[i];
    if (c->pages[old].refs == 1) {
        ig_kv_page_hide(c, old); /* it was full before it was truncated */
        return INGOT_OK;
    }
    const int32_t page = ig_kv_page_take(c);
    const ingot_status status =
        c->memory.move(c->memory.ud, ig_kv_page_at(c, page), ig_kv_page_at(c, old), c->page_bytes,
                       IG_KV_WITHIN, err);
    if (status) {
        ig_kv_page_drop(c, page);
        return status;
    }
    memcpy(ig_kv_page_tokens_of(c, page), ig_kv_page_tokens_of(c, old),
           c->page_tokens * sizeof *c->tokens);
    s->table[i] = page;
    ig_kv_page_drop(c, old);
    c->stats.copied++;
    return INGOT_OK;
}

ingot_status ig_kv_reserve(ig_kv_seq *s, size_t n, ingot_error *err)
{
    ig_kv_cache *c = s->cache;
    const size_t at = s->length / c->page_tokens;
    if (n > s->most - s->length)
        return ig_fail(err, INGOT_E_ARG,
                       "%zu more tokens after %zu: the sequence may hold %zu (the model's context)",
                       n, s->length, s->most);
    const size_t pages = ig_kv_pages_of(c, s->length + n);
    const size_t fresh = pages > s->n_pages ? pages - s->n_pages : 0;
    const bool begun = n && s->length % c->page_tokens;
    const size_t needed = fresh + (begun && c->pages[s->table[at]].refs > 1);
    if (needed > ig_kv_room(c))
        return ig_fail(err, INGOT_E_FULL,
                       "%zu more pages of keys and values are needed after %zu tokens; %zu of %zu "
                       "are free",
                       needed, s->length, ig_kv_room(c), c->n_pages);
    if (begun) IG_TRY(own_page(s, at, err));
    while (s->n_pages < pages) s->table[s->n_pages++] = ig_kv_page_take(c);
    return INGOT_OK;
}

/* Page i has become full: others may find it, or it is known and the known one is taken. */
static void share_page(ig_kv_seq *s, size_t i)
{
    ig_kv_cache *c = s->cache;
    const int32_t page = s->table[i];
    const uint64_t parent = parent_of(s, i);
    if (s->private_pages || (i && !parent)) return;
    const kv_key key = ig_kv_key(c, parent, s->salt, ig_kv_page_tokens_of(c, page));
    const int32_t known = ig_kv_page_find(c, &key);
    if (known == KV_NONE) {
        ig_kv_page_publish(c, page, &key, 0);
        return;
    }
    ig_kv_page_hold(c, known);
    ig_kv_page_drop(c, page);
    s->table[i] = known;
    c->stats.deduplicated++;
}

void ig_kv_commit(ig_kv_seq *s, const int32_t *tokens, size_t n)
{
    ig_kv_cache *c = s->cache;
    const size_t p = c->page_tokens;
    assert(s->length + n <= s->n_pages * p);
    while (n) {
        const size_t i = s->length / p, at = s->length % p, part = IG_MIN(n, p - at);
        assert(c->pages[s->table[i]].refs == 1 && !c->pages[s->table[i]].serial);
        memcpy(ig_kv_page_tokens_of(c, s->table[i]) + at, tokens, part * sizeof *tokens);
        s->length += part;
        tokens += part;
        n -= part;
        if (at + part == p) share_page(s, i);
    }
}

void ig_kv_truncate(ig_kv_seq *s, size_t n)
{
    assert(n <= s->length);
    s->length = n;
    keep_pages(s, ig_kv_pages_of(s->cache, n));
}
