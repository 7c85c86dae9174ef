/* if.c - one of two branches: if(cond, captured of then..., captured of else...).
 *
 * The branch that is not taken never runs and is never planned. */
#include "runtime/ops/subgraph.h"
#include "runtime/base/checked.h"

enum { THEN, ELSE };

static bool surely(const ig_infer *c, uint32_t slot, size_t from)
{
    const ig_graph *sub = c->node->sub[slot];
    return ig_child_sure(sub, 0, c->in + from, sub->n_inputs);
}

static ingot_status check(const ig_infer *c)
{
    const ig_graph *a = c->node->sub[THEN], *b = c->node->sub[ELSE];
    if (a->n_inputs > c->n_in || b->n_inputs > c->n_in || a->n_inputs + b->n_inputs + 1 != c->n_in)
        return ig_infer_fail(c, "%u inputs for branches that take %zu and %zu", c->n_in,
                             a->n_inputs, b->n_inputs);
    IG_TRY(ig_child_check(c, THEN, 0, 1, a->n_inputs, c->n_out));
    IG_TRY(ig_child_check(c, ELSE, 0, 1 + a->n_inputs, b->n_inputs, c->n_out));
    const ingot_dtype cond = c->in[0]->dtype;
    if (cond != INGOT_NONE && cond != INGOT_BOOL)
        return ig_infer_fail(c, "the condition is %s, not bool", ig_dtype(cond)->name);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    IG_TRY(check(c));
    const ig_graph *a = c->node->sub[THEN], *b = c->node->sub[ELSE];
    const bool sure = surely(c, THEN, 1) && surely(c, ELSE, 1 + a->n_inputs);
    for (uint32_t o = 0; o < c->n_out; o++) {
        ig_type type;
        if (!ig_type_common(&type, ig_child_output(a, o), ig_child_output(b, o))) continue;
        c->out[o] = type;
        if (!sure) c->out[o].rank = IG_RANK_UNKNOWN;
    }
    return INGOT_OK;
}

typedef struct {
    ig_child branch[2];
} branches;

static ingot_status bind(ig_bind *b)
{
    branches *s = ig_new(b->arena, branches);
    if (!s) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = s;
    IG_TRY(ig_child_open(&s->branch[THEN], b, THEN));
    return ig_child_open(&s->branch[ELSE], b, ELSE);
}

static void unbind(void *state)
{
    branches *s = state;
    ig_child_close(&s->branch[THEN]);
    ig_child_close(&s->branch[ELSE]);
}

static ingot_status run(ig_run *r)
{
    branches *s = r->state;
    bool yes = false;
    IG_TRY(ig_child_flag(&yes, r->in[0], r, "the condition"));
    ig_child *child = &s->branch[yes ? THEN : ELSE];
    ig_child_capture(child, 0, r, yes ? 1 : 1 + s->branch[THEN].n_in, child->n_in);
    IG_TRY(ig_child_run(child, r));
    for (uint32_t o = 0; o < r->n_out; o++) IG_TRY(ig_child_give(r, o, &child->out[o]));
    return INGOT_OK;
}

const ig_op ig_op_if = {
    .name = "if",
    .min_in = 1,
    .max_in = IG_MANY,
    .min_out = 1,
    .max_out = IG_MANY,
    .n_sub = 2,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS | IG_OP_KEEP_BIND,
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
