/* unit_attr.c - attributes by name: defaults, kinds, equality. */
#include "tests/check.h"
#include "runtime/graph/attr.h"

#include <string.h>

typedef struct {
    int64_t axis;
    double alpha;
    const char *text;
    int mode;
    ig_ints pads;
    ig_texts words;
} sample;

static const char *const modes[] = {"same", "valid", NULL};
static const ig_attr fields[] = {
    IG_INT(sample, axis, -1),
    IG_FLOAT(sample, alpha, 0.5),
    IG_TEXT(sample, text, "none"),
    IG_INTS(sample, pads),
    IG_ENUM(sample, mode, 1, modes),
    IG_TEXTS(sample, words),
    {0},
};

static void defaults_and_sets(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_arena arena;
    ig_arena_init(&arena, &heap);
    sample s = {0}, other = {0};
    ig_attr_defaults(&s, fields);
    ig_attr_defaults(&other, fields);
    assert_int_equal(s.axis, -1);
    assert_string_equal(s.text, "none");
    assert_int_equal(s.mode, 1);
    for (const ig_attr *f = fields; f->kind; f++) assert_true(ig_attr_is_default(&s, f));
    assert_true(ig_attr_equal(&s, &other, fields));

    const int64_t pads[] = {1, 2};
    const ingot_str words[] = {{"a\0b", 3}, {"", 0}};
    const ig_attr_value as_int = {.kind = IG_ATTR_INT, .i = 3};
    const ig_attr_value as_text = {.kind = IG_ATTR_TEXT, .s = "same"};
    const ig_attr_value as_ints = {.kind = IG_ATTR_INTS, .ints = {pads, 2}};
    const ig_attr_value as_texts = {.kind = IG_ATTR_TEXTS, .texts = {words, 2}};
    check_ok(ig_attr_set(&s, ig_attr_find(fields, "axis"), &as_int, &arena, &err));
    check_ok(ig_attr_set(&s, ig_attr_find(fields, "alpha"), &as_int, &arena, &err));
    check_ok(ig_attr_set(&s, ig_attr_find(fields, "mode"), &as_text, &arena, &err));
    check_ok(ig_attr_set(&s, ig_attr_find(fields, "pads"), &as_ints, &arena, &err));
    check_ok(ig_attr_set(&s, ig_attr_find(fields, "words"), &as_texts, &arena, &err));
    assert_int_equal(s.mode, 0);
    assert_true(s.alpha == 3.0);
    assert_int_equal(s.pads.v[1], 2);
    assert_memory_equal(s.words.v[0].p, "a\0b", 3);
    assert_false(ig_attr_equal(&s, &other, fields));
    for (const ig_attr *f = fields; f->kind; f++) { /* what get gives, set takes */
        const ig_attr_value v = ig_attr_get(&s, f);
        check_ok(ig_attr_set(&other, f, &v, &arena, &err));
    }
    assert_true(ig_attr_equal(&s, &other, fields));

    assert_int_equal(ig_attr_set(&s, ig_attr_find(fields, "axis"), &as_text, &arena, &err),
                     INGOT_E_ARG);
    const ig_attr_value wrong = {.kind = IG_ATTR_TEXT, .s = "upside down"};
    assert_int_equal(ig_attr_set(&s, ig_attr_find(fields, "mode"), &wrong, &arena, &err),
                     INGOT_E_ARG);
    assert_non_null(strstr(err.text, "upside down"));
    assert_null(ig_attr_find(fields, "nothing"));
    ig_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_and_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
