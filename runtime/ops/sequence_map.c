/* sequence_map.c - a body run on each item: sequence_map(sequence, more..., captured...).
 *
 * Further inputs are sequences of the same length, walked together, or tensors that every round
 * gets whole. Each output of the body becomes a sequence. */
#include "runtime/ops/subgraph.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t n_items;
} map_attrs;

static const ig_attr attrs[] = {IG_INT(map_attrs, n_items, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    const int64_t n = ((const map_attrs *)c->attrs)->n_items;
    if (n < 1 || n > c->n_in)
        return ig_infer_fail(c, "n_items is %lld of %u inputs", (long long)n, c->n_in);
    const size_t own = (size_t)n;
    IG_TRY(ig_child_check(c, 0, own, own, c->n_in - own, c->n_out));
    for (uint32_t o = 0; o < c->n_out; o++) {
        c->out[o].kind = IG_SEQUENCE;
        c->out[o].dtype = ig_child_output(c->node->sub[0], o)->dtype;
    }
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_child *body = ig_new(b->arena, ig_child);
    if (!body) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = body;
    return ig_child_open(body, b, 0);
}

static void unbind(void *state) { ig_child_close(state); }

/* The body's inputs for item k. */
static ingot_status take_items(ig_run *r, ig_child *body, size_t own, size_t n, size_t k)
{
    for (size_t i = 0; i < own; i++) {
        const ig_tensor *in = r->in[i];
        if (!in || in->absent) return ig_run_fail(r, "input %zu is empty", i);
        if (in->kind == IG_SEQUENCE && ig_tensor_elements(in) != n)
            return ig_run_fail(r, "input %zu has %zu items, the first has %zu", i,
                               ig_tensor_elements(in), n);
        body->in[i] = in->kind == IG_SEQUENCE ? ((const ig_tensor *)in->data)[k] : *in;
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    ig_child *body = r->state;
    const size_t own = (size_t)((const map_attrs *)r->attrs)->n_items;
    if (r->in[0]->absent || r->in[0]->kind != IG_SEQUENCE)
        return ig_run_fail(r, "input 0 is not a sequence");
    const size_t n = ig_tensor_elements(r->in[0]);
    const ig_graph *sub = ig_exec_graph(body->exec);
    for (uint32_t o = 0; o < r->n_out; o++)
        IG_TRY(ig_run_sequence(r, o, ig_child_output(sub, o)->dtype, n));
    ig_child_capture(body, own, r, own, r->n_in - own);
    for (size_t k = 0; k < n; k++) {
        if (ig_run_cancelled(r))
            return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled at item %zu", k);
        IG_TRY(take_items(r, body, own, n, k));
        IG_TRY(ig_child_run(body, r));
        for (uint32_t o = 0; o < r->n_out; o++) {
            if (!r->out[o]) continue;
            ig_tensor *items = r->out[o]->data;
            r->out[o]->dtype = body->out[o].dtype;
            if (!ig_tensor_copy(&items[k], &body->out[o], r->side))
                return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for item %zu", k);
        }
    }
    return INGOT_OK;
}

const ig_op ig_op_sequence_map = {
    .name = "sequence_map",
    .min_in = 1,
    .max_in = IG_MANY,
    .min_out = 1,
    .max_out = IG_MANY,
    .n_sub = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(map_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
