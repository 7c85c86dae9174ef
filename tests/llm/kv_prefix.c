/* kv_prefix.c - what is found again, by whom, what gives way first, and that a collision of hashes
 * finds nothing. */
#include "tests/llm/kv_rig.h"

enum { P = 16, MOST = 400 };

static ig_heap heap;
static ig_kv_cache *cache;
static int32_t text[MOST];

static int open_cache(size_t n_pages)
{
    ig_heap_init(&heap, NULL);
    cache = rig_cache(&heap, rig_options(IG_PAGE_F32, P), n_pages);
    for (size_t i = 0; i < MOST; i++) text[i] = (int32_t)(i * 7 % 101);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return open_cache(8);
}

static int teardown(void **state)
{
    (void)state;
    rig_close(&cache, &heap);
    return 0;
}

static ig_kv_seq *begin(uint64_t salt)
{
    ingot_error err;
    ig_kv_seq *s;
    check_ok(ig_kv_seq_open(&s, cache, salt, MOST, &err));
    return s;
}

/* A sequence of the first n tokens of `text`, which is computed and ends. */
static void once(uint64_t salt, const int32_t *tokens, size_t n)
{
    ig_kv_seq *s = begin(salt);
    rig_extend(s, salt, tokens, n);
    ig_kv_seq_free(&s);
}

static size_t matched(uint64_t salt, const int32_t *tokens, size_t n, ig_kv_match *why)
{
    size_t found;
    ig_kv_seq *s = begin(salt);
    const ig_kv_match match = ig_kv_seq_match(&found, s, tokens, n);
    if (why) *why = match;
    rig_check(s, salt, tokens, found);
    ig_kv_seq_free(&s);
    return found;
}

static void whole_pages_and_one_token_left(void **state)
{
    (void)state;
    ig_kv_match why;
    once(1, text, 50);
    assert_int_equal(matched(1, text, 60, &why), 48);
    assert_int_equal(why, IG_KV_HIT); /* the third page is the last whole one of 59 tokens */
    assert_int_equal(matched(1, text, 49, NULL), 48);
    assert_int_equal(matched(1, text, 48, NULL), 32);
    assert_int_equal(matched(1, text, 17, NULL), 16);
    assert_int_equal(matched(1, text, 16, &why), 0);
    assert_int_equal(why, IG_KV_MISS_SHORT);
    assert_int_equal(matched(1, text, 0, &why), 0);
    assert_int_equal(matched(1, text, 80, &why), 48);
    assert_int_equal(why, IG_KV_MISS_NEW);
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, cache);
    assert_int_equal(stats.matches[IG_KV_MISS_SHORT], 2);
    assert_int_equal(stats.matches[IG_KV_HIT], 4);
    assert_int_equal(stats.tokens_asked, 59 + 48 + 47 + 16 + 15 + 79);
    assert_int_equal(stats.tokens_matched, 48 + 48 + 32 + 16 + 48);
}

static void tenants_do_not_share(void **state)
{
    (void)state;
    ig_kv_match why;
    once(1, text, 40);
    assert_int_equal(matched(2, text, 40, &why), 0);
    assert_int_equal(why, IG_KV_MISS_NEW);
    once(2, text, 40);
    assert_int_equal(matched(2, text, 40, NULL), 32);
    assert_int_equal(matched(1, text, 40, NULL), 32);
}

/* The same tokens after other ones are other keys and values. */
static void the_place_counts(void **state)
{
    (void)state;
    once(1, text, 48);
    assert_int_equal(matched(1, text + 16, 40, NULL), 0);
    int32_t other[48];
    memcpy(other, text, sizeof other);
    other[3]++;
    assert_int_equal(matched(1, other, 48, NULL), 0);
    memcpy(other, text, sizeof other);
    other[20]++;
    assert_int_equal(matched(1, other, 48, NULL), 16);
}

static void a_fork_writes_its_own_page(void **state)
{
    (void)state;
    ingot_error err;
    ig_kv_seq *a = begin(1), *b;
    const uint64_t tag = rig_extend(a, 1, text, 20);
    check_ok(ig_kv_seq_fork(&b, a, &err));
    assert_int_equal(a->table[1], b->table[1]);
    int32_t other[24];
    memcpy(other, text, sizeof other);
    other[20] = 99;
    rig_extend(b, tag, other + 20, 4);
    assert_int_not_equal(a->table[1], b->table[1]);
    assert_int_equal(a->table[0], b->table[0]);
    rig_extend(a, tag, text + 20, 4);
    rig_check(a, 1, text, 24);
    rig_check(b, 1, other, 24);
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, cache);
    assert_int_equal(stats.copied, 1);
    ig_kv_seq_free(&a);
    ig_kv_seq_free(&b);
}

/* Two that compute the same at the same time hold one copy afterwards. */
static void twins_become_one(void **state)
{
    (void)state;
    ig_kv_seq *a = begin(1), *b = begin(1);
    rig_extend(a, 1, text, 34);
    rig_extend(b, 1, text, 34);
    assert_int_equal(a->table[1], b->table[1]);
    assert_int_not_equal(a->table[2], b->table[2]);
    assert_int_equal(ig_kv_room(cache), 4);
    rig_check(b, 1, text, 34);
    ig_kv_seq_free(&a);
    ig_kv_seq_free(&b);
}

/* The oldest goes first, and of one text its end before its beginning. */
static void who_gives_way(void **state)
{
    (void)state;
    ig_kv_match why;
    int32_t other[64];
    for (size_t i = 0; i < 64; i++) other[i] = 500 + (int32_t)i;
    once(1, text, 64);                                /* 4 pages */
    once(1, other, 64);                               /* 4 more: the cache is full */
    assert_int_equal(matched(1, text, 64, NULL), 48); /* used again: younger now, but its end */
    once(2, text, 32);                                /* takes that end and the other's end */
    assert_int_equal(matched(1, text, 65, &why), 48);
    assert_int_equal(why, IG_KV_MISS_EVICTED);
    assert_int_equal(matched(1, other, 65, &why), 48);
    assert_int_equal(why, IG_KV_MISS_EVICTED);
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, cache);
    assert_int_equal(stats.evicted, 2);
    assert_int_equal(stats.cached, 8);
}

/* After a truncation the sequence writes on: what it rewrites is found no more. */
static void rewritten_pages_are_forgotten(void **state)
{
    (void)state;
    ig_kv_seq *a = begin(1);
    rig_extend(a, 1, text, 40);
    ig_kv_truncate(a, 20);
    assert_int_equal(matched(1, text, 40, NULL), 32);
    uint64_t tag = 1;
    int32_t other[40];
    memcpy(other, text, sizeof other);
    for (size_t i = 0; i < 20; i++) tag = rig_tag(tag, text[i]);
    for (size_t i = 20; i < 40; i++) other[i] = 7;
    rig_extend(a, tag, other + 20, 20);
    assert_int_equal(matched(1, text, 40, NULL), 16);
    assert_int_equal(matched(1, other, 40, NULL), 32);
    rig_check(a, 1, other, 40);
    ig_kv_seq_free(&a);
}

/* Keys of one hash but other tokens, tenants or parents are told apart. */
static void collisions_find_nothing(void **state)
{
    (void)state;
    ig_kv_seq *a = begin(1);
    rig_extend(a, 1, text, 32);
    const kv_key right = ig_kv_key(cache, 0, 1, text);
    assert_int_equal(ig_kv_page_find(cache, &right), a->table[0]);
    kv_key wrong = right;
    wrong.tokens = text + 1;
    assert_int_equal(ig_kv_page_find(cache, &wrong), KV_NONE);
    wrong = right;
    wrong.salt = 2;
    assert_int_equal(ig_kv_page_find(cache, &wrong), KV_NONE);
    wrong = right;
    wrong.parent = 1;
    assert_int_equal(ig_kv_page_find(cache, &wrong), KV_NONE);
    ig_kv_seq_free(&a);
}

static void private_pages_are_not_found(void **state)
{
    (void)state;
    ig_heap own;
    ig_heap_init(&own, NULL);
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.private_pages = true;
    ig_kv_cache *held = cache;
    ig_kv_match why;
    cache = rig_cache(&own, o, 6);
    once(1, text, 40);
    assert_int_equal(matched(1, text, 40, &why), 0);
    assert_int_equal(why, IG_KV_MISS_OFF);
    assert_int_equal(ig_kv_room(cache), 6);
    rig_close(&cache, &own);
    cache = held;
}

static void matches_have_texts(void **state)
{
    (void)state;
    for (int i = 0; i < IG_KV_N_MATCHES; i++)
        assert_true(strlen(ig_kv_match_text((ig_kv_match)i)) > 5);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(whole_pages_and_one_token_left),
        CASE(tenants_do_not_share),
        CASE(the_place_counts),
        CASE(a_fork_writes_its_own_page),
        CASE(twins_become_one),
        CASE(who_gives_way),
        CASE(rewritten_pages_are_forgotten),
        CASE(collisions_find_nothing),
        CASE(private_pages_are_not_found),
        CASE(matches_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
