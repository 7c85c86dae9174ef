/* fuzz_grammar.c - grammars and schemas from anywhere: an error that says something, or a grammar
 * under which a few tokens are taken; all memory back. */
#include "runtime/llm/grammar/grammar.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_endings = ".gbnf .json";
long fuzz_taken;

enum { MEMORY = 512 << 20, VOCAB = 130, STEPS = 6 };

static ig_trie *tokens(ig_heap *heap, ingot_error *err)
{
    static char bytes[128];
    ingot_str texts[VOCAB] = {{0}};
    const uint32_t eos = VOCAB - 1;
    ig_trie *t;
    for (int i = 1; i < 128; i++) {
        bytes[i] = (char)i;
        texts[i] = (ingot_str){bytes + i, 1};
    }
    texts[128] = (ingot_str){"\": \"", 4};
    return ig_trie_open(&t, heap, texts, VOCAB, VOCAB, &eos, 1, err) ? NULL : t;
}

/* Takes the n-th allowed token again and again. */
static void follow(ig_constraint *c, size_t n, ingot_error *err)
{
    ig_constrained *q = NULL;
    if (ig_constrained_open(&q, c, err)) return;
    for (int step = 0; step < STEPS; step++) {
        const uint64_t *mask;
        uint32_t token = VOCAB;
        size_t left = n;
        if (ig_constrained_mask(&mask, q, err)) break;
        for (uint32_t id = 0; id < VOCAB; id++)
            if (mask[id / 64] >> id % 64 & 1) {
                token = id;
                if (!left--) break;
            }
        if (token == VOCAB) break;
        if (ig_constrained_accept(q, token, err)) abort(); /* the mask allowed it */
        fuzz_taken++;
    }
    ig_constrained_close(&q);
}

static void try_one(ig_heap *heap, const char *text, size_t n)
{
    ig_grammar *g = NULL;
    ig_constraint *c = NULL;
    ingot_error err = {0};
    const bool schema = n && *text == '{';
    const ingot_status s = schema ? ig_grammar_from_schema(&g, heap, text, n, &err)
                                  : ig_grammar_from_gbnf(&g, heap, text, n, &err);
    if (s && !err.text[0]) abort(); /* a failure says what is wrong */
    ig_trie *t = s ? NULL : tokens(heap, &err);
    if (t && !ig_constraint_open(&c, heap, g, t, &err)) follow(c, n % 5, &err);
    ig_constraint_close(&c);
    ig_trie_close(&t);
    ig_grammar_close(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    try_one(&heap, (const char *)data, size);
    if (atomic_load(&heap.live_bytes)) abort();
    return 0;
}
