/* trie.h - the tokens' texts as a trie in the order of a walk: a node's subtree lies behind it. */
#ifndef IG_LLM_TRIE_H
#define IG_LLM_TRIE_H

#include "runtime/llm/grammar/grammar.h"

typedef struct {
    uint32_t skip;  /* the node behind the subtree */
    uint32_t first; /* of the tokens in order of their text: [first, first of the next node) end
                       here */
    uint16_t depth; /* bytes from the root: 1 and more */
    uint8_t byte;
} ig_trie_node;

struct ig_trie {
    ig_heap *heap;
    size_t vocab, n_eos, n_nodes, n_tokens, n_bytes;
    uint32_t *eos;
    ig_trie_node *nodes; /* [n_nodes + 1], the last one closes */
    uint32_t *tokens;    /* [n_tokens] ids in order of their text */
    uint32_t *ends;      /* [vocab] of each id's text in `bytes` */
    char *bytes;
    unsigned deepest;
};

static inline ingot_str ig_trie_text(const ig_trie *t, uint32_t id)
{
    const uint32_t begin = id ? t->ends[id - 1] : 0;
    return (ingot_str){t->bytes + begin, t->ends[id] - begin};
}

static inline bool ig_trie_is_eos(const ig_trie *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_eos; i++)
        if (t->eos[i] == id) return true;
    return false;
}

#endif
