/* kv_spare.c - pages that gave way and come back, moves that fail, pages of a device's form. */
#include "tests/llm/kv_rig.h"

#include <unistd.h>

enum { P = 16, SALT = 5 };

static void text_of(int32_t *tokens, int32_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) tokens[i] = first + (int32_t)i;
}

/* A sequence of the text, computed where it was not found; how much was found. */
static size_t visit(ig_kv_cache *c, int32_t first, size_t n)
{
    ingot_error err;
    ig_kv_seq *s;
    int32_t tokens[200];
    size_t found;
    text_of(tokens, first, n);
    check_ok(ig_kv_seq_open(&s, c, SALT, 200, &err));
    ig_kv_seq_match(&found, s, tokens, n);
    uint64_t tag = SALT;
    for (size_t i = 0; i < found; i++) tag = rig_tag(tag, tokens[i]);
    rig_extend(s, tag, tokens + found, n - found);
    rig_check(s, SALT, tokens, n);
    ig_kv_seq_free(&s);
    return found;
}

static void comes_back(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.spare_bytes = 1 << 20;
    ig_kv_cache *c = rig_cache(&heap, o, 6);
    assert_int_equal(visit(c, 1000, 81), 0); /* 6 pages, 5 of them full */
    assert_int_equal(visit(c, 2000, 81), 0); /* the first ones give way */
    assert_int_equal(visit(c, 1000, 81), 80);
    assert_int_equal(visit(c, 2000, 81), 80);
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, c);
    assert_true(stats.returned >= 9 && stats.spared >= stats.returned);
    rig_close(&c, &heap);
}

static void not_without_room(void **state)
{
    (void)state;
    ig_heap heap;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.spare_bytes = 1 << 20;
    ig_kv_cache *c = rig_cache(&heap, o, 6);
    assert_int_equal(visit(c, 1000, 81), 0);
    ig_kv_seq *s, *t;
    int32_t tokens[96];
    text_of(tokens, 3000, 96);
    check_ok(ig_kv_seq_open(&s, c, SALT, 200, &err));
    rig_extend(s, SALT, tokens, 80); /* one page is left */
    size_t found;
    text_of(tokens, 1000, 96);
    check_ok(ig_kv_seq_open(&t, c, SALT, 200, &err));
    ig_kv_seq_match(&found, t, tokens, 96);
    assert_int_equal(found, P);
    rig_check(t, SALT, tokens, P);
    ig_kv_seq_free(&s), ig_kv_seq_free(&t);
    rig_close(&c, &heap);
}

/* ---- a memory that breaks ---- */

static int moves_left;

static ingot_status breaks(void *ud, void *to, const void *from, size_t bytes, ig_kv_way way,
                           ingot_error *err)
{
    (void)ud, (void)way;
    if (moves_left-- <= 0) return ig_fail(err, INGOT_E_DEVICE, "the device is gone");
    memcpy(to, from, bytes);
    return INGOT_OK;
}

static void breaks_down(void **state)
{
    (void)state;
    ig_heap heap;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    ig_kv_memory memory = ig_kv_host_memory(&heap);
    memory.move = breaks;
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.spare_bytes = 1 << 20;
    o.memory = &memory;
    ig_kv_cache *c = rig_cache(&heap, o, 6);
    moves_left = 3;
    visit(c, 1000, 81);
    visit(c, 2000, 81); /* three pages are kept, the others lost */
    assert_true(visit(c, 1000, 81) < 80);
    int32_t tokens[40];
    text_of(tokens, 4000, 40);
    ig_kv_seq *s, *t;
    check_ok(ig_kv_seq_open(&s, c, SALT, 200, &err));
    rig_extend(s, SALT, tokens, 40);
    check_ok(ig_kv_seq_fork(&t, s, &err));
    assert_int_equal(ig_kv_reserve(t, 1, &err), INGOT_E_DEVICE); /* a begun page is copied */
    rig_check(s, SALT, tokens, 40);
    ig_kv_seq_free(&s), ig_kv_seq_free(&t);
    rig_close(&c, &heap);
}

/* ---- a device's pages ---- */

static void sessions_of_a_device(void **state)
{
    (void)state;
    ig_heap heap, texts;
    ingot_error err;
    ig_arena arena;
    ig_heap_init(&heap, NULL);
    ig_heap_init(&texts, NULL);
    ig_arena_init(&arena, &texts);
    ig_kv_memory memory = ig_kv_host_memory(&heap);
    memory.device = true;
    char path[] = "/tmp/ingot-kv-spare-XXXXXX";
    close(mkstemp(path));
    const ig_hash128 model = {1, 2};
    int32_t tokens[20];
    text_of(tokens, 100, 20);
    for (int type = IG_PAGE_F32; type <= IG_PAGE_F8; type++) {
        ig_kv_options o = rig_options((ig_page_type)type, P);
        o.memory = &memory;
        ig_kv_cache *c = rig_cache(&heap, o, 4);
        ig_kv_seq *s, *t;
        check_ok(ig_kv_seq_open(&s, c, SALT, 60, &err));
        check_ok(ig_kv_reserve(s, 20, &err));
        memset(c->base, 0x5a, 4 * c->page_bytes);
        ig_kv_commit(s, tokens, 20);
        check_ok(ig_kv_seq_save(s, path, model, NULL, 0, &err));
        ig_kv_saved saved;
        check_ok(ig_kv_seq_restore(&t, &saved, &arena, c, path, model, SALT, 60, &err));
        const unsigned char *a = ig_kv_page_at(c, t->table[0]), *b = ig_kv_page_at(c, t->table[1]);
        const ig_page_format *f = &c->layers[1].format;
        const size_t at = c->layers[1].at + f->bytes; /* its second head; four tokens of page 1 */
        assert_int_equal(a[at], 0x5a);
        assert_int_equal(b[at + 4 * f->k_group - 1], 0x5a);
        assert_int_equal(b[at + 4 * f->k_group], 0);
        assert_int_equal(b[at + f->v_at + 4 * f->v_row - 1], 0x5a);
        assert_int_equal(b[at + f->v_at + 4 * f->v_row], 0);
        ig_kv_seq_free(&s), ig_kv_seq_free(&t);
        rig_close(&c, &heap);
        if (type == IG_PAGE_F8) continue;
        o.memory = NULL;
        c = rig_cache(&heap, o, 4);
        assert_int_equal(ig_kv_seq_restore(&t, &saved, &arena, c, path, model, SALT, 60, &err),
                         INGOT_E_ARG);
        assert_non_null(strstr(err.text, "has device "));
        rig_close(&c, &heap);
    }
    unlink(path);
    ig_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back), cmocka_unit_test(not_without_room),
        cmocka_unit_test(breaks_down), cmocka_unit_test(sessions_of_a_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
