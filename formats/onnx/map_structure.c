/* map_structure.c - ops that shape the graph rather than compute: constants, names, branches,
 * loops.
 */
#include "formats/onnx/import.h"
#include "formats/onnx/model.h"
#include "runtime/base/checked.h"

#include <string.h>

/* ---- Constant: one of eight attributes becomes a constant value; no node ---- */

static ig_id constant_of_list(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    int64_t count = 0;
    const void *v = NULL;
    ingot_dtype dtype = INGOT_NONE;
    if (!strcmp(attr, "value_ints")) {
        const ig_ints list = onnx_ints(c, n, attr);
        dtype = INGOT_I64, v = list.v, count = (int64_t)list.n;
    } else if (!strcmp(attr, "value_floats")) {
        const ig_floats list = onnx_floats(c, n, attr);
        dtype = INGOT_F32, v = list.v, count = (int64_t)list.n;
    } else {
        const ig_texts list = onnx_texts(c, n, attr);
        dtype = INGOT_STR, v = list.v, count = (int64_t)list.n;
    }
    if (c->status) return IG_NO_VALUE;
    return ig_graph_const_copy(c->g, n->name, dtype, 1, &count, v);
}

static ig_id constant_of_scalar(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    if (!strcmp(attr, "value_int")) {
        const int64_t v = onnx_int(c, n, attr, 0);
        return ig_graph_const_copy(c->g, n->name, INGOT_I64, 0, NULL, &v);
    }
    if (!strcmp(attr, "value_float")) {
        const float v = (float)onnx_float(c, n, attr, 0);
        return ig_graph_const_copy(c->g, n->name, INGOT_F32, 0, NULL, &v);
    }
    const ingot_str v = onnx_attr_find(n->raw, attr)->s;
    return ig_graph_const_copy(c->g, n->name, INGOT_STR, 0, NULL, &v);
}

static ingot_status map_constant(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const scalars[] = {"value_int", "value_float", "value_string"};
    static const char *const lists[] = {"value_ints", "value_floats", "value_strings"};
    ig_id id = IG_NO_VALUE;
    if (onnx_has(n, "value")) id = onnx_tensor(c, n, "value");
    if (onnx_has(n, "sparse_value")) id = onnx_tensor(c, n, "sparse_value");
    for (size_t i = 0; i < IG_LEN(scalars); i++) {
        if (onnx_has(n, scalars[i])) id = constant_of_scalar(c, n, scalars[i]);
        if (onnx_has(n, lists[i])) id = constant_of_list(c, n, lists[i]);
    }
    if (c->status) return c->status;
    if (id == IG_NO_VALUE) return ig_onnx_bad(c, n, "it has no value");
    if (n->n_out && n->out[0] != IG_NO_VALUE) c->g->values[id].name = c->g->values[n->out[0]].name;
    onnx_alias(c, n, 0, id);
    return c->status;
}

/* ---- Identity: another name ---- */

static ingot_status map_identity(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    if (!onnx_given(n, 0)) return ig_onnx_bad(c, n, "input 0 is missing");
    onnx_alias(c, n, 0, n->in[0]);
    return c->status;
}

/* ---- If, Loop, Scan: a node with subgraphs, their captured values after its own inputs ---- */

/* The body must take `want` values of its own. */
static ingot_status body(ig_import *c, const ig_onnx_node *n, const char *attr, ig_node *node,
                         uint32_t slot, size_t want)
{
    if (c->status) return c->status;
    const uint32_t before = node->n_in;
    IG_TRY(onnx_subgraph(c, n, attr, node, slot));
    const ig_graph *sub = node->sub[slot];
    const size_t own = sub->n_inputs - (node->n_in - before);
    if (own == want) return INGOT_OK;
    return ig_onnx_bad(c, n, "its %s takes %zu inputs, expected %zu", attr, own, want);
}

static ingot_status map_if(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "if", n->in, IG_MIN(n->n_in, 1u), n->out, n->n_out);
    IG_TRY(c->status);
    IG_TRY(body(c, n, "then_branch", node, 0, 0));
    IG_TRY(body(c, n, "else_branch", node, 1, 0));
    if (node->sub[0]->n_outputs < n->n_out || node->sub[1]->n_outputs != node->sub[0]->n_outputs)
        return ig_onnx_bad(c, n, "its branches give %zu and %zu outputs, the node has %u",
                           node->sub[0]->n_outputs, node->sub[1]->n_outputs, n->n_out);
    return INGOT_OK;
}

/* loop: inputs trip count (i64), condition (bool), state...; both are given always. */
static ingot_status map_loop(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const size_t n_in = IG_MAX(n->n_in, 2u);
    ig_id *in = ig_new_n(&c->g->arena, ig_id, n_in);
    if (!in) return ig_onnx_bad(c, n, "no memory for %zu inputs", n_in);
    for (size_t i = 0; i < n->n_in; i++) in[i] = n->in[i];
    const int64_t endless = INT64_MAX;
    if (!onnx_given(n, 0)) in[0] = ig_graph_const_copy(c->g, "", INGOT_I64, 0, NULL, &endless);
    if (!onnx_given(n, 1)) in[1] = ig_emit_scalar(c, INGOT_BOOL, 1);
    ig_node *node = ig_emit(c, n, "loop", in, n_in, n->out, n->n_out);
    ig_set_int(c, node, "n_state", (int64_t)n_in - 2);
    IG_TRY(c->status);
    IG_TRY(body(c, n, "body", node, 0, n_in));
    const size_t gives = node->sub[0]->n_outputs; /* condition, state..., scanned... */
    if (gives < n_in - 1 || gives < n->n_out + 1u)
        return ig_onnx_bad(c, n, "its body gives %zu outputs for %zu state values and %u outputs",
                           gives, n_in - 2, n->n_out);
    return INGOT_OK;
}

static void copy_ints(ig_import *c, const ig_onnx_node *n, ig_node *node, const char *attr)
{
    const ig_ints v = onnx_ints(c, n, attr);
    if (v.v) ig_set_ints(c, node, attr, v.v, v.n);
}

/* scan: opset 9 and later: inputs state..., scanned...; before, a batch dimension and lengths. */
static ingot_status map_scan(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    const bool batched = arg && !strcmp(arg, "batched");
    const uint32_t skip = batched ? 1 : 0; /* sequence_lens */
    const int64_t scanned = onnx_int(c, n, "num_scan_inputs", -1);
    if (scanned < 0 || scanned > (int64_t)n->n_in - skip || n->n_in < skip)
        return ig_onnx_bad(c, n, "num_scan_inputs is %lld of %u inputs", (long long)scanned,
                           n->n_in);
    const uint32_t from = batched && !onnx_given(n, 0) ? 1 : 0; /* lengths may be omitted */
    ig_node *node = ig_emit(c, n, "scan", n->in + from, n->n_in - from, n->out, n->n_out);
    ig_set_int(c, node, "n_state", (int64_t)n->n_in - skip - scanned);
    ig_set_int(c, node, "n_scan", scanned);
    if (batched && !from) ig_set_int(c, node, "lengths", 1);
    if (batched) ig_set_int(c, node, "batched", 1);
    if (batched)
        copy_ints(c, n, node, "directions");
    else {
        static const char *const lists[] = {"scan_input_axes", "scan_input_directions",
                                            "scan_output_axes", "scan_output_directions"};
        for (size_t i = 0; i < IG_LEN(lists); i++) copy_ints(c, n, node, lists[i]);
    }
    IG_TRY(c->status);
    IG_TRY(body(c, n, "body", node, 0, n->n_in - skip));
    const size_t gives = node->sub[0]->n_outputs; /* state..., scanned... */
    if (gives >= n->n_out && gives >= n->n_in - skip - (size_t)scanned) return INGOT_OK;
    return ig_onnx_bad(c, n, "its body gives %zu outputs, the node has %u", gives, n->n_out);
}

/* sequence_map: the body runs on each item; a further input is a sequence too or the same each
 * time.
 */
static ingot_status map_sequence_map(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "sequence_map", n->in, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "n_items", n->n_in);
    IG_TRY(c->status);
    IG_TRY(body(c, n, "body", node, 0, n->n_in));
    if (node->sub[0]->n_outputs >= n->n_out) return INGOT_OK;
    return ig_onnx_bad(c, n, "its body gives %zu outputs, the node has %u", node->sub[0]->n_outputs,
                       n->n_out);
}

const ig_onnx_map ig_onnx_map_structure[] = {
    {"", "Constant", 1, 0, map_constant, NULL},
    {"", "Identity", 1, 0, map_identity, NULL},
    {"", "If", 1, 0, map_if, NULL},
    {"", "Loop", 1, 0, map_loop, NULL},
    {"", "Scan", 8, 8, map_scan, "batched"},
    {"", "Scan", 9, 0, map_scan, NULL},
    {"", "SequenceMap", 17, 0, map_sequence_map, NULL},
    {0},
};
