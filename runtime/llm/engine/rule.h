/* rule.h - an answer that follows a grammar or a JSON schema: what may come next, token by token.
 */
#ifndef IG_LLM_RULE_H
#define IG_LLM_RULE_H

#include "runtime/llm/engine/prompt.h"
#include "runtime/llm/grammar/grammar.h"

/* All zero: no rule. */
typedef struct {
    ig_grammar *grammar;
    ig_constraint *constraint;
    ig_constrained *state; /* NULL: no rule */
} ig_rule;

/* ig_rule_open - by a schema or a grammar, both terminated, at most one of them not NULL; neither:
 * no rule. Errors: E_ARG (both), those of ig_grammar_from_schema, ig_grammar_from_gbnf and
 * ig_prompts_trie. On failure r is closed. */
ingot_status ig_rule_open(ig_rule *r, ig_heap *heap, ig_prompts *p, const char *schema,
                          const char *grammar, ingot_error *err);
void ig_rule_close(ig_rule *r);

/* ig_rule_mask - *mask of the tokens that may come next; NULL: all. */
ingot_status ig_rule_mask(const uint64_t **mask, ig_rule *r, ingot_error *err);
/* ig_rule_take - one more token. *ended: nothing may follow. */
ingot_status ig_rule_take(ig_rule *r, uint32_t token, bool *ended, ingot_error *err);

#endif
