/* subgraph.c - running the graphs that a node owns; see subgraph.h. */
#include "runtime/ops/subgraph.h"
#include "runtime/base/checked.h"

#include <string.h>

/* ---- types ---- */

ingot_status ig_child_check(const ig_infer *c, uint32_t slot, size_t own, size_t captured,
                            size_t n_captured, size_t gives)
{
    const ig_graph *sub = c->node->sub[slot];
    if (captured > c->n_in || n_captured > c->n_in - captured)
        return ig_infer_fail(c, "%u inputs are fewer than its attributes say", c->n_in);
    if (sub->n_inputs < n_captured || sub->n_inputs - n_captured != own)
        return ig_infer_fail(c,
                             "subgraph %u takes %zu inputs, expected %zu and %zu captured values",
                             slot, sub->n_inputs, own, n_captured);
    if (sub->n_outputs < gives)
        return ig_infer_fail(c, "subgraph %u gives %zu outputs, expected %zu", slot, sub->n_outputs,
                             gives);
    return INGOT_OK;
}

static bool contradicts(const ig_type *declared, const ig_type *given)
{
    if (declared->dtype == INGOT_NONE || given->dtype == INGOT_NONE) return false;
    if (declared->kind != given->kind || declared->dtype != given->dtype) return true;
    if (declared->rank < 0 || given->rank < 0) return false;
    if (declared->rank != given->rank) return true;
    for (int d = 0; d < given->rank; d++)
        if (ig_dim_differ(declared->dims[d], given->dims[d])) return true;
    return false;
}

bool ig_child_sure(const ig_graph *sub, size_t first, const ig_type *const *given, size_t n)
{
    for (size_t i = 0; i < n && first + i < sub->n_inputs; i++)
        if (given[i] && contradicts(&sub->values[sub->inputs[first + i]].type, given[i]))
            return false;
    return true;
}

const ig_type *ig_child_output(const ig_graph *sub, size_t i)
{
    return &sub->values[sub->outputs[i]].type;
}

bool ig_type_common(ig_type *out, const ig_type *a, const ig_type *b)
{
    if (a->kind != b->kind || a->dtype != b->dtype) return false;
    *out = *a;
    out->optional = a->optional || b->optional;
    if (a->rank != b->rank) out->rank = IG_RANK_UNKNOWN;
    for (int d = 0; d < out->rank; d++)
        if (!ig_dim_equal(a->dims[d], b->dims[d])) out->dims[d] = IG_DIM_UNKNOWN;
    return true;
}

/* ---- running ---- */

ingot_status ig_child_open(ig_child *child, const ig_bind *b, uint32_t slot)
{
    const ig_graph *sub = b->node->sub[slot];
    if (!b->exec) return ig_bind_fail(b, "a node with subgraphs runs only within an executor");
    child->n_in = sub->n_inputs;
    child->n_out = sub->n_outputs;
    child->in = ig_new_n(b->arena, ig_tensor, child->n_in);
    child->out = ig_new_n(b->arena, ig_tensor, child->n_out);
    if (!child->in || !child->out)
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for %zu values",
                            child->n_in + child->n_out);
    return ig_exec_open(&child->exec, sub, ig_exec_opts(b->exec), b->err);
}

void ig_child_close(ig_child *child)
{
    if (child->exec) ig_exec_close(&child->exec);
}

void ig_child_capture(ig_child *child, size_t at, const ig_run *r, size_t from, size_t n)
{
    ig_exec_captured(child->exec, at);
    for (size_t k = 0; k < n; k++)
        child->in[at + k] = r->in[from + k] ? *r->in[from + k] : (ig_tensor){.absent = true};
}

ingot_status ig_child_run(ig_child *child, const ig_run *r)
{
    memset(child->out, 0, child->n_out * sizeof *child->out);
    const ingot_status s = ig_exec_run(child->exec, child->out, child->in, r->err);
    return s ? ig_wrap(r->err, s, "within '%.40s' (%s)", r->node->name, r->node->op->name) : s;
}

static bool same_types(const ig_tensor *a, const ig_tensor *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ig_type x = ig_type_of(&a[i]), y = ig_type_of(&b[i]);
        if (!ig_same_type(&x, &y)) return false;
    }
    return true;
}

ingot_status ig_child_keep(ig_child *child, const ig_run *r, bool *there, size_t n, size_t in,
                           size_t out)
{
    const bool steady = same_types(child->in + in, child->out + out, n);
    for (size_t i = 0; i < n; i++) {
        there[i] = steady && ig_exec_feed(child->exec, in + i, out + i);
        if (!there[i] && ig_exec_output_there(child->exec, out + i))
            IG_TRY(ig_exec_fetch(child->exec, out + i, &child->out[out + i], r->err));
    }
    return INGOT_OK;
}

ingot_status ig_child_flag(bool *out, const ig_tensor *t, const ig_run *r, const char *what)
{
    if (t->absent || t->kind != IG_TENSOR || t->dtype != INGOT_BOOL || ig_tensor_elements(t) != 1) {
        char have[128];
        const ig_type type = ig_type_of(t);
        ig_type_print(have, sizeof have, &type, NULL);
        return ig_run_fail(r, "%s is %s, expected one bool", what, have);
    }
    *out = *(const uint8_t *)t->data != 0;
    return INGOT_OK;
}

ingot_status ig_child_give(ig_run *r, size_t i, const ig_tensor *t)
{
    if (i >= r->n_out || !r->out[i]) return INGOT_OK;
    if (ig_tensor_copy(r->out[i], t, r->side)) return INGOT_OK;
    return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "output %zu: no memory for a copy", i);
}
