/* unit_text.c - strings: limits of matching, splits, case, labels. */
#include "tests/ops/call.h"

#include <math.h>

static ig_tensor *texts(caller *c, size_t n, const char *const *v)
{
    ingot_str list[8];
    for (size_t i = 0; i < n; i++) list[i] = (ingot_str){v[i], strlen(v[i])};
    return caller_tensor(c, INGOT_STR, 1, (int64_t[]){(int64_t)n}, list);
}

static bool is(const ig_tensor *t, size_t at, const char *want)
{
    const ingot_str s = ((const ingot_str *)t->data)[at];
    return s.n == strlen(want) && !memcmp(s.p, want, s.n);
}

static ig_tensor empty_texts(void) { return (ig_tensor){.dtype = INGOT_STR, .rank = 1}; }

static void matching_is_whole_and_bounded(void **unused)
{
    (void)unused;
#if IG_HAVE_PCRE2
    static const char *const words[] = {"ab", "abc", "xab", "a\nb", ""};
    static const uint8_t want[] = {1, 0, 0, 0, 0};
    caller c;
    caller_open(&c);
    ig_node *node = caller_node(&c, "regex_full_match", 1, 1);
    caller_text(&c, node, "pattern", "a.?b|ab");
    const ig_tensor *in[] = {texts(&c, 5, words)};
    ig_tensor out;
    if (call(&c, node, in, &out)) fail_msg("%s", c.err.text);
    assert_memory_equal(out.data, want, 5);
    static char slow[64];
    memset(slow, 'a', sizeof slow - 2);
    slow[sizeof slow - 2] = 'b';
    caller_text(&c, node, "pattern", "(a|aa)+(a|aa)+$");
    in[0] = texts(&c, 1, (const char *const[]){slow});
    assert_int_equal(call(&c, node, in, &out), INGOT_E_DATA);
    caller_text(&c, node, "pattern", "(");
    assert_int_equal(call(&c, node, in, &out), INGOT_E_FORMAT);
    caller_close(&c);
#else
    skip();
#endif
}

static void splits_follow_python(void **unused)
{
    (void)unused;
    static const char *const words[] = {" a  b ", "", "a--b--", "x"};
    caller c;
    caller_open(&c);
    ig_node *node = caller_node(&c, "string_split", 1, 2);
    const ig_tensor *in[] = {texts(&c, 4, words)};
    ig_tensor out[2] = {empty_texts()};
    if (call(&c, node, in, out)) fail_msg("%s", c.err.text);
    assert_memory_equal(out[1].data, ((int64_t[]){2, 0, 1, 1}), 4 * sizeof(int64_t));
    assert_int_equal(out[0].dims[1], 2);
    assert_true(is(&out[0], 0, "a") && is(&out[0], 1, "b") && is(&out[0], 2, ""));
    caller_text(&c, node, "delimiter", "--");
    caller_int(&c, node, "maxsplit", 1);
    if (call(&c, node, in, out)) fail_msg("%s", c.err.text);
    assert_memory_equal(out[1].data, ((int64_t[]){1, 1, 2, 1}), 4 * sizeof(int64_t));
    assert_true(is(&out[0], 4, "a") && is(&out[0], 5, "b--"));
    caller_close(&c);
}

static void case_is_that_of_all_letters(void **unused)
{
    (void)unused;
    static const char *const words[] = {"Zürich", "THE", "straße \xff"};
    caller c;
    caller_open(&c);
    ig_node *node = caller_node(&c, "string_normalizer", 1, 1);
    caller_text(&c, node, "case_change", "UPPER");
    const ingot_str stop = {"the", 3};
    caller_set(&c, node, "stopwords", (ig_attr_value){.kind = IG_ATTR_TEXTS, .texts = {&stop, 1}});
    const ig_tensor *in[] = {texts(&c, 3, words)};
    ig_tensor out = empty_texts();
    if (call(&c, node, in, &out)) fail_msg("%s", c.err.text);
    assert_int_equal(out.dims[0], 2);
    assert_true(is(&out, 0, "ZÜRICH") && is(&out, 1, "STRAßE \xff"));
    caller_close(&c);
}

/* NaN is a key like any other, -0 is 0, and of equal keys the first counts. */
static void labels_of_floats(void **unused)
{
    (void)unused;
    static const float keys[] = {NAN, 0, 1, 1}, x[] = {-0.0f, NAN, 1, 7};
    static const int64_t values[] = {1, 2, 3, 4}, other = 9, want[] = {2, 1, 3, 9};
    caller c;
    caller_open(&c);
    ig_node *node = caller_node(&c, "label_encoder", 4, 1);
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_F32, 1, (int64_t[]){4}, x),
                             caller_tensor(&c, INGOT_F32, 1, (int64_t[]){4}, keys),
                             caller_ints(&c, 4, values), caller_ints(&c, 1, &other)};
    ig_tensor out;
    if (call(&c, node, in, &out)) fail_msg("%s", c.err.text);
    assert_memory_equal(out.data, want, sizeof want);
    caller_close(&c);
}

/* A file may claim any layout of n-grams. */
static void wrong_ngrams_are_refused(void **unused)
{
    (void)unused;
    static const int64_t wrong[][2] = {{0, 9}, {-1, 2}, {2, 1}, {0, 3}, {0, INT64_MAX}};
    static const int64_t x[] = {1, 2}, pool[] = {1, 2, 1, 2}, columns[] = {0, 1, 2};
    for (size_t k = 0; k <= IG_LEN(wrong); k++) {
        const int64_t good[] = {0, 2}, *counts = k < IG_LEN(wrong) ? wrong[k] : good;
        caller c;
        caller_open(&c);
        ig_node *node = caller_node(&c, "tfidf", 4, 1);
        caller_int(&c, node, "max_gram_length", 2);
        caller_set(&c, node, "ngram_counts",
                   (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {counts, 2}});
        const ig_tensor *in[] = {caller_ints(&c, 2, x), caller_ints(&c, 4, pool),
                                 caller_ints(&c, 3, columns),
                                 caller_tensor(&c, INGOT_F32, 1, (int64_t[]){0}, x)};
        ig_tensor out;
        const ingot_status s = call(&c, node, in, &out);
        assert_int_equal(s == INGOT_OK, k == IG_LEN(wrong));
        if (!s) assert_memory_equal(out.data, ((float[]){1, 1, 1}), 3 * sizeof(float));
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_is_whole_and_bounded), cmocka_unit_test(splits_follow_python),
        cmocka_unit_test(case_is_that_of_all_letters),   cmocka_unit_test(labels_of_floats),
        cmocka_unit_test(wrong_ngrams_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
