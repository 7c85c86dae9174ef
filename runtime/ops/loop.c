/* loop.c - a body run again and again: loop(trip count, cond, state..., captured...) gives
 * state..., scanned... .
 *
 * The body takes (round, cond, state..., captured...) and gives (cond, state..., scanned...). It
 * ends after `trip count` rounds or when the condition is false; only memory and patience (the
 * cancel flag) bound it otherwise. States that a device makes and reads stay there from round to
 * round while no state changes its type. */
#include "runtime/ops/carry.h"
#include "runtime/ops/stack.h"
#include "runtime/ops/subgraph.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t n_state;
} loop_attrs;

static const ig_attr attrs[] = {IG_INT(loop_attrs, n_state, 0), {0}};

/* ---- types ---- */

static ingot_status check(const ig_infer *c)
{
    const loop_attrs *a = c->attrs;
    if (a->n_state < 0 || a->n_state > (int64_t)c->n_in - 2)
        return ig_infer_fail(c, "n_state is %lld of %u inputs", (long long)a->n_state, c->n_in);
    const size_t n_state = (size_t)a->n_state, first = 2 + n_state;
    const size_t gives = IG_MAX(1 + n_state, 1 + (size_t)c->n_out);
    IG_TRY(ig_child_check(c, 0, first, first, c->n_in - first, gives));
    const ingot_dtype trip = c->in[0]->dtype, cond = c->in[1]->dtype;
    if ((trip != INGOT_NONE && trip != INGOT_I64) || (cond != INGOT_NONE && cond != INGOT_BOOL))
        return ig_infer_fail(c, "trip count and condition are %s and %s, expected i64 and bool",
                             ig_dtype(trip)->name, ig_dtype(cond)->name);
    return INGOT_OK;
}

/* A state's sizes hold when the body declares the same coming in and going out. */
static void infer_state(ig_infer *c, uint32_t o, bool sure)
{
    const ig_graph *sub = c->node->sub[0];
    const ig_type *before = ig_has(c, 2 + o) ? c->in[2 + o] : NULL;
    const ig_type *declared = &sub->values[sub->inputs[2 + o]].type;
    const ig_type *after = ig_child_output(sub, 1 + o);
    ig_type same, whole;
    if (!before || !ig_type_common(&same, before, after)) {
        c->out[o] = *after;
        c->out[o].rank = IG_RANK_UNKNOWN;
        return;
    }
    if (!ig_type_common(&whole, &same, declared)) whole = same, sure = false;
    if (!sure) whole.rank = IG_RANK_UNKNOWN;
    c->out[o] = whole;
    c->out[o].dtype = same.dtype;
    if (before->kind != IG_TENSOR || before->optional || same.optional)
        c->out[o].rank = IG_RANK_UNKNOWN;
}

static ingot_status infer(ig_infer *c)
{
    IG_TRY(check(c));
    const ig_graph *sub = c->node->sub[0];
    const size_t n_state = (size_t)((const loop_attrs *)c->attrs)->n_state;
    const bool sure = ig_child_sure(sub, 2, c->in + 2, c->n_in - 2);
    for (uint32_t o = 0; o < c->n_out && o < n_state; o++) infer_state(c, o, sure);
    for (uint32_t o = (uint32_t)n_state; o < c->n_out; o++) {
        const ig_type *each = ig_child_output(sub, 1 + o);
        c->out[o].dtype = each->dtype;
        if (!sure || each->rank < 0 || each->rank >= IG_MAX_RANK) continue;
        c->out[o].rank = each->rank + 1;
        for (int d = 0; d < c->out[o].rank; d++) c->out[o].dims[d] = IG_DIM_UNKNOWN;
    }
    return INGOT_OK;
}

/* ---- running ---- */

typedef struct {
    ig_child body;
    ig_carry carry;
    ig_stack *stacks; /* [n_out - n_state] */
    bool *there;      /* [n_state] the state is the body's latest output, left on a device */
    size_t n_state, n_stacks;
} loop_state;

static ingot_status bind(ig_bind *b)
{
    const size_t n_state = (size_t)((const loop_attrs *)b->attrs)->n_state;
    loop_state *s = ig_new(b->arena, loop_state);
    if (!s) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = s;
    IG_TRY(ig_child_open(&s->body, b, 0));
    const ig_exec_options *options = ig_exec_opts(b->exec);
    s->n_state = n_state;
    s->n_stacks = b->n_out > n_state ? b->n_out - n_state : 0;
    s->stacks = ig_new_n(b->arena, ig_stack, s->n_stacks);
    s->there = ig_new_n(b->arena, bool, n_state);
    ig_exec_leave(s->body.exec, 1, n_state);
    if (!s->stacks || !s->there ||
        !ig_carry_init(&s->carry, n_state, b->arena, options->heap, options->side_limit_bytes))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    return INGOT_OK;
}

static void unbind(void *state)
{
    loop_state *s = state;
    ig_child_close(&s->body);
    ig_carry_clear(&s->carry);
}

static ingot_status one_int(int64_t *out, const ig_tensor *t, const ig_run *r)
{
    if (t->absent || t->kind != IG_TENSOR || t->dtype != INGOT_I64 || ig_tensor_elements(t) != 1)
        return ig_run_fail(r, "the trip count must be one i64");
    *out = *(const int64_t *)t->data;
    return INGOT_OK;
}

/* Rank 0 unless the body declares [1]. */
static ig_tensor counter(const ig_graph *sub, size_t input, ingot_dtype dtype, void *data)
{
    ig_tensor t = {.dtype = dtype, .data = data, .dims = {1}};
    t.rank = sub->values[sub->inputs[input]].type.rank == 1 ? 1 : 0;
    return t;
}

static ingot_status one_round(ig_run *r, loop_state *s, int64_t round, bool *go)
{
    const ig_graph *sub = ig_exec_graph(s->body.exec);
    uint8_t cond = 1;
    s->body.in[0] = counter(sub, 0, INGOT_I64, &round);
    s->body.in[1] = counter(sub, 1, INGOT_BOOL, &cond);
    for (size_t i = 0; i < s->n_state; i++) s->body.in[2 + i] = s->carry.now[i];
    IG_TRY(ig_child_run(&s->body, r));
    IG_TRY(ig_child_keep(&s->body, r, s->there, s->n_state, 2, 1));
    const ig_tensor *out = s->body.out;
    IG_TRY(ig_child_flag(go, &out[0], r, "the body's condition"));
    for (size_t k = 0; k < s->n_stacks; k++)
        IG_TRY(ig_stack_push(&s->stacks[k], &out[1 + s->n_state + k], r, s->n_state + k));
    if (ig_carry_step(&s->carry, out + 1)) return INGOT_OK;
    return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for the state after %lld rounds",
                        (long long)round + 1);
}

static ingot_status run(ig_run *r)
{
    loop_state *s = r->state;
    int64_t n = 0;
    bool go = false;
    IG_TRY(one_int(&n, r->in[0], r));
    IG_TRY(ig_child_flag(&go, r->in[1], r, "the condition"));
    ig_carry_start(&s->carry, r->in + 2);
    ig_child_capture(&s->body, 2 + s->n_state, r, 2 + s->n_state, r->n_in - 2 - s->n_state);
    for (size_t k = 0; k < s->n_stacks; k++) s->stacks[k] = (ig_stack){0};
    for (size_t i = 0; i < s->n_state; i++) s->there[i] = false;
    for (int64_t i = 0; go && i < n; i++) {
        if (ig_run_cancelled(r))
            return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled in round %lld",
                                (long long)i);
        IG_TRY(one_round(r, s, i, &go));
    }
    for (uint32_t o = 0; o < r->n_out && o < s->n_state; o++) {
        ig_tensor last = s->carry.now[o];
        if (s->there[o]) IG_TRY(ig_exec_fetch(s->body.exec, 1 + o, &last, r->err));
        IG_TRY(ig_child_give(r, o, &last));
    }
    const ig_graph *sub = ig_exec_graph(s->body.exec);
    for (size_t k = 0; k < s->n_stacks; k++)
        IG_TRY(ig_stack_give(&s->stacks[k], r, s->n_state + k,
                             ig_child_output(sub, 1 + s->n_state + k)));
    return INGOT_OK;
}

const ig_op ig_op_loop = {
    .name = "loop",
    .min_in = 2,
    .max_in = IG_MANY,
    .min_out = 0,
    .max_out = IG_MANY,
    .n_sub = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(loop_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
