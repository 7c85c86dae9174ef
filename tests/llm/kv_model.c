/* kv_model.c - a million random operations on the cache, beside a model that only knows token
 * lists: nothing leaks, nothing is freed twice, no page is written that two sequences hold, every
 * sequence reads what it wrote, and what can be shared is. */
#include "tests/llm/kv_rig.h"

enum { N_SEQS = 12, MOST = 320, STREAMS = 3, TENANTS = 2 };

typedef struct {
    ig_kv_seq *seq; /* NULL: not open */
    uint64_t salt;
    size_t n, reserved; /* tokens; further ones that the step may write */
    int32_t tokens[MOST];
    uint64_t tags[MOST];
} plain_seq;

typedef struct {
    uint64_t random;
    ig_heap heap;
    ig_kv_cache *cache;
    size_t p;
    plain_seq seqs[N_SEQS];
} world;

static size_t below(world *w, size_t n)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((w->random >> 33) % n);
}

/* Few streams of tokens, so that prompts begin alike; now and then one leaves its stream. */
static void draw_tokens(world *w, int32_t *tokens, size_t from, size_t n)
{
    const size_t stream = below(w, STREAMS);
    const bool strays = !below(w, 4);
    for (size_t i = from; i < from + n; i++) {
        tokens[i] = (int32_t)(stream * 1000 + i % 50);
        if (strays && !below(w, 8)) tokens[i] = (int32_t)below(w, 3);
    }
}

static uint64_t tag_before(const plain_seq *s, size_t n) { return n ? s->tags[n - 1] : s->salt; }

static void make_tags(plain_seq *s, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) s->tags[i] = rig_tag(tag_before(s, i), s->tokens[i]);
}

/* ---- what must hold ---- */

static void check_content(const world *w, const plain_seq *s, size_t step)
{
    assert_int_equal(ig_kv_length(s->seq), s->n);
    for (size_t i = 0; i < s->n; i += step)
        if (!rig_is(w->cache, s->seq->table[i / w->p], i % w->p, s->tags[i]))
            fail_msg("token %zu of %zu was overwritten", i, s->n);
}

static void count_holders(const world *w, size_t *holders)
{
    for (size_t i = 0; i < N_SEQS; i++)
        for (size_t j = 0; w->seqs[i].seq && j < w->seqs[i].seq->n_pages; j++)
            holders[w->seqs[i].seq->table[j]]++;
}

static size_t walk(const ig_kv_cache *c, int32_t page, bool *seen, bool cached)
{
    size_t n = 0;
    for (; page != KV_NONE; page = c->pages[page].next, n++) {
        assert_false(seen[page]);
        seen[page] = true;
        assert_int_equal(c->pages[page].refs, 0);
        assert_int_equal(c->pages[page].serial != 0, cached);
    }
    return n;
}

/* Every page is free, cached or held, as often as tables name it. */
static void check_pages(const world *w)
{
    const ig_kv_cache *c = w->cache;
    size_t *holders = calloc(c->n_pages, sizeof *holders), used = 0, indexed = 0, chained = 0;
    bool *seen = calloc(c->n_pages, sizeof *seen);
    count_holders(w, holders);
    assert_int_equal(walk(c, c->free, seen, false), c->n_free);
    assert_int_equal(walk(c, c->oldest, seen, true), c->n_cached);
    for (size_t i = 0; i < c->n_pages; i++) {
        assert_int_equal(c->pages[i].refs, holders[i]);
        assert_int_equal(seen[i], !holders[i]);
        used += holders[i] != 0;
        indexed += c->pages[i].serial != 0;
        for (int32_t page = c->buckets[i]; page != KV_NONE; page = c->pages[page].chain) chained++;
    }
    assert_int_equal(indexed, chained);
    assert_int_equal(used + ig_kv_room(c), c->n_pages);
    free(seen);
    free(holders);
}

/* The places reserved are of this sequence alone and in no index. */
static void check_own(const world *w, const plain_seq *s, size_t n)
{
    for (size_t i = s->n / w->p; n && i <= (s->n + n - 1) / w->p; i++) {
        const int32_t page = s->seq->table[i];
        assert_int_equal(w->cache->pages[page].serial, 0);
        for (size_t j = 0; j < N_SEQS; j++)
            for (size_t k = 0; w->seqs[j].seq && k < w->seqs[j].seq->n_pages; k++)
                if (w->seqs[j].seq->table[k] == page && (&w->seqs[j] != s || k != i))
                    fail_msg("page %d is written by one sequence and held by another", page);
    }
}

/* ---- operations ---- */

/* Whole pages that a living sequence of the tenant has in common with the tokens. */
static size_t surely_known(const world *w, const plain_seq *s, size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < N_SEQS; i++) {
        const plain_seq *o = &w->seqs[i];
        if (!o->seq || o == s || o->salt != s->salt) continue;
        size_t same = 0;
        while (same < o->n && same < n && o->tokens[same] == s->tokens[same]) same++;
        best = IG_MAX(best, same / w->p * w->p);
    }
    return best;
}

static void op_open(world *w, plain_seq *s)
{
    ingot_error err;
    *s = (plain_seq){.salt = 77 + below(w, TENANTS)};
    const size_t n = below(w, below(w, 2) ? MOST : 5 * w->p);
    draw_tokens(w, s->tokens, 0, n);
    make_tags(s, 0, n);
    check_ok(ig_kv_seq_open(&s->seq, w->cache, s->salt, MOST, &err));
    ig_kv_seq_match(&s->n, s->seq, s->tokens, n);
    assert_int_equal(s->n % w->p, 0);
    if (w->cache->private_pages)
        assert_int_equal(s->n, 0);
    else
        assert_true(s->n >= surely_known(w, s, n ? n - 1 : 0) && (!n || s->n < n));
}

static void op_fork(world *w, plain_seq *s)
{
    ingot_error err;
    plain_seq *to = &w->seqs[below(w, N_SEQS)];
    if (to->seq) return;
    *to = *s;
    to->reserved = 0;
    check_ok(ig_kv_seq_fork(&to->seq, s->seq, &err));
}

/* Pages that the next n tokens need: new ones, and a copy if the begun one is shared. */
static size_t pages_needed(const world *w, const plain_seq *s, size_t n)
{
    size_t holders = 0, held = s->seq->n_pages, all = (s->n + n + w->p - 1) / w->p;
    for (size_t i = 0; n && s->n % w->p && i < N_SEQS; i++)
        for (size_t k = 0; w->seqs[i].seq && k < w->seqs[i].seq->n_pages; k++)
            holders += w->seqs[i].seq->table[k] == s->seq->table[s->n / w->p];
    return (all > held ? all - held : 0) + (holders > 1);
}

static void op_reserve(world *w, plain_seq *s)
{
    ingot_error err;
    const size_t n = below(w, 50), before = s->seq->n_pages;
    const size_t needed = pages_needed(w, s, n), room = ig_kv_room(w->cache);
    const ingot_status status = ig_kv_reserve(s->seq, n, &err);
    if (n > MOST - s->n || needed > room) {
        assert_int_equal(status, n > MOST - s->n ? INGOT_E_ARG : INGOT_E_FULL);
        assert_int_equal(ig_kv_room(w->cache), room);
        assert_int_equal(s->seq->n_pages, before);
        s->reserved = 0;
        if (status == INGOT_E_FULL) ig_kv_seq_free(&w->seqs[below(w, N_SEQS)].seq); /* preempted */
        return;
    }
    assert_int_equal(status, INGOT_OK);
    s->reserved = n;
    check_own(w, s, n);
}

/* As a step of the engine: places are written first, then some of the tokens count. */
static void op_step(world *w, plain_seq *s)
{
    op_reserve(w, s);
    if (!s->seq) return;
    const size_t n = s->reserved, accepted = below(w, n + 1);
    const ig_kv_span span = ig_kv_span_of(s->seq, 0, n);
    draw_tokens(w, s->tokens, s->n, n);
    make_tags(s, s->n, n);
    for (size_t i = s->n; i < s->n + n; i++)
        rig_write(w->cache, span.pages[i / w->p], i % w->p, s->tags[i]);
    ig_kv_commit(s->seq, s->tokens + s->n, accepted);
    s->n += accepted;
    s->reserved = 0;
}

static void op_truncate(world *w, plain_seq *s)
{
    s->n = below(w, 3) ? s->n - below(w, IG_MIN(s->n, w->p) + 1) : below(w, s->n + 1);
    ig_kv_truncate(s->seq, s->n);
    s->reserved = 0;
}

static void one_operation(world *w)
{
    plain_seq *s = &w->seqs[below(w, N_SEQS)];
    const size_t kind = below(w, 16);
    if (!s->seq)
        op_open(w, s);
    else if (kind < 8)
        op_step(w, s);
    else if (kind < 10)
        op_truncate(w, s);
    else if (kind < 12)
        op_fork(w, s);
    else if (kind < 14) {
        op_reserve(w, s);
    } else
        ig_kv_seq_free(&s->seq);
    if (s->seq) check_content(w, s, 7);
}

static void run(size_t n_ops, size_t n_pages, size_t page_tokens, bool private_pages,
                size_t n_spare)
{
    world *w = calloc(1, sizeof *w);
    w->random = n_pages * 31 + page_tokens;
    w->p = page_tokens;
    ig_heap_init(&w->heap, NULL);
    ig_kv_options o = rig_options(IG_PAGE_F32, page_tokens);
    o.private_pages = private_pages;
    o.spare_bytes = n_spare * 4096;
    w->cache = rig_cache(&w->heap, o, n_pages);
    for (size_t i = 0; i < n_ops; i++) {
        one_operation(w);
        if (i % 512) continue;
        check_pages(w);
        for (size_t k = 0; k < N_SEQS; k++)
            if (w->seqs[k].seq) check_content(w, &w->seqs[k], 1);
    }
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, w->cache);
    assert_true(stats.copied > n_ops / 250);
    assert_true(private_pages || stats.evicted > n_ops / 50);
    assert_true(private_pages || stats.tokens_matched > n_ops / 4);
    assert_true(!n_spare || (stats.spared > n_ops / 50 && stats.returned > n_ops / 100));
    for (size_t k = 0; k < N_SEQS; k++) ig_kv_seq_free(&w->seqs[k].seq);
    check_pages(w);
    rig_close(&w->cache, &w->heap);
    free(w);
}

static void tight(void **state)
{
    (void)state;
    run(1000000, 40, 16, false, 0);
}

static void roomy(void **state)
{
    (void)state;
    run(300000, 400, 16, false, 0);
}

static void long_pages(void **state)
{
    (void)state;
    run(200000, 30, 48, false, 0);
}

static void private_pages(void **state)
{
    (void)state;
    run(100000, 60, 16, true, 0);
}

/* What gives way comes back: little room, and spare pages that have to give way, too. */
static void spare_pages(void **state)
{
    (void)state;
    run(600000, 40, 16, false, 30);
}

static void many_spare_pages(void **state)
{
    (void)state;
    run(200000, 24, 32, false, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tight),       cmocka_unit_test(roomy),
        cmocka_unit_test(long_pages),  cmocka_unit_test(private_pages),
        cmocka_unit_test(spare_pages), cmocka_unit_test(many_spare_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
