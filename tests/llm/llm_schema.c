/* llm_schema.c - JSON Schema: documents that random logits write under random schemas parse and
 * validate; known schemas take and refuse known documents; what cannot be kept is refused. */
#include "tests/check.h"
#include "tests/llm/matches.h"
#include "tests/llm/play.h"
#include "tests/llm/validate.h"

#include <time.h>

#include <locale.h>

static ingot_error err;
static ig_heap heap;
static ig_trie *trie;
static ig_sample_work *work;

/* ---- known schemas ---- */

static void check_documents(const char *schema, const char *const *in, const char *const *out)
{
    ig_grammar *g = NULL;
    check_ok(ig_grammar_from_schema(&g, &heap, schema, strlen(schema), &err));
    check_matches(g, &heap, schema, in, out);
}

static void documents_in_and_out(void **state)
{
    (void)state;
    check_documents("{}",
                    TEXTS("null", "[1, {\"a\": \"b\"}]", "{}", "-1.5e3", "\"\\ud83d\\ude00\""),
                    TEXTS("", "{a:1}", "[1,]", "01", "nul", "\"\n\"", "\"\\ud83d\""));
    check_documents("{\"type\":\"integer\",\"minimum\":-12,\"maximum\":105}",
                    TEXTS("-12", "-1", "0", "9", "10", "99", "100", "105"),
                    TEXTS("-13", "106", "110", "-0", "00", "1.0", "1000", ""));
    check_documents("{\"type\":\"integer\",\"exclusiveMinimum\":99.5,\"exclusiveMaximum\":102}",
                    TEXTS("100", "101"), TEXTS("99", "102"));
    check_documents("{\"type\":\"number\",\"minimum\":0.1,\"maximum\":0.5}",
                    TEXTS("0.1", "0.5", "0.35", "0.499", "0.500"), TEXTS("0", "0.09", "0.51", "1"));
    check_documents("{\"type\":\"number\",\"exclusiveMinimum\":-1,\"maximum\":2}",
                    TEXTS("-0.99", "0", "2", "1.75", "2.00"), TEXTS("-1", "-1.00", "2.01", "20"));
    check_documents("{\"enum\":[\"a\\\"b\",1,null,[true,{\"x\":\"\\n\"}]]}",
                    TEXTS("\"a\\\"b\"", "1", "null", "[true,{\"x\":\"\\n\"}]"),
                    TEXTS("2", "\"a\""));
    check_documents("{\"type\":\"string\",\"enum\":[\"a\",1,\"bcd\"],\"maxLength\":2}",
                    TEXTS("\"a\""), TEXTS("1", "\"bcd\""));
    check_documents(
        "{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}",
        TEXTS("\"a\"", "\"\xc3\xa9\xe6\x9d\xb1\"", "\"\\n\\u00e9\"", "\"\\ud83d\\ude00x\""),
        TEXTS("\"\"", "\"abc\"", "\"\\ud83d\\ude00xy\""));
    check_documents("{\"pattern\":\"^[a-c\\\"]+\\\\d?$\"}", TEXTS("\"a\"", "\"cb7\"", "\"\\\"\""),
                    TEXTS("\"\"", "\"d\"", "\"a77\""));
    check_documents("{\"pattern\":\"b|^c\"}", TEXTS("\"abd\"", "\"cx\""), TEXTS("\"ac\"", "\"\""));
    check_documents("{\"format\":\"date\"}", TEXTS("\"2024-02-28\"", "\"1999-12-31\""),
                    TEXTS("\"2024-02-30\"", "\"2024-13-01\"", "\"2024-04-31\""));
    check_documents("{\"format\":\"uuid\"}", TEXTS("\"123e4567-e89b-12d3-a456-426614174000\""),
                    TEXTS("\"123e4567\""));
    check_documents("{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":\"null\"},"
                    "\"c\":{\"type\":\"null\"}},\"required\":[\"b\"]}",
                    TEXTS("{\"b\":null}", "{\"a\": null,\"b\":null}", "{\"b\":null,\n \"c\":null}",
                          "{ \"a\":null,\"b\":null,\"c\":null }"),
                    TEXTS("{}", "{\"a\":null}", "{\"b\":null,\"a\":null}", "{\"b\":null,}",
                          "{\"b\":null,\"d\":null}", "{,\"b\":null}"));
    check_documents(
        "{\"properties\":{\"ab\":{\"const\":1}},\"additionalProperties\":{\"const\":2}}",
        TEXTS("{}", "{\"ab\":1}", "{\"a\":2}", "{\"ab\":1,\"abc\":2,\"\":2}", "{\"ac\":2}",
              "{\"\xc3\xa9\":2}"),
        TEXTS("{\"ab\":2}", "{\"a\":1}", "{\"a\":2,\"ab\":1}"));
    check_documents("{\"type\":\"array\",\"items\":{\"const\":1},\"minItems\":1,\"maxItems\":3}",
                    TEXTS("[1]", "[1, 1,1]"), TEXTS("[]", "[1,1,1,1]", "[2]"));
    check_documents("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":false}",
                    TEXTS("[]", "[1]", "[1,2]"), TEXTS("[2]", "[1,2,3]"));
    check_documents("{\"prefixItems\":[{\"const\":1}],\"items\":{\"const\":2},\"minItems\":2}",
                    TEXTS("[1,2]", "[1,2,2]"), TEXTS("[1]", "[2,2]"));
    check_documents("{\"allOf\":[{\"properties\":{\"a\":{\"minimum\":3}},\"required\":[\"a\"]},"
                    "{\"properties\":{\"a\":{\"type\":\"integer\",\"maximum\":5}}}]}",
                    TEXTS("{\"a\":3}", "{\"a\":5}"),
                    TEXTS("{\"a\":2}", "{\"a\":6}", "{}", "{\"a\":3.5}"));
    check_documents("{\"oneOf\":[{\"type\":\"string\",\"maxLength\":1},{\"type\":\"null\"}]}",
                    TEXTS("null", "\"a\""), TEXTS("\"ab\""));
    check_documents(
        "{\"$ref\":\"#/$defs/n~1o%20de\",\"$defs\":{\"n/o de\":{\"type\":\"array\",\"items\":"
        "{\"$ref\":\"#\"}}}}",
        TEXTS("[]", "[[], [[]]]"), TEXTS("[1]", "1"));
    check_documents(
        "{\"anyOf\":[{\"type\":\"integer\"},{\"$ref\":\"#/$defs/t\"}],\"$defs\":{\"t\":{\"type\":"
        "\"object\",\"properties\":{\"l\":{\"$ref\":\"#\"}},\"required\":[\"l\"]}}}",
        TEXTS("1", "{\"l\":{\"l\":2}}"), TEXTS("{}", "{\"l\":null}"));
    check_documents("{\"anyOf\":[false,{\"const\":1},{\"type\":\"string\",\"const\":2}]}",
                    TEXTS("1"), TEXTS("2"));
    check_documents("{\"type\":[\"boolean\",\"null\"],\"title\":\"t\",\"default\":1}",
                    TEXTS("true", "null"), TEXTS("1"));
    check_documents("{\"type\":\"object\",\"required\":[\"x\"]}",
                    TEXTS("{\"x\":[]}", "{\"x\":1,\"y\":2}"), TEXTS("{}", "{\"y\":2}"));
}

/* ---- random schemas ---- */

static unsigned seed_at;
static unsigned any(unsigned n)
{
    return (seed_at = seed_at * 1664525u + 1013904223u) / 65536u % n;
}

static json_t *random_schema(int depth);

static json_t *random_number(bool integer)
{
    json_t *s = json_pack("{s:s}", "type", integer ? "integer" : "number");
    const double low = integer ? (double)any(2000) - 1000 : ((double)any(20000) - 10000) / 100;
    const double high = low + (integer ? any(500) : any(3000) / 100.0);
    const bool open = any(4) == 0 && high > low + 1;
    if (any(3))
        json_object_set_new(s, open ? "exclusiveMinimum" : "minimum",
                            integer ? json_integer((int)low) : json_real(low));
    if (any(3))
        json_object_set_new(s, open ? "exclusiveMaximum" : "maximum",
                            integer ? json_integer((int)high) : json_real(high));
    return s;
}

static json_t *random_string(void)
{
    static const char *const patterns[] = {"^[a-z]{2,5}$", "^(ab|cd)+[0-9]?$", "[0-9]", "^\"|x$",
                                           "^[^a-z]{3}$"};
    json_t *s = json_pack("{s:s}", "type", "string");
    const unsigned least = any(4);
    switch (any(4)) {
    case 0:
        json_object_set_new(s, "pattern", json_string(patterns[any(IG_LEN(patterns))]));
        break;
    case 1:
        json_object_set_new(s, "minLength", json_integer((int)least));
        json_object_set_new(s, "maxLength", json_integer((int)(least + any(6))));
        break;
    default:
        break;
    }
    return s;
}

static json_t *random_array(int depth)
{
    json_t *s = json_pack("{s:s}", "type", "array");
    const unsigned least = any(3), n = any(3);
    if (any(3)) json_object_set_new(s, "items", random_schema(depth - 1));
    if (any(2)) json_object_set_new(s, "minItems", json_integer((int)least));
    if (any(2)) json_object_set_new(s, "maxItems", json_integer((int)(least + any(4))));
    if (any(3)) return s;
    json_t *own = json_array();
    for (unsigned i = 0; i < n; i++) json_array_append_new(own, random_schema(depth - 1));
    json_object_set_new(s, "prefixItems", own);
    return s;
}

static json_t *random_object(int depth)
{
    static const char *const names[] = {"a",    "ab",        "abc", "id", "name",
                                        "v\"q", "\xc3\xa9t", "x y", ""};
    json_t *s = json_pack("{s:s}", "type", "object"), *named = json_object(), *must = json_array();
    const unsigned n = any(5);
    for (unsigned i = 0; i < n; i++) {
        const char *name = names[any(IG_LEN(names))];
        json_object_set_new(named, name, random_schema(depth - 1));
        if (any(2)) json_array_append_new(must, json_string(name));
    }
    json_object_set_new(s, "properties", named);
    json_object_set_new(s, "required", must);
    const unsigned more = any(4);
    if (more == 0) json_object_set_new(s, "additionalProperties", json_false());
    if (more == 1) json_object_set_new(s, "additionalProperties", random_schema(depth - 1));
    return s;
}

static json_t *random_constants(void)
{
    return any(2) ? json_pack("{s:[s,i,n,[i,s]]}", "enum", "one \"two\"\n", 17, 3, "x")
                  : json_pack("{s:{s:i,s:[]}}", "const", "k", 4, "l");
}

static json_t *random_schema(int depth)
{
    json_t *list;
    switch (depth > 0 ? any(12) : any(5)) {
    case 0:
        return random_number(true);
    case 1:
        return random_number(false);
    case 2:
        return random_string();
    case 3:
        return random_constants();
    case 4:
        return json_pack("{s:[s,s]}", "type", "boolean", "null");
    case 5:
    case 6:
        return random_array(depth);
    case 7:
    case 8:
        return random_object(depth);
    case 9:
        list = json_array();
        for (unsigned i = 0; i < 2 + any(2); i++)
            json_array_append_new(list, random_schema(depth - 1));
        return json_pack("{s:o}", "anyOf", list);
    case 10:
        list = json_array();
        json_array_append_new(list, random_object(depth - 1));
        json_array_append_new(list, random_object(depth - 1));
        return json_pack("{s:o}", "allOf", list);
    default:
        return json_pack("{s:s}", "$ref", any(2) ? "#/$defs/first" : "#/$defs/second");
    }
}

typedef struct {
    size_t written, unsatisfied, unfinished;
} tally;

static void write_documents(const json_t *schema, const char *text, ig_grammar *g, tally *t)
{
    ig_constraint *c;
    ig_bytes doc;
    bool ended = false;
    ig_bytes_init(&doc, &heap);
    check_ok(ig_constraint_open(&c, &heap, g, trie, &err));
    for (uint64_t seed = 0; seed < 6; seed++) {
        json_error_t where;
        check_ok(play(&doc, &ended, c, work, seed * 7919 + seed_at, 1500, &err));
        t->unfinished += !ended;
        if (!ended) continue;
        t->written++;
        json_t *v =
            json_loadb((const char *)doc.p, doc.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
        if (!v) fail_msg("%s\n%.*s: %s", text, (int)doc.n, (const char *)doc.p, where.text);
        if (!valid(schema, schema, v))
            fail_msg("%s\ndoes not allow\n%.*s", text, (int)doc.n, (const char *)doc.p);
        json_decref(v);
    }
    ig_constraint_close(&c);
    ig_bytes_clear(&doc);
}

static void random_documents_validate(void **state)
{
    (void)state;
    tally t = {0};
    for (unsigned i = 0; i < 400; i++) {
        seed_at = i * 2654435761u;
        json_t *schema = random_schema(3);
        json_t *defs = json_object();
        json_object_set_new(defs, "first", random_schema(2));
        json_object_set_new(defs, "second", random_object(2));
        json_object_set_new(schema, "$defs", defs);
        char *text = json_dumps(schema, JSON_REAL_PRECISION(9));
        json_decref(schema);
        schema = json_loads(text, 0, NULL); /* with the numbers that are written */
        ig_grammar *g;
        const ingot_status s = ig_grammar_from_schema(&g, &heap, text, strlen(text), &err);
        if (s && s != INGOT_E_UNSUPPORTED && s != INGOT_E_DATA) fail_msg("%s\n%s", text, err.text);
        t.unsatisfied += s != INGOT_OK;
        if (!s) write_documents(schema, text, g, &t);
        ig_grammar_close(&g);
        free(text);
        json_decref(schema);
    }
    print_message("%zu documents, %zu unfinished, %zu schemas refused\n", t.written, t.unfinished,
                  t.unsatisfied);
    assert_true(t.written > 1800 && t.unfinished < 200 && t.unsatisfied < 60);
}

/* ---- refusals ---- */

static void refuse(const char *text, ingot_status status, const char *says)
{
    ig_grammar *g;
    const clock_t from = clock(); /* of this process: others may be busy */
    const ingot_status s = ig_grammar_from_schema(&g, &heap, text, strlen(text), &err);
    if (s != status) fail_msg("%.90s: status %d, %s", text, s, s ? err.text : "taken");
    if (!strstr(err.text, says)) fail_msg("%.90s: %s", text, err.text);
    ig_grammar_close(&g);
    assert_true(clock() - from < 10 * CLOCKS_PER_SEC);
}

static void schemas_that_cannot_be_kept(void **state)
{
    (void)state;
    refuse("", INGOT_E_DATA, "schema");
    refuse("{\"type\":", INGOT_E_DATA, "line 1");
    refuse("[]", INGOT_E_DATA, "an object, true or false");
    refuse("false", INGOT_E_DATA, "nothing satisfies");
    refuse("{\"enum\":[]}", INGOT_E_DATA, "nothing satisfies");
    refuse("{\"type\":\"string\",\"const\":1}", INGOT_E_DATA, "nothing satisfies");
    refuse("{\"minimum\":3,\"maximum\":2}", INGOT_E_DATA, "nothing satisfies");
    refuse("{\"type\":\"integer\",\"minimum\":2.1,\"maximum\":2.9}", INGOT_E_DATA, "nothing");
    refuse("{\"minLength\":3,\"maxLength\":2}", INGOT_E_DATA, "nothing satisfies");
    refuse("{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", INGOT_E_DATA, "nothing");
    refuse("{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", INGOT_E_DATA,
           "nothing");
    refuse("{\"properties\":{\"a\":false},\"required\":[\"a\"]}", INGOT_E_DATA, "nothing");
    refuse("{\"items\":false,\"minItems\":1}", INGOT_E_DATA, "nothing");
    refuse("{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}", INGOT_E_UNSUPPORTED, "met again");
    refuse("{\"type\":\"text\"}", INGOT_E_DATA, "type is one of");
    refuse("{\"minItems\":-1}", INGOT_E_DATA, "minItems is no count");
    refuse("{\"minimum\":\"1\"}", INGOT_E_DATA, "minimum is no number");
    refuse("{\"$ref\":\"#\"}", INGOT_E_DATA, "refers to itself");
    refuse("{\"$ref\":\"#/$defs/a\"}", INGOT_E_DATA, "there is no #/$defs/a");
    refuse("{\"$ref\":\"http://x/y\"}", INGOT_E_UNSUPPORTED, "only references within");
    refuse("{\n \"not\":{}}", INGOT_E_UNSUPPORTED, "line 2, column 8: the keyword `not`");
    refuse("{\"patternProperties\":{}}", INGOT_E_UNSUPPORTED, "patternProperties");
    refuse("{\"uniqueItems\":true}", INGOT_E_UNSUPPORTED, "uniqueItems");
    refuse("{\"multipleOf\":3}", INGOT_E_UNSUPPORTED, "multipleOf");
    refuse("{\"format\":\"idn-email\"}", INGOT_E_UNSUPPORTED, "this format");
    refuse("{\"pattern\":\"(?=a)\"}", INGOT_E_UNSUPPORTED, "look-around");
    refuse("{\"pattern\":\"a\\\\1\"}", INGOT_E_UNSUPPORTED, "character 3");
    refuse("{\"pattern\":\"(a\"}", INGOT_E_DATA, "without its closing");
    refuse("{\"pattern\":\"a**\"}", INGOT_OK, "");
    refuse("{\"pattern\":\"^a{2}$\",\"minLength\":3}", INGOT_E_DATA, "nothing");
    refuse("{\"pattern\":\"^a*$\",\"minLength\":3}", INGOT_E_UNSUPPORTED, "minLength");
    refuse("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", INGOT_E_UNSUPPORTED,
           "both branch 1 and branch 2");
    refuse("{\"minProperties\":2}", INGOT_E_UNSUPPORTED, "minProperties");
    refuse("{\"type\":\"string\",\"minLength\":100000000}", INGOT_E_FULL, "too large");
    refuse("{\"type\":\"string\",\"maxLength\":900000000}", INGOT_E_FULL, "too large");
    refuse("{\"pattern\":\"((a{1000}){1000}){1000}(b{1,99999999})\"}", INGOT_E_FULL, "too large");
}

/* 2^24 combinations of branches; a long chain of references; many properties. */
static void schemas_that_explode(void **state)
{
    (void)state;
    char *text = malloc(1 << 20), *p = text;
    p += sprintf(p, "{\"allOf\":[");
    for (int i = 0; i < 24; i++)
        p += sprintf(p, "%s{\"anyOf\":[{\"minimum\":%d},{\"maximum\":%d}]}", i ? "," : "", i, -i);
    sprintf(p, "]}");
    refuse(text, INGOT_E_FULL, "too large");
    p = text + sprintf(text, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 3000; i++)
        p += sprintf(p, "\"d%d\":{\"items\":{\"$ref\":\"#/$defs/d%d\"},\"type\":\"array\"},", i,
                     i + 1);
    sprintf(p, "\"d3000\":{}}}");
    refuse(text, INGOT_OK, "");
    p = text + sprintf(text, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 3000; i++) p += sprintf(p, "\"d%d\":{\"$ref\":\"#/$defs/d%d\"},", i, i + 1);
    sprintf(p, "\"d3000\":{}}}");
    refuse(text, INGOT_E_FULL, "more than 256 schemas");
    p = text + sprintf(text, "{\"additionalProperties\":{},\"properties\":{");
    for (int i = 0; i < 3000; i++)
        p += sprintf(p, "%s\"name%d\":{\"type\":\"null\"}", i ? "," : "", i);
    sprintf(p, "}}");
    refuse(text, INGOT_OK, "");
    free(text);
}

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    trie = play_trie(&heap);
    setlocale(LC_CTYPE, "C.UTF-8"); /* regcomp shall see characters */
    return !trie || ig_sample_work_open(&work, &heap, PLAY_VOCAB, &err) != INGOT_OK;
}

static int teardown(void **state)
{
    (void)state;
    ig_trie_close(&trie);
    ig_sample_work_close(&work);
    return atomic_load(&heap.live_bytes) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_in_and_out),
        cmocka_unit_test(random_documents_validate),
        cmocka_unit_test(schemas_that_cannot_be_kept),
        cmocka_unit_test(schemas_that_explode),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
