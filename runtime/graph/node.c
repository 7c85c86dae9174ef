/* node.c - one node: types of its outputs, choice of kernel, evaluation on the spot; see plan.h. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

ingot_status ig_node_infer(const ig_node *node, const ig_type *const *in,
                           const ig_tensor *const *known, ig_type *out, ingot_error *err)
{
    const ig_op *op = node->op;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!in[i] && i < op->min_in)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u is missing", i);
        if (in[i] && !(op->flags & IG_OP_KINDS) && (in[i]->kind != IG_TENSOR || in[i]->optional))
            return ig_node_fail(err, INGOT_E_FORMAT, node, "input %u must be a tensor", i);
    }
    for (uint32_t i = 0; i < node->n_out; i++) out[i] = (ig_type){.rank = IG_RANK_UNKNOWN};
    ig_infer c = {.node = node,
                  .attrs = node->attrs,
                  .in = in,
                  .known = known,
                  .out = out,
                  .n_in = node->n_in,
                  .n_out = node->n_out,
                  .err = err};
    IG_TRY(op->infer(&c));
    for (uint32_t i = 0; i < node->n_out; i++) {
        size_t bytes;
        if (out[i].rank < IG_RANK_UNKNOWN || out[i].rank > IG_MAX_RANK)
            return ig_node_fail(err, INGOT_E_FORMAT, node, "output %u has rank %d (at most %d)", i,
                                out[i].rank, IG_MAX_RANK);
        if (ig_type_static(&out[i]) && !ig_type_bytes(&out[i], &bytes))
            return ig_node_fail(err, INGOT_E_FORMAT, node, "output %u is larger than memory", i);
    }
    return INGOT_OK;
}

ingot_status ig_node_bind(ig_bind *b)
{
    b->attrs = b->node->attrs;
    b->n_in = b->node->n_in;
    b->n_out = b->node->n_out;
    b->kernel = b->node->op->name;
    return b->node->op->bind ? b->node->op->bind(b) : INGOT_OK;
}

static ingot_status make_outputs(const ig_node *node, ig_tensor *const *out, const ig_type *types,
                                 ig_arena *arena, ingot_error *err)
{
    for (uint32_t o = 0; o < node->n_out; o++) {
        size_t bytes;
        if (!out[o]) continue;
        if (!ig_type_static(&types[o]) || !ig_type_bytes(&types[o], &bytes))
            return ig_node_fail(err, INGOT_E_DATA, node,
                                "the size of output %u cannot be told from its inputs", o);
        *out[o] = (ig_tensor){.dtype = types[o].dtype, .rank = types[o].rank};
        memcpy(out[o]->dims, types[o].dims, sizeof out[o]->dims);
        out[o]->data = ig_arena_take(arena, IG_MAX(bytes, (size_t)IG_ALIGN));
        if (!out[o]->data)
            return ig_node_fail(err, INGOT_E_NOMEM, node, "no memory for %zu bytes", bytes);
    }
    return INGOT_OK;
}

/* The arrays that bind wants, for inputs and outputs that are there. */
static ingot_status bind_live(ig_bind *b, const ig_tensor *const *in, const ig_type *out_types)
{
    const ig_node *node = b->node;
    ig_type *in_types = ig_new_n(b->arena, ig_type, node->n_in);
    const ig_type **in_list = ig_new_n(b->arena, const ig_type *, node->n_in);
    const ig_tensor **known = ig_new_n(b->arena, const ig_tensor *, node->n_in);
    const ig_type **out_list = ig_new_n(b->arena, const ig_type *, node->n_out);
    ig_layout *layout = ig_new_n(b->arena, ig_layout, node->n_in);
    if (!in_types || !in_list || !known || !out_list || !layout)
        return ig_node_fail(b->err, INGOT_E_NOMEM, node, "no memory");
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!in[i]) continue;
        in_types[i] = ig_type_of(in[i]);
        in_list[i] = &in_types[i];
        known[i] = in[i]->data ? in[i] : NULL;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        out_list[o] = node->out[o] == IG_NO_VALUE ? NULL : &out_types[o];
    b->in = in_list;
    b->known = known;
    b->out = out_list;
    b->in_layout = layout;
    return ig_node_bind(b);
}

ingot_status ig_node_evaluate(const ig_node *node, const ig_tensor *const *in,
                              ig_tensor *const *out, const ig_type *out_types, ig_arena *arena,
                              ig_exec *x, ig_pool *pool, ingot_error *err)
{
    if (!(node->op->flags & IG_OP_ALLOCATES))
        IG_TRY(make_outputs(node, out, out_types, arena, err));
    if (node->op->flags & IG_OP_VIEW) {
        const size_t bytes = ig_tensor_elements(in[0]) * ig_dtype(in[0]->dtype)->bytes;
        if (out[0] && bytes) memcpy(out[0]->data, in[0]->data, bytes);
        return INGOT_OK;
    }
    ig_bind b = {
        .node = node, .n_threads = ig_pool_threads(pool), .arena = arena, .exec = x, .err = err};
    ingot_status s = bind_live(&b, in, out_types);
    ig_run r = {.node = node,
                .attrs = node->attrs,
                .state = b.state,
                .in = in,
                .out = out,
                .n_in = node->n_in,
                .n_out = node->n_out,
                .pool = pool,
                .side = arena,
                .brief = arena,
                .err = err};
    if (!s && b.scratch_bytes && !(r.scratch = ig_arena_take(arena, b.scratch_bytes)))
        s = ig_node_fail(err, INGOT_E_NOMEM, node, "no memory for scratch");
    if (!s) s = node->op->run(&r);
    if (b.state && node->op->unbind) node->op->unbind(b.state);
    return s;
}
