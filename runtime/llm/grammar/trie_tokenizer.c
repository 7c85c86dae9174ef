/* trie_tokenizer.c - what each token of a tokenizer adds to a text. */
#include "runtime/llm/grammar/grammar.h"
#include "runtime/text/detokenize.h"

static bool is_text(const ig_lexicon *x, const uint8_t *special, uint32_t id)
{
    const uint8_t kind = x->kinds[id];
    return kind != IG_PIECE_CONTROL && kind != IG_PIECE_UNKNOWN && kind != IG_PIECE_UNUSED &&
           !special[id];
}

/* All texts one after another, with where each ends. */
static ingot_status spell_all(ig_bytes *text, ingot_str *texts, const uint8_t *special,
                              ig_detokenizer *d, ingot_error *err)
{
    const size_t n = d->x->recipe.n_pieces;
    for (uint32_t id = 0; id < n; id++) {
        ingot_str bytes = {0};
        if (is_text(d->x, special, id)) IG_TRY(ig_detokenizer_piece(&bytes, d, id, err));
        ig_put(text, bytes.p, bytes.n);
        texts[id].n = bytes.n;
    }
    if (text->failed) return ig_fail(err, INGOT_E_NOMEM, "no memory for the texts of the tokens");
    const char *p = (const char *)text->p;
    for (size_t id = 0; id < n; p += texts[id++].n) texts[id].p = p;
    return INGOT_OK;
}

static ingot_status check_decoder(const ig_recipe *r, ingot_error *err)
{
    for (size_t i = 0; i < r->decode.n; i++)
        if (r->decode.v[i].kind == IG_STEP_DECODE_SUFFIX)
            return ig_fail(err, INGOT_E_UNSUPPORTED,
                           "constrained output: this tokenizer marks the ends of words, so what a "
                           "token adds depends on the next one");
    return INGOT_OK;
}

ingot_status ig_trie_of_tokenizer(ig_trie **out, ig_heap *heap, const ig_tokenizer *t, size_t vocab,
                                  const uint32_t *eos, size_t n_eos, ingot_error *err)
{
    const ig_recipe *r = ig_tokenizer_recipe(t);
    ig_detokenizer d;
    ig_bytes text;
    *out = NULL;
    IG_TRY(check_decoder(r, err));
    ingot_str *texts = ig_take(heap, r->n_pieces * sizeof *texts);
    uint8_t *special = ig_take0(heap, r->n_pieces);
    ig_bytes_init(&text, heap);
    ig_detokenizer_init(&d, t, heap, false);
    ingot_status s = texts && special
                         ? INGOT_OK
                         : ig_fail(err, INGOT_E_NOMEM, "no memory for %zu tokens", r->n_pieces);
    for (size_t i = 0; i < r->n_added && !s; i++)
        if (r->added[i].flags & IG_ADDED_SPECIAL && r->added[i].id < r->n_pieces)
            special[r->added[i].id] = 1;
    if (!s) s = spell_all(&text, texts, special, &d, err);
    if (!s) s = ig_trie_open(out, heap, texts, r->n_pieces, vocab, eos, n_eos, err);
    ig_detokenizer_clear(&d);
    ig_bytes_clear(&text);
    ig_give(heap, special, r->n_pieces);
    ig_give(heap, texts, r->n_pieces * sizeof *texts);
    return s;
}
