/* unit_json_read.c - reading JSON: every kind of value, escapes, and what is not JSON. */
#include "tests/check.h"
#include "runtime/base/json_read.h"

#include <string.h>

static ingot_error err;
static ig_heap heap;
static ig_arena arena;

static const ig_json_value *read_all(const char *text)
{
    const ig_json_value *v = NULL;
    ig_arena_clear(&arena);
    ig_heap_init(&heap, NULL);
    ig_arena_init(&arena, &heap);
    check_ok(ig_json_read(&v, text, strlen(text), &arena, &err));
    return v;
}

static void values_come_back(void **state)
{
    (void)state;
    const ig_json_value *v =
        read_all(" {\"a\": [1, -2.5e3, true, false, null], \"b\":{}, \"c\":\"x\"} ");
    const ig_json_value *a = ig_json_find(v, "a");
    assert_int_equal(a->kind, IG_JSON_ARRAY);
    const double want[] = {1, -2500, 1, 0, 0};
    const ig_json_kind kinds[] = {IG_JSON_NUMBER, IG_JSON_NUMBER, IG_JSON_BOOL, IG_JSON_BOOL,
                                  IG_JSON_NULL};
    const ig_json_value *m = a->first;
    for (size_t i = 0; i < 5; i++, m = m->next) {
        assert_int_equal(m->kind, kinds[i]);
        assert_true(m->number == want[i]);
    }
    assert_null(m);
    assert_string_equal(ig_json_find_text(v, "c"), "x");
    assert_null(ig_json_find(v, "d"));
    assert_null(ig_json_find_text(v, "a"));
    assert_true(ig_json_find_number(v, "c", 7) == 7);
    assert_null(ig_json_find(ig_json_find(v, "b"), "a"));
}

static void escapes_become_utf8(void **state)
{
    (void)state;
    const ig_json_value *v =
        read_all("\"\\\"\\\\\\/\\b\\n\\t\\u00e9\\u20AC\\ud83d\\ude00\\ud800z\\u0000\"");
    assert_string_equal(v->text,
                        "\"\\/\b\n\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdz\xef\xbf\xbd");
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "{",           "[1,]",   "[1 2]",   "{\"a\" 1}",  "{a:1}", "\"x",
        "\"\\x\"", "\"\\u12g4\"", "tru",    "nul",     "01",         "1.",    "+1",
        "0x10",    "NaN",         "[1]]",   "\"\n\"",  "{\"a\":1,}", "-",     "\"\\ud83d\\u12\"",
        "1e",      "\"\\",        "[\"\\u", "infinity"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const ig_json_value *v;
        if (ig_json_read(&v, bad[i], strlen(bad[i]), &arena, &err) != INGOT_E_DATA)
            fail_msg("accepted: %s", bad[i]);
    }
}

/* Every beginning of a valid text, in memory of exactly its size: reads nothing behind it. */
static void cut_texts_are_refused(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\": [1.5, \"\\u00e9\\n\", true, null, {\"b\": {}}]}";
    for (size_t n = 0; n + 1 < sizeof whole - 1; n++) {
        const ig_json_value *v;
        char *exact = test_malloc(n + 1);
        memcpy(exact, whole, n);
        assert_int_equal(ig_json_read(&v, exact, n, &arena, &err), INGOT_E_DATA);
        test_free(exact);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[3 * IG_JSON_READ_DEPTH];
    const ig_json_value *v;
    memset(text, '[', sizeof text);
    assert_int_equal(ig_json_read(&v, text, sizeof text, &arena, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "levels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(escapes_become_utf8),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(cut_texts_are_refused),
        cmocka_unit_test(depth_is_bounded),
    };
    ig_heap_init(&heap, NULL);
    ig_arena_init(&arena, &heap);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ig_arena_clear(&arena);
    return failed;
}
