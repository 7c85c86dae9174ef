/* tokenizer_long.c - texts made to be slow: half a megabyte of one letter, of spaces, of marks in
 * the wrong order, without an end. Time that grows with the square of the length runs into ctest's
 * limit. Marks are also checked one by one against the order that Unicode wants. */
#include "tests/text/shared.h"

#include "formats/tokenizer/import.h"
#include "runtime/text/normalize.h"
#include "runtime/text/tokenizer.h"

enum { BYTES = 1 << 19 };

static ig_heap heap;
static ingot_error err;

static void encode_long(const char *name, const char *unit)
{
    char path[128];
    size_t n;
    ig_arena arena;
    ig_bytes section, text;
    ig_recipe r;
    ig_tokenizer *t;
    ig_token_work *w;
    ig_ids ids;
    snprintf(path, sizeof path, "tests/text/data/%s.json", name);
    char *json = read_whole(path, &n);
    ig_arena_init(&arena, &heap);
    ig_bytes_init(&section, &heap);
    ig_bytes_init(&text, &heap);
    ig_ids_init(&ids, &heap);
    check_ok(ig_tokenizer_from_json(&r, &arena, json, n, &err));
    check_ok(ig_recipe_write(&section, &r, &err));
    check_ok(ig_tokenizer_open(&t, &heap, section.p, section.n, &err));
    check_ok(ig_token_work_open(&w, t, &err));
    while (text.n < BYTES) ig_put(&text, unit, strlen(unit));
    check_ok(ig_encode(&ids, w, (const char *)text.p, text.n, IG_ENCODE_SPECIAL, &err));
    ig_ids_clear(&ids);
    ig_token_work_close(&w);
    ig_tokenizer_close(&t);
    ig_bytes_clear(&text);
    ig_bytes_clear(&section);
    ig_arena_clear(&arena);
    free(json);
    assert_int_equal(heap.live_bytes, 0);
}

static void test_long_texts(void **state)
{
    static const char *const names[] = {"byte_level", "split_pattern", "byte_fallback",
                                        "wordpiece",  "unigram",       "words"};
    static const char *const units[] = {"a",  " ", "\xcc\x81\xcc\xa3", "ab",
                                        "\n", "-", "\xe6\x9d\xb1"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof units / sizeof *units; k++) encode_long(names[i], units[k]);
}

static void check_form(ig_step_kind kind, const char *from, const char *to)
{
    ig_bytes text, spare;
    const ig_step step = {.kind = (uint8_t)kind};
    ig_pattern *none = NULL;
    ig_bytes_init(&text, &heap);
    ig_bytes_init(&spare, &heap);
    ig_put(&text, from, strlen(from));
    check_ok(ig_normalize(&text, &spare, &(ig_steps){&step, 1}, &none, NULL, &err));
    assert_int_equal(text.n, strlen(to));
    assert_memory_equal(text.p, to, text.n);
    ig_bytes_clear(&text);
    ig_bytes_clear(&spare);
}

/* Acute (class 230) and dot below (class 220) behind a, and behind a letter that takes neither. */
static void test_marks_in_order(void **state)
{
    (void)state;
    check_form(IG_STEP_NFC, "a\xcc\x81\xcc\xa3", "\xe1\xba\xa1\xcc\x81");
    check_form(IG_STEP_NFD, "\xc3\xa1\xcc\xa3", "a\xcc\xa3\xcc\x81");
    check_form(IG_STEP_NFC, "\xe6\x9d\xb1\xcc\x81\xcc\xa3\xcc\x81",
               "\xe6\x9d\xb1\xcc\xa3\xcc\x81\xcc\x81");
    check_form(IG_STEP_NFKC, "\xef\xac\x81\xcc\xa3", "f\xe1\xbb\x8b");
    check_form(IG_STEP_NFD,
               "\xcc\x81\xcc\xa3"
               "a",
               "\xcc\xa3\xcc\x81"
               "a");
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_marks_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
