/* emit.c - making nodes: the builders of import.h. All are sticky on c->status. */
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <stdarg.h>
#include <string.h>

static size_t without_tail(const ig_id *ids, size_t n, size_t least)
{
    while (n > least && ids[n - 1] == IG_NO_VALUE) n--;
    return n;
}

static bool arity_ok(ig_import *c, const ig_onnx_node *n, size_t have, uint16_t least,
                     uint16_t most, const char *what)
{
    if (have >= least && (most == IG_MANY || have <= most)) return true;
    ig_onnx_bad(c, n, "%zu %s, expected %u to %u", have, what, least, most);
    return false;
}

/* Omitted outputs that the op always makes get a value that nobody reads. */
static ig_id *whole_outputs(ig_import *c, const ig_onnx_node *n, const ig_op *op, const ig_id *out,
                            size_t *n_out)
{
    const size_t have = without_tail(out, *n_out, op->min_out);
    const size_t want = IG_MAX(have, (size_t)op->min_out);
    if (!arity_ok(c, n, want, op->min_out, op->max_out, "outputs")) return NULL;
    ig_id *v = ig_new_n(&c->whole->arena, ig_id, want);
    if (!v) c->status = onnx_no_memory(c);
    for (size_t i = 0; v && i < want; i++) {
        v[i] = i < have ? out[i] : IG_NO_VALUE;
        if (v[i] != IG_NO_VALUE || i >= op->min_out) continue;
        v[i] = ig_graph_value(c->g, "", NULL);
        if (v[i] == IG_NO_VALUE) c->status = onnx_no_memory(c);
    }
    *n_out = want;
    return c->status ? NULL : v;
}

ig_node *ig_emit(ig_import *c, const ig_onnx_node *n, const char *op_name, const ig_id *in,
                 size_t n_in, const ig_id *out, size_t n_out)
{
    c->last = NULL;
    if (c->status) return NULL;
    const ig_op *op = ig_op_find(op_name);
    if (!op) {
        ig_onnx_fail(c, n, "this build has no op '%s'", op_name);
        return NULL;
    }
    n_in = without_tail(in, n_in, op->min_in);
    if (!arity_ok(c, n, n_in, op->min_in, op->max_in, "inputs")) return NULL;
    for (size_t i = 0; i < op->min_in; i++)
        if (in[i] == IG_NO_VALUE) {
            ig_onnx_bad(c, n, "input %zu is missing", i);
            return NULL;
        }
    for (size_t i = 0; i < n_in; i++)
        if (in[i] != IG_NO_VALUE && in[i] >= c->g->n_values) {
            ig_onnx_bad(c, n, "its mapping gives op '%s' a value that is not there", op_name);
            return NULL;
        }
    const ig_id *outputs = whole_outputs(c, n, op, out, &n_out);
    if (!outputs) return NULL;
    c->last = ig_graph_node(c->g, op, n->name, in, n_in, outputs, n_out, op->n_sub);
    if (!c->last) c->status = onnx_no_memory(c);
    return c->last;
}

enum { ARGS = 16 };

static size_t take_ids(ig_import *c, const ig_onnx_node *n, ig_id in[ARGS], size_t n_in,
                       va_list args)
{
    if (n_in > ARGS) {
        ig_onnx_fail(c, n, "a mapping gives %zu inputs, at most %d", n_in, ARGS);
        return 0;
    }
    for (size_t i = 0; i < n_in; i++) in[i] = va_arg(args, ig_id);
    return n_in;
}

ig_node *ig_emit_to(ig_import *c, const ig_onnx_node *n, ig_id out, const char *op, size_t n_in,
                    ...)
{
    ig_id in[ARGS];
    va_list args;
    va_start(args, n_in);
    n_in = take_ids(c, n, in, n_in, args);
    va_end(args);
    return ig_emit(c, n, op, in, n_in, &out, 1);
}

ig_id ig_emit_new(ig_import *c, const ig_onnx_node *n, const char *op, size_t n_in, ...)
{
    ig_id in[ARGS];
    va_list args;
    va_start(args, n_in);
    n_in = take_ids(c, n, in, n_in, args);
    va_end(args);
    c->last = NULL;
    if (c->status) return IG_NO_VALUE;
    const ig_id out = ig_graph_value(c->g, "", NULL);
    if (out == IG_NO_VALUE) {
        c->status = onnx_no_memory(c);
        return out;
    }
    return ig_emit(c, n, op, in, n_in, &out, 1) ? out : IG_NO_VALUE;
}

ig_node *ig_emit_last(ig_import *c) { return c->status ? NULL : c->last; }

/* ---- constants ---- */

static ig_id constant(ig_import *c, ig_id id)
{
    if (id == IG_NO_VALUE && !c->status) c->status = onnx_no_memory(c);
    return id;
}

ig_id ig_emit_ints(ig_import *c, const int64_t *v, size_t n)
{
    return c->status ? IG_NO_VALUE : constant(c, ig_graph_const_ints(c->g, "", v, n));
}

ig_id ig_emit_scalar(ig_import *c, ingot_dtype dtype, double value)
{
    unsigned char bytes[16] = {0};
    if (c->status) return IG_NO_VALUE;
    ig_from_double(bytes, dtype, 0, value);
    return constant(c, ig_graph_const_copy(c->g, "", dtype, 0, NULL, bytes));
}

ig_id ig_emit_scalar_like(ig_import *c, const ig_onnx_node *n, ig_id like, double value)
{
    const ingot_dtype dtype = onnx_type(c, like)->dtype;
    const ig_dtype_class class_ = ig_dtype(dtype)->class_;
    if (c->status) return IG_NO_VALUE;
    if (class_ != IG_CLASS_NONE && class_ != IG_CLASS_STR) return ig_emit_scalar(c, dtype, value);
    ig_onnx_fail(c, n, "the element type of '%.60s' is not known to be a number",
                 like == IG_NO_VALUE ? "" : c->g->values[like].name);
    return IG_NO_VALUE;
}

/* ---- attributes ---- */

static void set(ig_import *c, ig_node *node, const char *attr, const ig_attr_value *value)
{
    if (c->status || !node) return;
    const ig_attr *field = ig_attr_find(node->op->attrs, attr);
    if (!field) {
        c->status = ig_node_fail(c->err, INGOT_E_UNSUPPORTED, node, "no attribute '%.60s'", attr);
        return;
    }
    c->status = ig_attr_set(node->attrs, field, value, &c->g->arena, c->err);
    if (c->status == INGOT_E_ARG) c->status = INGOT_E_UNSUPPORTED;
    if (c->status) ig_wrap(c->err, c->status, "node '%.80s' (%s)", node->name, node->op->name);
}

void ig_set_int(ig_import *c, ig_node *node, const char *attr, int64_t v)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_INT, .i = v});
}

void ig_set_float(ig_import *c, ig_node *node, const char *attr, double v)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_FLOAT, .f = v});
}

void ig_set_text(ig_import *c, ig_node *node, const char *attr, const char *v)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_TEXT, .s = v});
}

void ig_set_ints(ig_import *c, ig_node *node, const char *attr, const int64_t *v, size_t n)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_INTS, .ints = {v, n}});
}

void ig_set_floats(ig_import *c, ig_node *node, const char *attr, const float *v, size_t n)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_FLOATS, .floats = {v, n}});
}

void ig_set_texts(ig_import *c, ig_node *node, const char *attr, const ingot_str *v, size_t n)
{
    set(c, node, attr, &(ig_attr_value){.kind = IG_ATTR_TEXTS, .texts = {v, n}});
}
