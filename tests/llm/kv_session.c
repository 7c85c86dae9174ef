/* kv_session.c - a sequence goes through a file and comes back the same, for every type of page;
 * nothing of others is in the file; a damaged, forged or foreign file is refused and says why. */
#include "tests/llm/kv_rig.h"
#include "runtime/base/bytes.h"

#include <stdio.h>
#include <unistd.h>

enum { P = 16, MOST = 200 };

static ig_heap heap;
static ig_arena arena;
static char path[80];
static const ig_hash128 model = {11, 22};
static int32_t text[MOST];

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    ig_arena_init(&arena, &heap);
    for (size_t i = 0; i < MOST; i++) text[i] = (int32_t)(i * 13 % 97);
    snprintf(path, sizeof path, "%s/ingot-kv-%d.session", P_tmpdir, (int)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    ig_arena_clear(&arena);
    assert_int_equal(heap.live_bytes, 0);
    return 0;
}

/* n tokens whose keys and values are made of numbers that depend on the token's place, in pages
 * that hold `dirt` before. */
static ig_kv_seq *computed(ig_kv_cache *c, size_t n, int dirt)
{
    ingot_error err;
    ig_kv_seq *s;
    check_ok(ig_kv_seq_open(&s, c, 5, MOST, &err));
    check_ok(ig_kv_reserve(s, n, &err));
    for (size_t i = 0; i < s->n_pages; i++)
        memset(ig_kv_page_at(c, s->table[i]), dirt, c->page_bytes);
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < c->n_layers; l++)
            for (size_t h = 0; h < c->layers[l].kv_heads; h++) {
                const ig_page_format *f = &c->layers[l].format;
                float kv[8];
                for (size_t e = 0; e < 8; e++) kv[e] = (float)(i * 3 + l * 5 + h * 7 + e) / 8;
                ig_page_append(ig_kv_page_at(c, s->table[i / P]) + c->layers[l].at + h * f->bytes,
                               f, i % P, kv, kv + 2);
            }
    ig_kv_commit(s, text, n);
    return s;
}

static ig_kv_cache *small_cache(ig_page_type type)
{
    return rig_cache(&heap, rig_options(type, P), 8);
}

static ingot_status restore(ig_kv_seq **s, ig_kv_saved *saved, ig_kv_cache *c, ingot_error *err)
{
    return ig_kv_seq_restore(s, saved, &arena, c, path, model, 5, MOST, err);
}

static unsigned char *read_file(size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    unsigned char *p = malloc(1 << 20);
    *n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

static void write_file(const unsigned char *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* ---- there and back ---- */

static void round_trip_of(ig_page_type type, size_t n, size_t n_pending)
{
    ingot_error err;
    ig_kv_cache *c = small_cache(type), *d = small_cache(type);
    ig_kv_seq *s = computed(c, n, 0xa5), *t;
    ig_kv_saved saved;
    check_ok(ig_kv_seq_save(s, path, model, text + n, n_pending, &err));
    size_t n_first, n_second;
    unsigned char *first = read_file(&n_first);
    check_ok(restore(&t, &saved, d, &err));
    assert_int_equal(saved.n_cached, n);
    assert_int_equal(saved.n_pending, n_pending);
    assert_memory_equal(saved.tokens, text, (n + n_pending) * sizeof *text);
    assert_int_equal(ig_kv_length(t), n);
    check_ok(ig_kv_seq_save(t, path, model, text + n, n_pending, &err));
    unsigned char *second = read_file(&n_second);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    ig_kv_seq_free(&s);
    ig_kv_seq_free(&t);
    ig_kv_close(&c);
    ig_kv_close(&d);
    free(first);
    free(second);
}

static void round_trip(void **state)
{
    (void)state;
    for (int type = IG_PAGE_F32; type <= IG_PAGE_I8; type++) {
        round_trip_of((ig_page_type)type, 0, 0);
        round_trip_of((ig_page_type)type, 1, 3);
        round_trip_of((ig_page_type)type, 32, 1);
        round_trip_of((ig_page_type)type, 45, 0);
    }
}

/* Places without a token hold what others left there: it stays out of the file. */
static void nothing_of_others(void **state)
{
    (void)state;
    ingot_error err;
    for (int type = IG_PAGE_F32; type <= IG_PAGE_I8; type++) {
        unsigned char *files[2];
        size_t n[2];
        for (int i = 0; i < 2; i++) {
            ig_kv_cache *c = small_cache((ig_page_type)type);
            ig_kv_seq *s = computed(c, 21, i ? 0x77 : 0);
            check_ok(ig_kv_seq_save(s, path, model, NULL, 0, &err));
            files[i] = read_file(&n[i]);
            ig_kv_seq_free(&s);
            ig_kv_close(&c);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(files[0], files[1], n[0]);
        free(files[0]);
        free(files[1]);
    }
}

static void restored_pages_are_private(void **state)
{
    (void)state;
    ingot_error err;
    ig_kv_cache *c = small_cache(IG_PAGE_F32);
    ig_kv_seq *s = computed(c, 40, 0), *t, *u;
    ig_kv_saved saved;
    check_ok(ig_kv_seq_save(s, path, model, NULL, 0, &err));
    ig_kv_seq_free(&s);
    ig_kv_close(&c);
    c = small_cache(IG_PAGE_F32);
    check_ok(restore(&t, &saved, c, &err));
    check_ok(ig_kv_seq_open(&u, c, 5, MOST, &err));
    size_t matched;
    assert_int_equal(ig_kv_seq_match(&matched, u, text, 40), IG_KV_MISS_NEW);
    assert_int_equal(matched, 0);
    rig_extend(t, 0, text, 20);
    ig_kv_seq_free(&t);
    assert_int_equal(ig_kv_room(c), 8);
    ig_kv_seq_free(&u);
    ig_kv_close(&c);
}

/* ---- refusals ---- */

static void expect(ig_kv_cache *c, ingot_status status, const char *word)
{
    ingot_error err;
    ig_kv_seq *s;
    ig_kv_saved saved;
    const size_t room = ig_kv_room(c);
    const ingot_status got = restore(&s, &saved, c, &err);
    if (got != status) fail_msg("status %d, expected %d", got, status);
    if (!strstr(err.text, word)) fail_msg("'%s' does not say '%s'", err.text, word);
    assert_null(s);
    assert_null(saved.tokens);
    assert_int_equal(ig_kv_room(c), room);
}

static void save_some(ig_page_type type, size_t n)
{
    ingot_error err;
    ig_kv_cache *c = small_cache(type);
    ig_kv_seq *s = computed(c, n, 0);
    check_ok(ig_kv_seq_save(s, path, model, text + n, 2, &err));
    ig_kv_seq_free(&s);
    ig_kv_close(&c);
}

static void foreign(void **state)
{
    (void)state;
    ingot_error err;
    ig_kv_seq *s;
    ig_kv_saved saved;
    ig_kv_cache *c = small_cache(IG_PAGE_F32);
    expect(c, INGOT_E_IO, "no such file");
    save_some(IG_PAGE_F16, 40);
    expect(c, INGOT_E_ARG, "f16 pages of 16 tokens, this cache f32");
    save_some(IG_PAGE_F32, 40);
    const ig_hash128 other = {11, 23};
    assert_int_equal(ig_kv_seq_restore(&s, &saved, &arena, c, path, other, 5, MOST, &err),
                     INGOT_E_ARG);
    assert_non_null(strstr(err.text, "another model"));
    assert_int_equal(ig_kv_seq_restore(&s, &saved, &arena, c, path, model, 5, 39, &err),
                     INGOT_E_ARG);
    assert_non_null(strstr(err.text, path));
    ig_kv_close(&c);
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.n_layers = 1;
    c = rig_cache(&heap, o, 8);
    expect(c, INGOT_E_ARG, "layers");
    ig_kv_close(&c);
    c = rig_cache(&heap, rig_options(IG_PAGE_F32, P), 2);
    expect(c, INGOT_E_FULL, "more pages");
    ig_kv_close(&c);
}

static void damaged(void **state)
{
    (void)state;
    ig_kv_cache *c = small_cache(IG_PAGE_F32);
    save_some(IG_PAGE_F32, 20);
    size_t n;
    unsigned char *whole = read_file(&n), *copy = malloc(n + 1);
    for (size_t i = 0; i < n; i += i < 300 ? 1 : 97) {
        memcpy(copy, whole, n);
        copy[i] ^= 0x10;
        write_file(copy, n);
        expect(c, INGOT_E_FORMAT, path);
        write_file(whole, i ? i : 1);
        expect(c, INGOT_E_FORMAT, path);
    }
    memcpy(copy, whole, n);
    copy[n] = 0;
    write_file(copy, n + 1);
    expect(c, INGOT_E_FORMAT, "damaged");
    copy[8] = 9;
    write_file(copy, n);
    expect(c, INGOT_E_FORMAT, "version 9");
    free(whole);
    free(copy);
    ig_kv_close(&c);
}

static void reseal(unsigned char *p, size_t n)
{
    const ig_hash128 digest = ig_hash(p, n - 16);
    memcpy(p + n - 16, &digest.lo, 8);
    memcpy(p + n - 8, &digest.hi, 8);
}

/* Forged headers with a digest that fits: an answer, and no page is lost. */
static void forged(void **state)
{
    (void)state;
    enum { COUNTS_AT = 40, HEAD = 160 };
    ig_kv_cache *c = small_cache(IG_PAGE_F32);
    save_some(IG_PAGE_F32, 20);
    size_t n;
    unsigned char *whole = read_file(&n), *copy = malloc(n);
    static const uint64_t counts[] = {1000, 1u << 20, UINT64_MAX, UINT64_MAX / 4,
                                      (uint64_t)1 << 62};
    for (size_t i = 0; i < 2 * IG_LEN(counts); i++) {
        memcpy(copy, whole, n);
        memcpy(copy + COUNTS_AT + i % 2 * 8, &counts[i / 2], 8);
        reseal(copy, n);
        write_file(copy, n);
        expect(c, INGOT_E_FORMAT, path);
    }
    uint64_t random = 9;
    for (size_t i = 0; i < 3000; i++) {
        memcpy(copy, whole, n);
        for (size_t k = 0; k < 1 + i % 3; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            copy[(random >> 33) % HEAD] = (unsigned char)(random >> 56);
        }
        reseal(copy, n);
        write_file(copy, n);
        ingot_error err;
        ig_kv_seq *s;
        ig_kv_saved saved;
        if (!restore(&s, &saved, c, &err))
            for (size_t k = 0; k < saved.n_cached + saved.n_pending; k++)
                assert_true(saved.tokens[k] >= 0);
        ig_kv_seq_free(&s);
        assert_int_equal(ig_kv_room(c), 8);
        ig_arena_reset(&arena);
    }
    free(whole);
    free(copy);
    ig_kv_close(&c);
}

static void unwritable(void **state)
{
    (void)state;
    ingot_error err;
    ig_kv_cache *c = small_cache(IG_PAGE_F32);
    ig_kv_seq *s = computed(c, 3, 0);
    assert_int_equal(ig_kv_seq_save(s, "no/such/folder/s.kv", model, NULL, 0, &err), INGOT_E_IO);
    ig_kv_seq_free(&s);
    ig_kv_close(&c);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(round_trip), CASE(nothing_of_others), CASE(restored_pages_are_private),
        CASE(foreign),    CASE(damaged),           CASE(forged),
        CASE(unwritable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
