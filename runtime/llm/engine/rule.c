/* rule.c - see rule.h. */
#include "runtime/llm/engine/rule.h"

#include <string.h>

static ingot_status open(ig_rule *r, ig_heap *heap, ig_prompts *p, const char *schema,
                         const char *grammar, ingot_error *err)
{
    const ig_trie *trie;
    IG_TRY(ig_prompts_trie(&trie, p, err));
    IG_TRY(schema ? ig_grammar_from_schema(&r->grammar, heap, schema, strlen(schema), err)
                  : ig_grammar_from_gbnf(&r->grammar, heap, grammar, strlen(grammar), err));
    IG_TRY(ig_constraint_open(&r->constraint, heap, r->grammar, trie, err));
    return ig_constrained_open(&r->state, r->constraint, err);
}

ingot_status ig_rule_open(ig_rule *r, ig_heap *heap, ig_prompts *p, const char *schema,
                          const char *grammar, ingot_error *err)
{
    *r = (ig_rule){0};
    if (!schema && !grammar) return INGOT_OK;
    if (schema && grammar)
        return ig_fail(err, INGOT_E_ARG, "an answer follows a schema or a grammar, not both");
    const ingot_status s = open(r, heap, p, schema, grammar, err);
    if (s) ig_rule_close(r);
    return s;
}

void ig_rule_close(ig_rule *r)
{
    ig_constrained_close(&r->state);
    ig_constraint_close(&r->constraint);
    ig_grammar_close(&r->grammar);
}

ingot_status ig_rule_mask(const uint64_t **mask, ig_rule *r, ingot_error *err)
{
    *mask = NULL;
    return r->state ? ig_constrained_mask(mask, r->state, err) : INGOT_OK;
}

ingot_status ig_rule_take(ig_rule *r, uint32_t token, bool *ended, ingot_error *err)
{
    *ended = false;
    if (!r->state) return INGOT_OK;
    IG_TRY(ig_constrained_accept(r->state, token, err));
    *ended = ig_constrained_ended(r->state);
    return INGOT_OK;
}
