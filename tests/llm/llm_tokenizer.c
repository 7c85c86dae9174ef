/* llm_tokenizer.c - the trie of real tokenizers: what the tokens of a text add, one after another,
 * is the text, and each of them follows a grammar that allows any text. */
#include "tests/text/shared.h"

#include "formats/tokenizer/import.h"
#include "runtime/llm/grammar/grammar.h"
#include "runtime/llm/grammar/trie.h"
#include "runtime/text/tokenizer.h"

static ig_heap heap;
static ingot_error err;

/* In the middle of a text: behind a first word, whose tokens are left out. */
static void check_text(ig_token_work *w, const ig_trie *t, ig_constraint *c, const char *text)
{
    char whole[300];
    ig_ids first, all;
    ig_constrained *q;
    ig_bytes spelled;
    ig_ids_init(&first, &heap);
    ig_ids_init(&all, &heap);
    ig_bytes_init(&spelled, &heap);
    snprintf(whole, sizeof whole, "a%s", text);
    check_ok(ig_encode(&first, w, "a", 1, 0, &err));
    check_ok(ig_encode(&all, w, whole, strlen(whole), 0, &err));
    check_ok(ig_constrained_open(&q, c, &err));
    assert_true(all.n > first.n);
    assert_memory_equal(all.v, first.v, first.n * sizeof *all.v);
    for (size_t i = first.n; i < all.n; i++) {
        const uint64_t *mask;
        const ingot_str piece = ig_trie_text(t, all.v[i]);
        if (!piece.n) fail_msg("%s: token %u has no text", text, all.v[i]);
        ig_put(&spelled, piece.p, piece.n);
        check_ok(ig_constrained_mask(&mask, q, &err));
        assert_true(mask[all.v[i] / 64] >> all.v[i] % 64 & 1);
        check_ok(ig_constrained_accept(q, all.v[i], &err));
    }
    assert_int_equal(spelled.n, strlen(text));
    assert_memory_equal(spelled.p, text, spelled.n);
    assert_true(ig_constrained_may_end(q));
    ig_constrained_close(&q);
    ig_bytes_clear(&spelled);
    ig_ids_clear(&first);
    ig_ids_clear(&all);
}

/* n_texts: of the texts; the second and third need all bytes to be pieces that are no special
 * tokens. */
static void check_tokenizer(const char *path, size_t n_texts)
{
    static const char grammar[] = "root ::= .*";
    size_t n;
    char *bytes = read_whole(path, &n);
    ig_recipe r;
    ig_arena arena;
    ig_bytes section;
    ig_tokenizer *tokenizer;
    ig_token_work *w;
    ig_trie *t;
    ig_grammar *g;
    ig_constraint *c;
    ig_arena_init(&arena, &heap);
    ig_bytes_init(&section, &heap);
    check_ok(ig_tokenizer_from_json(&r, &arena, bytes, n, &err));
    check_ok(ig_recipe_write(&section, &r, &err));
    check_ok(ig_tokenizer_open(&tokenizer, &heap, section.p, section.n, &err));
    check_ok(ig_token_work_open(&w, tokenizer, &err));
    const size_t vocab = ig_tokenizer_recipe(tokenizer)->n_pieces;
    const uint32_t eos = (uint32_t)vocab + 2;
    check_ok(ig_trie_of_tokenizer(&t, &heap, tokenizer, vocab + 3, &eos, 1, &err));
    check_ok(ig_grammar_from_gbnf(&g, &heap, grammar, strlen(grammar), &err));
    check_ok(ig_constraint_open(&c, &heap, g, t, &err));
    static const char *const texts[] = {" hello world", ", 12 \xe6\x9d\xb1\xe4\xba\xac!",
                                        " \xf0\x9f\x98\x80 e\xc3\xa9 {\"a\": [1]}"};
    for (size_t i = 0; i < n_texts; i++) check_text(w, t, c, texts[i]);
    for (uint32_t id = 0; id < vocab; id++) /* what is special has no text */
        for (size_t k = 0; k < r.n_added; k++)
            if (r.added[k].id == id && r.added[k].flags & IG_ADDED_SPECIAL)
                assert_int_equal(ig_trie_text(t, id).n, 0);
    ig_constraint_close(&c);
    ig_grammar_close(&g);
    ig_trie_close(&t);
    ig_token_work_close(&w);
    ig_tokenizer_close(&tokenizer);
    ig_bytes_clear(&section);
    ig_arena_clear(&arena);
    free(bytes);
}

static void tiny_tokenizers(void **state)
{
    (void)state;
    check_tokenizer("tests/text/data/byte_level.json", 3);
    check_tokenizer("tests/text/data/byte_fallback.json", 1);
}

static void real_tokenizers(void **state)
{
    (void)state;
    const char *path = shared_path("tokenizers/hf/phi-2/tokenizer.json");
    if (!path) skip();
    check_tokenizer(path, 3);
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
        cmocka_unit_test(tiny_tokenizers),
        cmocka_unit_test(real_tokenizers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
