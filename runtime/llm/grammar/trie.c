/* trie.c - see trie.h. Texts are sorted; the trie's nodes then come out in one pass over them. */
#include "runtime/llm/grammar/trie.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 1024 /* bytes of a token; longer ones are never allowed */ };

static _Thread_local const ig_trie *sorting; /* qsort has no argument for its comparison */

static int by_text(const void *a_, const void *b_)
{
    const uint32_t a = *(const uint32_t *)a_, b = *(const uint32_t *)b_;
    const ingot_str x = ig_trie_text(sorting, a), y = ig_trie_text(sorting, b);
    const int c = memcmp(x.p, y.p, IG_MIN(x.n, y.n));
    if (c) return c;
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    return a < b ? -1 : 1;
}

static size_t common(ingot_str a, ingot_str b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n]) n++;
    return n;
}

/* Writes the nodes, or only counts them. path: the open nodes by depth. */
static size_t make_nodes(ig_trie *t, ig_trie_node *nodes, uint32_t *path)
{
    ingot_str last = {"", 0};
    size_t n = 0;
    for (size_t i = 0; i < t->n_tokens; i++) {
        const ingot_str text = ig_trie_text(t, t->tokens[i]);
        const size_t same = common(last, text);
        for (size_t d = same; nodes && d < last.n; d++) nodes[path[d]].skip = (uint32_t)n;
        for (size_t d = same; d < text.n; d++, n++) {
            if (!nodes) continue;
            /* a token that goes on from this node comes later: none ends here unless it is the last
             */
            nodes[n] = (ig_trie_node){
                .first = (uint32_t)i, .depth = (uint16_t)(d + 1), .byte = (uint8_t)text.p[d]};
            path[d] = (uint32_t)n;
        }
        last = text;
    }
    for (size_t d = 0; nodes && d < last.n; d++) nodes[path[d]].skip = (uint32_t)n;
    if (nodes) nodes[n] = (ig_trie_node){(uint32_t)n, (uint32_t)t->n_tokens, 0, 0};
    return n;
}

static ingot_status fill(ig_trie *t, const ingot_str *texts, size_t n_texts, ingot_error *err)
{
    uint32_t path[TEXT_MOST];
    uint32_t at = 0;
    for (uint32_t id = 0; id < t->vocab; id++) {
        const size_t n =
            id < n_texts && texts[id].n <= TEXT_MOST && !ig_trie_is_eos(t, id) ? texts[id].n : 0;
        if (n) memcpy(t->bytes + at, texts[id].p, n);
        if (n) t->tokens[t->n_tokens++] = id;
        t->ends[id] = at += (uint32_t)n;
        t->deepest = IG_MAX(t->deepest, (unsigned)n);
    }
    sorting = t;
    qsort(t->tokens, t->n_tokens, sizeof *t->tokens, by_text);
    t->n_nodes = make_nodes(t, NULL, path);
    t->nodes = ig_take(t->heap, (t->n_nodes + 1) * sizeof *t->nodes);
    if (!t->nodes) return ig_fail(err, INGOT_E_NOMEM, "no memory for the trie of the tokens");
    make_nodes(t, t->nodes, path);
    return INGOT_OK;
}

ingot_status ig_trie_open(ig_trie **out, ig_heap *heap, const ingot_str *texts, size_t n_texts,
                          size_t vocab, const uint32_t *eos, size_t n_eos, ingot_error *err)
{
    *out = NULL;
    size_t bytes = 0;
    for (size_t i = 0; i < n_eos; i++)
        if (eos[i] >= vocab)
            return ig_fail(err, INGOT_E_ARG, "end-of-text token %u: the vocabulary has %zu", eos[i],
                           vocab);
    for (size_t i = 0; i < n_texts && i < vocab; i++) bytes += texts[i].n;
    if (!vocab || vocab > INT32_MAX || bytes > INT32_MAX)
        return ig_fail(err, INGOT_E_ARG, "a vocabulary of %zu tokens with %zu bytes", vocab, bytes);
    ig_trie *t = ig_take0(heap, sizeof *t);
    if (!t) return ig_fail(err, INGOT_E_NOMEM, "no memory for the trie of the tokens");
    *t = (ig_trie){.heap = heap, .vocab = vocab, .n_eos = n_eos, .n_bytes = bytes};
    t->eos = ig_take(heap, n_eos * sizeof *eos);
    t->tokens = ig_take(heap, vocab * sizeof *t->tokens);
    t->ends = ig_take(heap, vocab * sizeof *t->ends);
    t->bytes = ig_take(heap, bytes);
    ingot_status s = t->eos && t->tokens && t->ends && t->bytes
                         ? INGOT_OK
                         : ig_fail(err, INGOT_E_NOMEM, "no memory for %zu tokens", vocab);
    if (!s && n_eos) memcpy(t->eos, eos, n_eos * sizeof *eos);
    if (!s) s = fill(t, texts, n_texts, err);
    if (s) ig_trie_close(&t);
    *out = t;
    return s;
}

void ig_trie_close(ig_trie **trie)
{
    ig_trie *t = *trie;
    *trie = NULL;
    if (!t) return;
    ig_heap *heap = t->heap;
    ig_give(heap, t->eos, t->n_eos * sizeof *t->eos);
    ig_give(heap, t->tokens, t->vocab * sizeof *t->tokens);
    ig_give(heap, t->ends, t->vocab * sizeof *t->ends);
    ig_give(heap, t->bytes, t->n_bytes);
    if (t->nodes) ig_give(heap, t->nodes, (t->n_nodes + 1) * sizeof *t->nodes);
    ig_give(heap, t, sizeof *t);
}
