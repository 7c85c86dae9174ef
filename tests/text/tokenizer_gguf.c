/* tokenizer_gguf.c - vocabularies of GGUF files against ids that other programs made of the same
 * texts (.inp, texts between marker lines; .out, a line of ids for each). */
#include "tests/text/shared.h"

#include "formats/gguf/tokenizer.h"
#include "runtime/text/tokenizer.h"

static ig_heap heap;
static ingot_error err;

static const char marker[] = "\n__ggml_vocab_test__\n";

static bool same(const ig_ids *got, char *line)
{
    size_t n = 0;
    for (char *p = strtok(line, " "); p; p = strtok(NULL, " "), n++)
        if (n >= got->n || strtoul(p, NULL, 10) != got->v[n]) return false;
    return n == got->n;
}

static void compare(const char *name, ig_token_work *w, char *texts, char *lines)
{
    ig_ids ids;
    ig_ids_init(&ids, &heap);
    size_t bad = 0, all = 0;
    for (char *text = texts, *next; text; text = next, all++) {
        char *end = strstr(text, marker), *line = lines;
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        next = end ? end + sizeof marker - 1 : NULL;
        lines += strcspn(lines, "\n");
        if (*lines) *lines++ = 0;
        ids.n = 0;
        check_ok(ig_encode(&ids, w, text, n, 0, &err));
        if (same(&ids, line)) continue;
        bad++;
        print_error("%s: text %zu '%.*s': got", name, all, (int)n, text);
        for (size_t i = 0; i < ids.n; i++) print_error(" %u", ids.v[i]);
        print_error("\n");
    }
    ig_ids_clear(&ids);
    if (bad) fail_msg("%s: %zu of %zu texts differ", name, bad, all);
    assert_true(all > 40);
}

static void check_vocabulary(const char *name)
{
    char path[256];
    size_t n, n_text;
    snprintf(path, sizeof path, "tokenizers/gguf-vocab/ggml-vocab-%s.gguf", name);
    if (!shared_path(path)) skip();
    char *bytes = read_whole(shared_path(path), &n);
    strcat(path, ".inp");
    char *texts = read_whole(shared_path(path), &n_text);
    memcpy(path + strlen(path) - 3, "out", 3);
    char *lines = read_whole(shared_path(path), &n_text);
    ig_arena arena;
    ig_gguf g;
    ig_recipe r;
    ig_bytes section;
    ig_tokenizer *t;
    ig_token_work *w;
    ig_arena_init(&arena, &heap);
    ig_bytes_init(&section, &heap);
    check_ok(ig_gguf_read(&g, &arena, bytes, n, &err));
    check_ok(ig_gguf_tokenizer(&r, &arena, &g, &err));
    check_ok(ig_recipe_write(&section, &r, &err));
    check_ok(ig_tokenizer_open(&t, &heap, section.p, section.n, &err));
    check_ok(ig_token_work_open(&w, t, &err));
    compare(name, w, texts, lines);
    ig_token_work_close(&w);
    ig_tokenizer_close(&t);
    ig_bytes_clear(&section);
    ig_arena_clear(&arena);
    free(bytes);
    free(texts);
    free(lines);
    assert_int_equal(heap.live_bytes, 0);
}

#define VOCABULARY(test, name)     \
    static void test(void **state) \
    {                              \
        (void)state;               \
        check_vocabulary(name);    \
    }
VOCABULARY(test_bert, "bert-bge")
VOCABULARY(test_deepseek, "deepseek-llm")
VOCABULARY(test_gpt2, "gpt-2")
VOCABULARY(test_llama, "llama-spm")
VOCABULARY(test_phi3, "phi-3")
VOCABULARY(test_starcoder, "starcoder")

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bert), cmocka_unit_test(test_deepseek),
        cmocka_unit_test(test_gpt2), cmocka_unit_test(test_llama),
        cmocka_unit_test(test_phi3), cmocka_unit_test(test_starcoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
