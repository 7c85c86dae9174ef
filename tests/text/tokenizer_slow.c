/* tokenizer_slow.c - folders without a tokenizer.json: its vocabulary and merges as files of their
 * own, with a tokenizer_config.json, give the ids that the tokenizer.json gives. */
#include "tests/text/shared.h"

#include "formats/hf/slow.h"
#include "formats/tokenizer/import.h"
#include "runtime/text/tokenizer.h"

#include <unistd.h>

static ig_heap heap;
static ingot_error err;
static char folder[200];

static const char *const texts[] = {"Hello world",
                                    " it's  two spaces\n",
                                    "naïve café, 12345 and 3.14",
                                    "</s> <s>hm<mask>",
                                    "",
                                    "The quick brown fox jumps over the lazy dog!",
                                    "\t\ttabs",
                                    "日本語 text",
                                    "don't we'll I'M"};

/* ---- the files of a folder ---- */

static FILE *create(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

static void write_text(const char *name, const char *text)
{
    FILE *f = create(name);
    fputs(text, f);
    fclose(f);
}

static void write_merges(const json_t *merges)
{
    FILE *f = create("merges.txt");
    size_t i;
    json_t *m;
    fputs("#version: 0.2\n", f);
    json_array_foreach(merges, i, m)
    {
        if (json_is_string(m))
            fprintf(f, "%s\n", json_string_value(m));
        else
            fprintf(f, "%s %s\n", json_string_value(json_array_get(m, 0)),
                    json_string_value(json_array_get(m, 1)));
    }
    fclose(f);
}

/* Line i is the piece with id i. */
static void write_lines(const json_t *vocab)
{
    const size_t n = json_object_size(vocab);
    const char **lines = calloc(n, sizeof *lines), *key;
    json_t *id;
    assert_non_null(lines);
    json_object_foreach((json_t *)(uintptr_t)vocab, key, id) lines[json_integer_value(id)] = key;
    FILE *f = create("vocab.txt");
    for (size_t i = 0; i < n; i++) fprintf(f, "%s\r\n", lines[i]);
    fclose(f);
    free(lines);
}

static void remove_files(void)
{
    static const char *const names[] = {"vocab.json", "merges.txt", "vocab.txt",
                                        "tokenizer_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
}

/* ---- ids ---- */

typedef struct {
    ig_arena arena;
    ig_recipe recipe;
    ig_bytes section;
    ig_tokenizer *t;
    ig_token_work *w;
} opened;

static void open_recipe(opened *o)
{
    ig_bytes_init(&o->section, &heap);
    check_ok(ig_recipe_write(&o->section, &o->recipe, &err));
    check_ok(ig_tokenizer_open(&o->t, &heap, o->section.p, o->section.n, &err));
    check_ok(ig_token_work_open(&o->w, o->t, &err));
}

static void close_recipe(opened *o)
{
    ig_token_work_close(&o->w);
    ig_tokenizer_close(&o->t);
    ig_bytes_clear(&o->section);
    ig_arena_clear(&o->arena);
}

static void compare(opened *a, opened *b, const char *text, size_t n)
{
    ig_ids x, y;
    ig_ids_init(&x, &heap);
    ig_ids_init(&y, &heap);
    check_ok(ig_encode(&x, a->w, text, n, IG_ENCODE_SPECIAL, &err));
    check_ok(ig_encode(&y, b->w, text, n, IG_ENCODE_SPECIAL, &err));
    if (x.n != y.n || (x.n && memcmp(x.v, y.v, x.n * sizeof *x.v)))
        fail_msg("'%s': %zu ids of files, %zu of tokenizer.json", text, y.n, x.n);
    ig_ids_clear(&x);
    ig_ids_clear(&y);
}

static void same_ids(const char *path, const char *config, bool lines)
{
    size_t n;
    char *bytes = read_whole(path, &n);
    opened whole, files;
    ig_arena_init(&whole.arena, &heap);
    ig_arena_init(&files.arena, &heap);
    check_ok(ig_tokenizer_from_json(&whole.recipe, &whole.arena, bytes, n, &err));
    json_t *root = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
    const json_t *model = json_object_get(root, "model");
    write_text("tokenizer_config.json", config);
    if (lines) {
        write_lines(json_object_get(model, "vocab"));
    } else {
        FILE *f = create("vocab.json");
        json_dumpf(json_object_get(model, "vocab"), f, 0);
        fclose(f);
        write_merges(json_object_get(model, "merges"));
    }
    const ig_source src = {.path = folder, .is_folder = true, .heap = &heap};
    check_ok(ig_slow_vocabulary(&files.recipe, &files.arena, &src, &err));
    open_recipe(&whole);
    open_recipe(&files);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        compare(&whole, &files, texts[i], strlen(texts[i]));
    close_recipe(&whole);
    close_recipe(&files);
    json_decref(root);
    free(bytes);
    remove_files();
}

/* ---- tests ---- */

static void own(void **state)
{
    (void)state;
    same_ids("tests/text/data/byte_level.json",
             "{\"tokenizer_class\": \"RobertaTokenizer\", \"add_prefix_space\": true,"
             " \"mask_token\": {\"content\": \"<mask>\"}, \"added_tokens_decoder\": {"
             "\"0\": {\"content\": \"<s>\", \"special\": true},"
             "\"1\": {\"content\": \"</s>\", \"special\": true},"
             "\"600\": {\"content\": \"<mask>\", \"special\": true, \"lstrip\": true},"
             "\"602\": {\"content\": \"    \", \"special\": false}}}",
             false);
    same_ids("tests/text/data/wordpiece.json", "{\"tokenizer_class\": \"BertTokenizer\"}", true);
}

static void shared(void **state)
{
    (void)state;
    const char *path = shared_path("tokenizers/hf/minilm-l6-v2/tokenizer.json");
    if (!path) skip();
    same_ids(path, "{\"tokenizer_class\": \"BertTokenizer\"}", true);
    same_ids(shared_path("tokenizers/hf/roberta-base/tokenizer.json"),
             "{\"tokenizer_class\": \"RobertaTokenizer\", \"bos_token\": \"<s>\","
             " \"eos_token\": \"</s>\", \"pad_token\": \"<pad>\","
             " \"mask_token\": {\"content\": \"<mask>\", \"lstrip\": true}}",
             false);
}

static void refused(void **state)
{
    (void)state;
    ig_recipe r;
    ig_arena arena;
    const ig_source src = {.path = folder, .is_folder = true, .heap = &heap};
    ig_arena_init(&arena, &heap);
    write_text("vocab.json", "{\"a\": 0, \"b\": 1}");
    write_text("merges.txt", "a b\n");
    write_text("tokenizer_config.json", "{\"tokenizer_class\": \"CLIPTokenizer\"}");
    assert_int_equal(ig_slow_vocabulary(&r, &arena, &src, &err), INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "'CLIPTokenizer'"));
    write_text("tokenizer_config.json", "{}");
    assert_int_equal(ig_slow_vocabulary(&r, &arena, &src, &err), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "merge 0"));
    write_text("merges.txt", "\xff\xfe \x80\n");
    assert_int_equal(ig_slow_vocabulary(&r, &arena, &src, &err), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "merges.txt, line 1"));
    ig_arena_clear(&arena);
    remove_files();
}

static int begin(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    ig_heap_init(&heap, NULL);
    snprintf(folder, sizeof folder, "%.150s/ingot-slow-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    return rmdir(folder) || atomic_load(&heap.live_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own), cmocka_unit_test(shared),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, begin, end);
}
