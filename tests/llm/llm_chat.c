/* llm_chat.c - chat templates: against what jinja2 makes of templates in the manner of a dozen
 * families (tests/text/data/chat, made by make.py), errors with their places, and templates made to
 * take all time or memory. */
#include "tests/text/shared.h"

#include "runtime/base/checked.h"
#include <time.h>
#include "runtime/text/template/chat.h"

static ig_heap heap;
static ingot_error err;

static const char folder[] = "tests/text/data/chat";

static void check_golden(const char *name, const json_t *variables, const json_t *texts,
                         int64_t now)
{
    char path[200];
    size_t n, i;
    json_t *v;
    snprintf(path, sizeof path, "%s/%s.jinja", folder, name);
    char *source = read_whole(path, &n);
    ig_chat_template *t;
    check_ok(ig_chat_template_open(&t, &heap, source, n, &err));
    json_array_foreach(variables, i, v)
    {
        const json_t *want = json_array_get(texts, i);
        char *json = json_dumps(v, i % 2 ? JSON_ENSURE_ASCII : JSON_COMPACT);
        ig_bytes out;
        ig_bytes_init(&out, &heap);
        const ingot_status s = ig_chat_template_render(&out, t, json, strlen(json), now, &err);
        if (json_is_null(want)) {
            if (!s) fail_msg("%s, case %zu: jinja2 refuses it", name, i);
            assert_int_equal(out.n, 0);
        } else {
            if (s) fail_msg("%s, case %zu: %s", name, i, err.text);
            const size_t m = json_string_length(want);
            if (out.n != m || (m && memcmp(out.p, json_string_value(want), m)))
                fail_msg("%s, case %zu:\n%.*s\n---- instead of\n%s", name, i, (int)out.n,
                         (const char *)out.p, json_string_value(want));
        }
        ig_bytes_clear(&out);
        free(json);
    }
    ig_chat_template_close(&t);
    free(source);
}

static void templates_of_families(void **state)
{
    (void)state;
    char path[200];
    size_t n;
    snprintf(path, sizeof path, "%s/golden.json", folder);
    char *text = read_whole(path, &n);
    json_t *all = json_loadb(text, n, 0, NULL);
    assert_non_null(all);
    json_t *golden = json_object_get(all, "golden"), *texts;
    const char *name;
    assert_true(json_object_size(golden) >= 12);
    json_object_foreach(golden, name, texts)
        check_golden(name, json_object_get(all, "variables"), texts,
                     json_integer_value(json_object_get(all, "now")));
    json_decref(all);
    free(text);
}

/* ---- single templates ---- */

static ingot_status render(ig_bytes *out, const char *source, const char *variables)
{
    ig_chat_template *t;
    ig_bytes_init(out, &heap);
    IG_TRY(ig_chat_template_open(&t, &heap, source, strlen(source), &err));
    const ingot_status s =
        ig_chat_template_render(out, t, variables, strlen(variables), 1700000000, &err);
    ig_chat_template_close(&t);
    return s;
}

static void gives(const char *source, const char *variables, const char *want)
{
    ig_bytes out;
    check_ok(render(&out, source, variables));
    if (out.n != strlen(want) || memcmp(out.p ? (char *)out.p : "", want, out.n))
        fail_msg("%s: %.*s, not %s", source, (int)out.n, (const char *)out.p, want);
    ig_bytes_clear(&out);
}

static void blanks_around_tags(void **state)
{
    (void)state;
    gives("a\n  {% if true %}\nb\n  {% endif %}\nc\n", "{}", "a\nb\nc");
    gives("a {%- if true %} b {%- endif -%}  c", "{}", "a bc");
    gives("  {{ 1 }}  {{- 2 -}}  3", "{}", "  123");
    gives("{% if true +%}\nx{% endif %}", "{}", "\nx");
    gives("  {%+ if true %}x{% endif %}", "{}", "  x");
    gives("a\r\nb\rc\n\n", "{}", "a\nb\nc\n");
    gives("x {# y #}\nz", "{}", "x z");
    gives("  {#- a -#}  \n b", "{}", "b");
    gives("{% raw %}\n {{ x }}{% endraw %}\ny", "{}", "\n {{ x }}y");
    gives("{{ {'a': {'b': 1}}['a'] }}", "{}", "{'b': 1}");
    gives("{{ '}}' }}{{ \"%}\" }}", "{}", "}}%}");
}

static void variables_from_json(void **state)
{
    (void)state;
    gives("{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ f }}",
          "{\"a\":1,\"b\":1.0,\"c\":null,\"d\":true,\"e\":\"\\u00e9\",\"f\":[12345678901234]}",
          "1 1.0 None True \xc3\xa9 [12345678901234]");
    gives("{{ missing }}|{{ missing is defined }}|{{ m.a.b is defined }}", "{\"m\":{\"a\":{}}}",
          "|False|False");
}

static void refuse(const char *source, ingot_status status, const char *says)
{
    ig_bytes out;
    const clock_t from = clock(); /* of this process: others may be busy */
    const ingot_status s = render(&out, source, "{\"messages\":[{\"role\":\"user\"}],\"n\":1}");
    if (s != status) fail_msg("%.80s: status %d, %s", source, s, s ? err.text : "taken");
    if (!strstr(err.text, says)) fail_msg("%.80s: %s", source, err.text);
    ig_bytes_clear(&out);
    assert_true(clock() - from < 20 * CLOCKS_PER_SEC);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

static void errors_have_places(void **state)
{
    (void)state;
    refuse("{% if x %}", INGOT_E_DATA, "expected `{% endif %}`");
    refuse("a\n {% endif %}", INGOT_E_DATA, "line 2, column 5: `endif` closes nothing");
    refuse("{% include 'x' %}", INGOT_E_UNSUPPORTED, "column 4: the statement `include`");
    refuse("{{ x | nosuch }}", INGOT_E_UNSUPPORTED, "column 8: the filter `nosuch`");
    refuse("{{ x is nosuch }}", INGOT_E_UNSUPPORTED, "the test `nosuch`");
    refuse("{{ 'x'.nosuch() }}", INGOT_E_UNSUPPORTED, "the method `nosuch`");
    refuse("{{ messages.append(1) }}", INGOT_E_UNSUPPORTED, "the method `append`");
    refuse("{{ x.y }}", INGOT_E_DATA, "`x` is undefined, so it has no `y`");
    refuse("{{ x() }}", INGOT_E_DATA, "`x` is undefined, so it cannot be called");
    refuse("{{ 'a' + 1 }}", INGOT_E_DATA, "column 8: `+` between str and int");
    refuse("{{ 'a' < 1 }}", INGOT_E_DATA, "`<` between str and int");
    refuse("{{ 1 / 0 }}", INGOT_E_DATA, "division by zero");
    refuse("{{ 1 // 0 }}", INGOT_E_DATA, "division by zero");
    refuse("{{ raise_exception('no ' ~ n) }}", INGOT_E_DATA, "the template says: no 1");
    refuse("{{ }}", INGOT_E_DATA, "expected a value");
    refuse("{{ 'x }}", INGOT_E_DATA, "closing quote");
    refuse("{{ 1", INGOT_E_DATA, "a tag without its end");
    refuse("{# x", INGOT_E_DATA, "a comment without its end");
    refuse("{% raw %}", INGOT_E_DATA, "raw without its endraw");
    refuse("{{ a b }}", INGOT_E_DATA, "expected the end of the tag, but here is `b`");
    refuse("{{ ? }}", INGOT_E_DATA, "`?` means nothing");
    refuse("{% break %}", INGOT_E_DATA, "need a loop");
    refuse("{% set n.x = 1 %}", INGOT_E_DATA, "namespace() only");
    refuse("{% for a, b in [1] %}{% endfor %}", INGOT_E_DATA, "int has no items");
    refuse("{% for a, b in [[1]] %}{% endfor %}", INGOT_E_DATA, "1 values for 2 names");
    refuse("{{ 99999999999999999999 }}", INGOT_E_DATA, "too large");
    refuse("{{ 2 ** 64 }}", INGOT_E_DATA, "more than 64 bits");
    refuse("{{ -9223372036854775807 - 9 }}", INGOT_E_DATA, "more than 64 bits");
    refuse("{{ x | tojson }}", INGOT_E_DATA, "undefined within it is no JSON");
}

static char *repeated(const char *unit, size_t n)
{
    const size_t size = strlen(unit);
    char *text = malloc(n * size + 1), *p = text;
    for (size_t i = 0; i < n; i++) p = stpcpy(p, unit);
    *p = 0;
    return text;
}

static void templates_without_end(void **state)
{
    (void)state;
#define LOOP "{% for i in range(90000) %}"
    refuse(LOOP LOOP LOOP "{% endfor %}{% endfor %}{% endfor %}", INGOT_E_FULL, "");
    refuse(LOOP "{{ 'x' * 90000 }}{% endfor %}", INGOT_E_FULL, "");
    refuse("{{ 'x' * 9000000000 }}", INGOT_E_FULL, "too long");
    refuse("{{ range(10000000) }}", INGOT_E_FULL, "a range of more");
    refuse("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", INGOT_E_FULL, "too deeply");
    refuse("{% set n = namespace(s='x') %}" LOOP "{% set n.s = n.s ~ n.s %}{% endfor %}",
           INGOT_E_FULL, "too much memory");
    refuse("{% set s = 'x' * 900000 %}{% set l = [s] * 90000 %}{{ l | join | length }}",
           INGOT_E_FULL, "too much memory");
    refuse("{% set s = 'x' * 900000 %}{{ s | replace('x', s) | length }}", INGOT_E_FULL,
           "too much memory");
    refuse("{% set n = namespace(l=[]) %}" LOOP "{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
           INGOT_E_FULL, "");
    static const char *const units[] = {"(", "[", "{% if 1 %}", "not ", "-", "{% for i in [1] %}"};
    for (size_t i = 0; i < IG_LEN(units); i++) {
        char *deep = repeated(units[i], 50000), *text = malloc(strlen(deep) + 10);
        sprintf(text, units[i][0] == '{' ? "%s" : "{{ %s 1 }}", deep);
        ig_bytes out;
        assert_int_not_equal(render(&out, text, "{}"), INGOT_OK);
        ig_bytes_clear(&out);
        free(text);
        free(deep);
    }
}

static void conversations(void **state)
{
    (void)state;
    static const char source[] =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if tools is none %}-{% endif %}{{ x }}{% if add_generation_prompt "
        "%}assistant:{% endif %}{{ bos_token }}";
    ig_chat_template *t;
    ig_bytes out;
    static const char list[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";
    const ingot_str messages = {list, sizeof list - 1};
    ig_bytes_init(&out, &heap);
    check_ok(ig_chat_template_open(&t, &heap, source, strlen(source), &err));
    check_ok(ig_chat_text(&out, t, NULL,
                          &(ig_chat){.messages = messages,
                                     .more = {" {\"x\": 7} ", 10},
                                     .add_generation_prompt = true},
                          &err));
    assert_int_equal(out.n, 21);
    assert_memory_equal(out.p, "user: hi\n-7assistant:", 21);
    assert_int_equal(ig_chat_text(&out, t, NULL, &(ig_chat){.messages = {"[", 1}}, &err),
                     INGOT_E_DATA);
    assert_int_equal(
        ig_chat_text(&out, t, NULL, &(ig_chat){.messages = messages, .more = {"7", 1}}, &err),
        INGOT_E_DATA);
    assert_int_equal(out.n, 21);
    ig_bytes_clear(&out);
    ig_chat_template_close(&t);
}

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return atomic_load(&heap.live_bytes) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_of_families), cmocka_unit_test(blanks_around_tags),
        cmocka_unit_test(variables_from_json),   cmocka_unit_test(errors_have_places),
        cmocka_unit_test(templates_without_end), cmocka_unit_test(conversations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
