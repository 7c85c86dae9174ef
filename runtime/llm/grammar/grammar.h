/* grammar.h - answers that follow a grammar: compile it once, then mask the logits step by step.
 *
 *     ig_grammar *g;                       one grammar, immutable: any threads
 *     ig_trie *trie;                       the tokens' texts of one model, immutable: any threads
 *     ig_constraint *c;                    the two together, with what is memoised of their masks;
 *                                          one thread at a time, shared by any number of sequences
 *     ig_constrained *q;                   one sequence
 *
 * Each step: ig_constrained_mask() gives the bits for ig_sample_row.mask, ig_constrained_accept()
 * takes the token that was sampled. A grammar is a push-down automaton over bytes; its sets of
 * stacks are numbered as they are met, so that within them it runs as a finite automaton (lazy
 * subset construction), and a mask is one walk over the trie of tokens, then remembered.
 *
 * docs/language-models.md says what grammars and schemas are understood. */
#ifndef IG_LLM_GRAMMAR_H
#define IG_LLM_GRAMMAR_H

#include "runtime/base/alloc.h"

struct ig_tokenizer;
typedef struct ig_grammar ig_grammar;

enum {
    IG_GRAMMAR_TEXT_MOST = 1 << 20,  /* bytes of a grammar or schema */
    IG_GRAMMAR_CODE_MOST = 1 << 20,  /* instructions that it may become */
    IG_GRAMMAR_RULES_MOST = 1 << 16, /* rules, those that schemas make included */
};

/* ig_grammar_from_gbnf - a grammar in GBNF; its rule `root` is the answer. Errors: E_DATA (line,
 * column, what is wrong: syntax, an undefined rule, left recursion, a rule that can never end),
 * E_FULL (it becomes too large: says which repetition), E_NOMEM. */
ingot_status ig_grammar_from_gbnf(ig_grammar **out, ig_heap *heap, const char *text, size_t n,
                                  ingot_error *err);

/* ig_grammar_from_schema - JSON texts that a JSON Schema (2020-12; definitions of draft 7) allows.
 * `{}` and `true` are any JSON. Errors: E_DATA (the schema is malformed, or nothing satisfies it:
 * line, column), E_UNSUPPORTED (a keyword that is not understood: which, where),
 * E_FULL, E_NOMEM. */
ingot_status ig_grammar_from_schema(ig_grammar **out, ig_heap *heap, const char *text, size_t n,
                                    ingot_error *err);
void ig_grammar_close(ig_grammar **g);

/* ---- the tokens ---- */

typedef struct ig_trie ig_trie;

/* ig_trie_open - texts[n_texts]: what each token adds to the text, copied; an empty one is never
 * allowed. vocab: of the logits; texts past it are left out, tokens past n_texts have no text. The
 * ids eos[n_eos] are allowed where the grammar may end. Errors: E_ARG (an eos outside), E_NOMEM. */
ingot_status ig_trie_open(ig_trie **out, ig_heap *heap, const ingot_str *texts, size_t n_texts,
                          size_t vocab, const uint32_t *eos, size_t n_eos, ingot_error *err);
/* ig_trie_of_tokenizer - the texts as decoding gives them in the middle of a text. Control, unknown
 * and unused pieces, special added tokens, and eos have none. Errors: E_UNSUPPORTED (the decoder's
 * texts depend on the tokens around), E_ARG, E_NOMEM. */
ingot_status ig_trie_of_tokenizer(ig_trie **out, ig_heap *heap, const struct ig_tokenizer *t,
                                  size_t vocab, const uint32_t *eos, size_t n_eos,
                                  ingot_error *err);
void ig_trie_close(ig_trie **t);

/* ---- running ---- */

typedef struct ig_constraint ig_constraint;
typedef struct ig_constrained ig_constrained;

/* ig_constraint_open - g and t are borrowed and outlive it. Errors: E_NOMEM. */
ingot_status ig_constraint_open(ig_constraint **out, ig_heap *heap, const ig_grammar *g,
                                const ig_trie *t, ingot_error *err);
void ig_constraint_close(ig_constraint **c); /* after its sequences */

/* ig_constrained_open - a sequence at the beginning of the grammar. Errors: E_NOMEM. */
ingot_status ig_constrained_open(ig_constrained **out, ig_constraint *c, ingot_error *err);
/* ig_constrained_clone - a copy that goes its own way. */
ingot_status ig_constrained_clone(ig_constrained **out, const ig_constrained *q, ingot_error *err);
void ig_constrained_close(ig_constrained **q);

/* ig_constrained_mask - *mask: bits [vocab] of the tokens that may come next, eos ids where the
 * grammar may end; valid until the next call on this constraint. Errors: E_FULL (the automaton
 * passes its bounds: the grammar is too ambiguous), E_DATA (no token of this vocabulary continues
 * the text), E_NOMEM. */
ingot_status ig_constrained_mask(const uint64_t **mask, ig_constrained *q, ingot_error *err);

/* ig_constrained_accept - one more token. On failure the sequence is as before. Errors: E_ARG (the
 * grammar does not allow it), E_FULL, E_NOMEM. */
ingot_status ig_constrained_accept(ig_constrained *q, uint32_t token, ingot_error *err);

/* ig_constrained_rollback - takes the last n accepted tokens back; n at most the number accepted.
 * For guesses that were refused. */
void ig_constrained_rollback(ig_constrained *q, size_t n);

/* ig_constrained_may_end - the text so far is whole. */
bool ig_constrained_may_end(const ig_constrained *q);
/* ig_constrained_ended - and nothing can follow but the end: a generator stops here, eos or not. */
bool ig_constrained_ended(const ig_constrained *q);

#endif
