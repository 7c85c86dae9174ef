/* kv_budget.c - a budget is exact, a step allocates nothing, what cannot be is said, and a failing
 * allocation leaves nothing behind. */
#include "tests/llm/kv_rig.h"

enum { P = 16, MOST = 200 };

static const int32_t tokens[MOST];

static void exact(void **state)
{
    (void)state;
    ingot_error err;
    for (size_t pages = 1; pages < 40; pages += 7) {
        ig_heap heap;
        ig_heap_init(&heap, NULL);
        ig_kv_options o = rig_options(IG_PAGE_I8, 32);
        ig_kv_cache *c = rig_cache(&heap, o, pages);
        check_ok(ig_kv_budget(&o.budget_bytes, &o, pages, &err));
        assert_int_equal(heap.live_bytes, o.budget_bytes);
        rig_close(&c, &heap);
        o.budget_bytes--;
        const ingot_status s = ig_kv_open(&c, &heap, &o, &err);
        assert_int_equal(s, pages == 1 ? INGOT_E_ARG : INGOT_OK);
        if (!s) assert_int_equal(ig_kv_n_pages(c), pages - 1);
        ig_kv_close(&c);
    }
}

static void refused(const ig_kv_options *o, const char *word)
{
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ingot_error err;
    ig_kv_cache *c;
    assert_int_equal(ig_kv_open(&c, &heap, o, &err), INGOT_E_ARG);
    assert_null(c);
    if (!strstr(err.text, word)) fail_msg("'%s' does not say '%s'", err.text, word);
}

static void impossible(void **state)
{
    (void)state;
    ig_kv_options o = rig_options(IG_PAGE_F16, 0);
    o.budget_bytes = 100;
    refused(&o, "give at least");
    o.budget_bytes = 1 << 20;
    o.page_tokens = 24;
    refused(&o, "multiple of 16");
    o.page_tokens = 0;
    o.n_layers = 0;
    refused(&o, "at least one layer");
    const ig_kv_shape none = {0, 4, 4}, vast = {SIZE_MAX / 2, 64, 64};
    o.n_layers = 1;
    o.layers = &none;
    refused(&o, "none may be 0");
    o.layers = &vast;
    refused(&o, "fit this machine");
    ingot_error err;
    size_t bytes;
    o = rig_options(IG_PAGE_F16, 0);
    assert_int_equal(ig_kv_budget(&bytes, &o, SIZE_MAX / 8, &err), INGOT_E_ARG);
    assert_int_equal(bytes, 0);
}

static void full(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_kv_cache *c = rig_cache(&heap, rig_options(IG_PAGE_F32, P), 4);
    ig_kv_seq *a, *b;
    check_ok(ig_kv_seq_open(&a, c, 0, MOST, &err));
    assert_int_equal(ig_kv_seq_open(&b, c, 0, 0, &err), INGOT_E_ARG);
    assert_null(b);
    check_ok(ig_kv_seq_open(&b, c, 0, 40, &err));
    rig_extend(a, 0, tokens, 40);
    assert_int_equal(ig_kv_reserve(b, 41, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "context"));
    assert_int_equal(ig_kv_reserve(b, 17, &err), INGOT_E_FULL);
    assert_non_null(strstr(err.text, "2 more pages"));
    assert_int_equal(ig_kv_pages_held(b), 0);
    check_ok(ig_kv_reserve(b, 16, &err));
    check_ok(ig_kv_reserve(b, 9, &err)); /* not on top */
    assert_int_equal(ig_kv_room(c), 0);
    ig_kv_truncate(b, 0); /* what is reserved goes back */
    assert_int_equal(ig_kv_room(c), 1);
    ig_kv_seq_free(&a);
    assert_int_equal(ig_kv_room(c), 4);
    ig_kv_seq_free(&b);
    ig_kv_seq_free(&b);
    ig_kv_close(&c);
    ig_kv_close(&c);
}

static void steps_allocate_nothing(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_kv_cache *c = rig_cache(&heap, rig_options(IG_PAGE_F32, P), 20);
    ig_kv_seq *s;
    check_ok(ig_kv_seq_open(&s, c, 0, MOST, &err));
    const size_t calls = heap.n_calls;
    size_t matched;
    ig_kv_seq_match(&matched, s, tokens, 50);
    for (size_t i = 0; i < 150; i++) rig_extend(s, 0, tokens, 1);
    ig_kv_truncate(s, 10);
    rig_extend(s, 0, tokens, 100);
    assert_int_equal(heap.n_calls, calls);
    ig_kv_seq_free(&s);
    rig_close(&c, &heap);
}

typedef struct {
    size_t count, fail_at;
} faulty;

static void *faulty_alloc(void *ud, void *p, size_t old, size_t now)
{
    faulty *f = ud;
    (void)old;
    if (!now) {
        free(p);
        return NULL;
    }
    return ++f->count == f->fail_at ? NULL : aligned_alloc(64, (now + 63) / 64 * 64);
}

static ingot_status whole_life(ig_heap *heap)
{
    ingot_error err;
    ig_kv_options o = rig_options(IG_PAGE_F32, P);
    o.budget_bytes = 1 << 16;
    ig_kv_cache *c;
    ig_kv_seq *a = NULL, *b = NULL;
    ingot_status s = ig_kv_open(&c, heap, &o, &err);
    if (!s) s = ig_kv_seq_open(&a, c, 0, MOST, &err);
    if (!s) rig_extend(a, 0, tokens, 20);
    if (!s) s = ig_kv_seq_fork(&b, a, &err);
    ig_kv_seq_free(&a);
    ig_kv_seq_free(&b);
    ig_kv_close(&c);
    return s;
}

static void nth_allocation_fails(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        faulty f = {.fail_at = n};
        const ingot_alloc alloc = {faulty_alloc, &f};
        ig_heap heap;
        ig_heap_init(&heap, &alloc);
        const ingot_status s = whole_life(&heap);
        assert_int_equal(heap.live_bytes, 0);
        assert_int_equal(s, f.count < n ? INGOT_OK : INGOT_E_NOMEM);
        if (f.count < n) return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact), cmocka_unit_test(impossible), cmocka_unit_test(full),
        cmocka_unit_test(steps_allocate_nothing), cmocka_unit_test(nth_allocation_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
