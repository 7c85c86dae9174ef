/* tokenizer_golden.c - ids and texts against Hugging Face's tokenizers: on tiny tokenizers of every
 * kind (tests/text/data, made by make.py), and on the real ones beside the project. Texts are
 * encoded with and without special tokens, decoded, and decoded id by id. */
#include "tests/text/shared.h"

#include "formats/tokenizer/import.h"
#include "runtime/base/utf8.h"
#include "runtime/text/detokenize.h"

static ig_heap heap;
static ingot_error err;

typedef struct {
    ig_arena arena;
    ig_bytes section;
    ig_tokenizer *t;
    ig_token_work *w;
} opened;

static void open_model(opened *o, const char *path)
{
    size_t n;
    char *bytes = read_whole(path, &n);
    ig_recipe r;
    ig_arena_init(&o->arena, &heap);
    ig_bytes_init(&o->section, &heap);
    if (strstr(path, ".json"))
        check_ok(ig_tokenizer_from_json(&r, &o->arena, bytes, n, &err));
    else
        check_ok(ig_tokenizer_from_sentencepiece(&r, &o->arena, bytes, n, &err));
    free(bytes);
    check_ok(ig_recipe_write(&o->section, &r, &err));
    check_ok(ig_tokenizer_open(&o->t, &heap, o->section.p, o->section.n, &err));
    check_ok(ig_token_work_open(&o->w, o->t, &err));
}

static void close_all(opened *o)
{
    ig_token_work_close(&o->w);
    ig_tokenizer_close(&o->t);
    ig_bytes_clear(&o->section);
    ig_arena_clear(&o->arena);
}

static void check_ids(const char *folder, const json_t *text, const json_t *want, const ig_ids *got)
{
    bool same = json_array_size(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++)
        same = json_integer_value(json_array_get(want, i)) == got->v[i];
    if (same) return;
    char *expected = json_dumps(want, 0);
    print_error("%s: '%s'\n  want %s\n  got  [", folder, json_string_value(text), expected);
    for (size_t i = 0; i < got->n; i++) print_error("%s%u", i ? ", " : "", got->v[i]);
    print_error("]\n");
    free(expected);
    fail();
}

static void check_text(const char *folder, const opened *o, const ig_ids *ids, const json_t *want)
{
    ig_detokenizer d;
    ig_detokenizer_init(&d, o->t, &heap, false);
    for (size_t i = 0; i < ids->n; i++) {
        check_ok(ig_detokenizer_add(&d, ids->v[i], &err));
        uint32_t c; /* whole characters only, at every moment */
        for (size_t at = 0, size; at < d.out.n; at += size)
            assert_true((size = ig_utf8_next(&c, (char *)d.out.p + at, d.out.n - at)) > 0);
    }
    check_ok(ig_detokenizer_end(&d, &err));
    const size_t n = json_string_length(want);
    if (d.out.n != n || (n && memcmp(d.out.p, json_string_value(want), n)))
        fail_msg("%s: decoded '%.*s', not '%s'", folder, (int)d.out.n, (char *)d.out.p,
                 json_string_value(want));
    ig_detokenizer_clear(&d);
}

static void check_golden(const char *model_path, const char *golden_path)
{
    size_t n, i;
    json_t *c;
    json_error_t fault;
    opened o;
    char *text = read_whole(golden_path, &n);
    json_t *golden = json_loadb(text, n, JSON_ALLOW_NUL, &fault);
    assert_non_null(golden);
    open_model(&o, model_path);
    ig_ids ids;
    ig_ids_init(&ids, &heap);
    json_array_foreach(json_object_get(golden, "cases"), i, c)
    {
        const json_t *input = json_object_get(c, "text");
        for (int special = 1; special >= 0; special--) { /* the text is that of the ids alone */
            const json_t *want = json_object_get(c, special ? "ids_special" : "ids");
            ids.n = 0;
            check_ok(ig_encode(&ids, o.w, json_string_value(input), json_string_length(input),
                               special ? IG_ENCODE_SPECIAL : 0, &err));
            if (want) check_ids(model_path, input, want, &ids);
        }
        if (json_object_get(c, "decoded"))
            check_text(model_path, &o, &ids, json_object_get(c, "decoded"));
    }
    assert_true(i > 40);
    ig_ids_clear(&ids);
    close_all(&o);
    json_decref(golden);
    free(text);
    assert_int_equal(heap.live_bytes, 0);
}

static void check_tiny(const char *name)
{
    char model[128], golden[128];
    snprintf(model, sizeof model, "tests/text/data/%s.json", name);
    snprintf(golden, sizeof golden, "tests/text/data/%s.golden.json", name);
    check_golden(model, golden);
}

static void check_folder(const char *folder, const char *model)
{
    char name[256], golden[600];
    snprintf(name, sizeof name, "tokenizers/%s/golden.json", folder);
    if (!shared_path(name)) skip();
    snprintf(golden, sizeof golden, "%s", shared_path(name));
    snprintf(name, sizeof name, "tokenizers/%s/%s", folder, model);
    check_golden(shared_path(name), golden);
}

#define TINY(name)                        \
    static void test_##name(void **state) \
    {                                     \
        (void)state;                      \
        check_tiny(#name);                \
    }
TINY(byte_level)
TINY(split_pattern)
TINY(byte_fallback)
TINY(wordpiece)
TINY(unigram)
TINY(words)

#define GOLDEN(test, folder, model)  \
    static void test(void **state)   \
    {                                \
        (void)state;                 \
        check_folder(folder, model); \
    }
GOLDEN(test_minilm, "hf/minilm-l6-v2", "tokenizer.json")
GOLDEN(test_phi2, "hf/phi-2", "tokenizer.json")
GOLDEN(test_roberta, "hf/roberta-base", "tokenizer.json")
GOLDEN(test_t5, "hf/t5-small", "tokenizer.json")
GOLDEN(test_sentencepiece_bpe, "llama2c", "tokenizer.model")
GOLDEN(test_sentencepiece_unigram, "sentencepiece", "test_model.model")

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_level),
        cmocka_unit_test(test_split_pattern),
        cmocka_unit_test(test_byte_fallback),
        cmocka_unit_test(test_wordpiece),
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_minilm),
        cmocka_unit_test(test_phi2),
        cmocka_unit_test(test_roberta),
        cmocka_unit_test(test_t5),
        cmocka_unit_test(test_sentencepiece_bpe),
        cmocka_unit_test(test_sentencepiece_unigram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
