/* unit_json.c - JSON as it must be byte for byte: nesting, escapes, exact numbers. */
#include "tests/check.h"
#include "tools/cli/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ingot_error err;

typedef struct {
    char *text;
    size_t n;
    ig_json json;
} capture;

static ig_json *begin(capture *c, int indent)
{
    ig_json_init(&c->json, open_memstream(&c->text, &c->n), indent);
    return &c->json;
}

static void check_text(capture *c, const char *want)
{
    check_ok(ig_json_finish(&c->json, &err));
    fclose(c->json.to);
    assert_string_equal(c->text, want);
    free(c->text);
}

static void levels_nest(void **state)
{
    (void)state;
    capture c;
    ig_json *j = begin(&c, 2);
    ig_json_object(j, NULL);
    ig_json_text(j, "name", "ingot");
    ig_json_array(j, "dims");
    ig_json_int(j, NULL, 1);
    ig_json_object(j, NULL);
    ig_json_end(j);
    ig_json_array(j, NULL);
    ig_json_end(j);
    ig_json_end(j);
    ig_json_null(j, "none");
    ig_json_text(j, "no text", NULL);
    ig_json_bool(j, "yes", true);
    ig_json_end(j);
    check_text(&c, "{\n  \"name\": \"ingot\",\n  \"dims\": [\n    1,\n    {},\n    []\n  ],\n"
                   "  \"none\": null,\n  \"no text\": null,\n  \"yes\": true\n}\n");
    j = begin(&c, 0);
    ig_json_object(j, NULL);
    ig_json_bool(j, "a", false);
    ig_json_array(j, "b");
    ig_json_int(j, NULL, 1);
    ig_json_int(j, NULL, 2);
    ig_json_end(j);
    ig_json_end(j);
    check_text(&c, "{\"a\": false, \"b\": [1, 2]}\n");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "\"\"\n"},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\"\n"},
        {"\n\t\r\x01\x7f", "\"\\n\\t\\u000d\\u0001\\u007f\"\n"},
        {"déjà 日本 🦊", "\"déjà 日本 🦊\"\n"},
        {"a\xff"
         "b\xc3",
         "\"a\\ufffdb\\ufffd\"\n"},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n"}, /* a surrogate */
        {"\xc0\x80", "\"\\ufffd\\ufffd\"\n"},            /* an overlong NUL */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        capture c;
        ig_json_text(begin(&c, 0), NULL, cases[i].text);
        check_text(&c, cases[i].want);
    }
    capture c;
    ig_json_text_n(begin(&c, 0), NULL, "a\0b", 3);
    check_text(&c, "\"a\\u0000b\"\n");
}

static void numbers_are_exact(void **state)
{
    (void)state;
    capture c;
    ig_json *j = begin(&c, 0);
    ig_json_array(j, NULL);
    ig_json_int(j, NULL, INT64_MIN);
    ig_json_uint(j, NULL, UINT64_MAX);
    ig_json_f64(j, NULL, 0.1);
    ig_json_f64(j, NULL, 1.0 / 3);
    ig_json_f64(j, NULL, 5e-324);
    ig_json_f64(j, NULL, 1e300);
    ig_json_f64(j, NULL, -0.0);
    ig_json_f32(j, NULL, 0.1f);
    ig_json_f32(j, NULL, 16777216);
    ig_json_f64(j, NULL, (double)NAN);
    ig_json_f32(j, NULL, -INFINITY);
    ig_json_end(j);
    check_text(&c, "[-9223372036854775808, 18446744073709551615, 0.1, 0.3333333333333333, "
                   "4.94065645841247e-324, 1e+300, -0, 0.1, 16777216, null, null]\n");
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    ig_json j;
    FILE *full = fopen("/dev/full", "w");
    if (!full) skip();
    ig_json_init(&j, full, 0);
    ig_json_int(&j, NULL, 1);
    assert_int_equal(ig_json_finish(&j, &err), INGOT_E_IO);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_nest),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
