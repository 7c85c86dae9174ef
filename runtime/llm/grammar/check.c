/* check.c - which rules can be empty, which can end at all, and which call themselves before they
 * have read anything. The work is bounded, so that a grammar made to be slow is refused. */
#include "runtime/llm/grammar/expr.h"

enum { WORK_MOST = 100000000 };

bool ig_expr_nullable(const ig_builder *b, const ig_expr *e)
{
    switch (e->kind) {
    case IG_EXPR_EMPTY:
        return true;
    case IG_EXPR_SEQ:
        for (uint32_t i = 0; i < e->n; i++)
            if (!ig_expr_nullable(b, e->items[i])) return false;
        return true;
    case IG_EXPR_ALT:
        for (uint32_t i = 0; i < e->n; i++)
            if (ig_expr_nullable(b, e->items[i])) return true;
        return false;
    case IG_EXPR_REPEAT:
        return !e->least || ig_expr_nullable(b, e->items[0]);
    case IG_EXPR_RULE:
        return b->rules[e->rule].nullable;
    default:
        return false;
    }
}

bool ig_expr_productive(const ig_builder *b, const ig_expr *e)
{
    switch (e->kind) {
    case IG_EXPR_NEVER:
        return false;
    case IG_EXPR_SEQ:
        for (uint32_t i = 0; i < e->n; i++)
            if (!ig_expr_productive(b, e->items[i])) return false;
        return true;
    case IG_EXPR_ALT:
        for (uint32_t i = 0; i < e->n; i++)
            if (ig_expr_productive(b, e->items[i])) return true;
        return false;
    case IG_EXPR_REPEAT:
        return !e->least || ig_expr_productive(b, e->items[0]);
    case IG_EXPR_RULE:
        return b->rules[e->rule].productive;
    default:
        return true;
    }
}

static size_t size_of(const ig_expr *e)
{
    size_t n = 1;
    if (e->kind == IG_EXPR_SEQ || e->kind == IG_EXPR_ALT || e->kind == IG_EXPR_REPEAT)
        for (uint32_t i = 0; i < e->n; i++) n += size_of(e->items[i]);
    return n;
}

static void intricate(ig_builder *b)
{
    ig_builder_fail(b, INGOT_E_FULL,
                    "the grammar is too large: its %zu rules depend on each other "
                    "in a way that takes too long to check",
                    b->n_rules);
}

/* The least fixed point, forwards and backwards in turn: chains of rules take one round. */
static void fill_properties(ig_builder *b)
{
    size_t each = b->n_rules, work = 0;
    for (size_t i = 0; i < b->n_rules; i++) each += size_of(b->rules[i].body);
    bool changed = true;
    for (int round = 0; changed; round++) {
        changed = false;
        if ((work += each) > WORK_MOST) {
            intricate(b);
            return;
        }
        for (size_t k = 0; k < b->n_rules; k++) {
            ig_rule *r = &b->rules[round % 2 ? k : b->n_rules - 1 - k];
            const bool nullable = ig_expr_nullable(b, r->body);
            const bool productive = ig_expr_productive(b, r->body);
            changed |= nullable != r->nullable || productive != r->productive;
            r->nullable = nullable;
            r->productive = productive;
        }
    }
}

/* ---- left recursion: a cycle among the rules that can stand at the beginning of another ---- */

typedef struct {
    uint32_t *v;
    size_t n, cap;
} rule_list;

static void left_rules(const ig_builder *b, const ig_expr *e, rule_list *out)
{
    switch (e->kind) {
    case IG_EXPR_RULE:
        if (out->n < out->cap) out->v[out->n++] = e->rule;
        break;
    case IG_EXPR_SEQ:
        for (uint32_t i = 0; i < e->n; i++) {
            left_rules(b, e->items[i], out);
            if (!ig_expr_nullable(b, e->items[i])) break;
        }
        break;
    case IG_EXPR_ALT:
    case IG_EXPR_REPEAT:
        for (uint32_t i = 0; i < e->n; i++) left_rules(b, e->items[i], out);
        break;
    default:
        break;
    }
}

enum { UNSEEN, OPEN, DONE };

typedef struct {
    uint32_t rule;
    size_t at, end; /* of its left rules that are still to be seen */
} visit;

typedef struct {
    const ig_builder *b;
    uint8_t *state;
    visit *stack;
    rule_list edges;
} walk;

static void enter(walk *w, size_t *depth, uint32_t rule)
{
    w->state[rule] = OPEN;
    const size_t at = w->edges.n;
    left_rules(w->b, w->b->rules[rule].body, &w->edges);
    w->stack[(*depth)++] = (visit){rule, at, w->edges.n};
}

/* The rule on a cycle that is met first, or UINT32_MAX. */
static uint32_t find_cycle(walk *w)
{
    for (uint32_t r = 0; r < w->b->n_rules; r++) {
        size_t depth = 0;
        if (w->state[r] == UNSEEN) enter(w, &depth, r);
        while (depth) {
            visit *v = &w->stack[depth - 1];
            if (v->at == v->end) {
                w->state[v->rule] = DONE;
                depth--;
                continue;
            }
            const uint32_t next = w->edges.v[v->at++];
            if (w->state[next] == OPEN) return next;
            if (w->state[next] == UNSEEN) enter(w, &depth, next);
        }
        w->edges.n = 0;
    }
    return UINT32_MAX;
}

static void refuse_left_recursion(ig_builder *b)
{
    size_t total = 1;
    for (size_t i = 0; i < b->n_rules; i++) total += size_of(b->rules[i].body);
    walk w = {.b = b,
              .state = ig_new_n(&b->arena, uint8_t, b->n_rules),
              .stack = ig_new_n(&b->arena, visit, b->n_rules),
              .edges = {ig_new_n(&b->arena, uint32_t, total), 0, total}};
    if (!w.state || !w.stack || !w.edges.v) {
        ig_builder_fail(b, INGOT_E_NOMEM, "no memory to check a grammar");
        return;
    }
    const uint32_t r = find_cycle(&w);
    if (r != UINT32_MAX)
        ig_builder_fail_at(b, INGOT_E_DATA, b->rules[r].at,
                           "rule `%s` is left-recursive: it can begin with itself, before it has "
                           "read a character (write the repetition with * or with the rule last)",
                           b->rules[r].name);
}

ingot_status ig_builder_check(ig_builder *b, bool strict)
{
    for (size_t i = 0; i < b->n_rules && !b->status; i++)
        if (!b->rules[i].body)
            ig_builder_fail_at(b, INGOT_E_DATA, b->rules[i].at, "rule `%s` is not defined",
                               b->rules[i].name);
    if (!b->status) fill_properties(b);
    if (!b->status) refuse_left_recursion(b);
    for (size_t i = 0; i < (strict ? b->n_rules : 1) && !b->status; i++)
        if (!b->rules[i].productive)
            ig_builder_fail_at(b, INGOT_E_DATA, b->rules[i].at,
                               strict ? "rule `%s` can never end: each of its alternatives needs "
                                        "itself, or nothing matches them"
                                      : "nothing satisfies this (%s)",
                               b->rules[i].name);
    return b->status;
}
