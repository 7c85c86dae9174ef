/* describe.c - see describe.h. */
#include "tools/model/describe.h"
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <stdlib.h>
#include <string.h>

const char *ig_layout_name(ig_layout layout) { return layout == IG_PLAIN ? "plain" : "p16"; }

const char *ig_section_name(char text[5], uint32_t type)
{
    for (int i = 0; i < 4; i++) {
        const int c = (int)(type >> 8 * i & 0xff);
        text[i] = (char)(c >= ' ' && c < 127 ? c : '?');
    }
    text[4] = 0;
    return text;
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static void count_op(ig_summary *s, const ig_op *op)
{
    size_t i = 0;
    while (i < s->n_ops && s->ops[i].op != op) i++;
    if (i == s->n_ops) s->ops[s->n_ops++] = (ig_op_count){.op = op};
    s->ops[i].n++;
}

static bool is_parameter(ingot_dtype t)
{
    return t != INGOT_I64 && t != INGOT_STR && t != INGOT_BOOL && t != INGOT_NONE;
}

/* format: one of ig_q_formats' names, or NULL. */
static ig_weight_class *class_of(ig_summary *s, const ig_value *v, const char *format)
{
    size_t i = 0;
    while (i < s->n_classes &&
           (s->classes[i].dtype != v->type.dtype || s->classes[i].layout != v->layout ||
            s->classes[i].format != format))
        i++;
    if (i == s->n_classes)
        s->classes[s->n_classes++] =
            (ig_weight_class){.dtype = v->type.dtype, .layout = v->layout, .format = format};
    return &s->classes[i];
}

static void count_const(ig_summary *s, const ig_value *v)
{
    size_t n = 0;
    ig_weight_class *c = class_of(s, v, NULL);
    if (!ig_type_elements(&v->type, &n)) n = 0;
    c->n++;
    c->bytes += v->data_bytes;
    c->elements += n;
    s->weight_bytes += v->data_bytes;
    if (is_parameter(v->type.dtype)) s->parameters += n;
}

/* ---- weights of few bits: bytes in the graph, whose number only their node knows ---- */

static int64_t low_attr(const ig_node *n, const char *name, const char **text)
{
    const ig_attr *f = ig_attr_find(n->op->attrs, name);
    const ig_attr_value v = f ? ig_attr_get(n->attrs, f) : (ig_attr_value){0};
    if (text) *text = v.s;
    return v.i;
}

/* Of input i of node n in weights; 0: it is not packed so. */
static size_t low_weights(const char **name, const ig_graph *g, const ig_node *n, uint32_t i)
{
    const char *format = NULL;
    const ig_value *v = i < n->n_in ? ig_value_at(g, n->in[i]) : NULL;
    const bool moe = !strcmp(n->op->name, "moe"), down = moe && i == 3;
    low_attr(n, down ? "down_format" : "format", &format);
    if (!v || !v->is_const || v->type.dtype != INGOT_U8 || !format) return 0;
    const ig_q_format *f = ig_q_format_named(format);
    if (!f) return 0;
    *name = f->name;
    const size_t rows = (size_t)low_attr(n, "n", NULL), k = (size_t)low_attr(n, "k", NULL);
    const bool gated = !strcmp(n->op->name, "glu") || (moe && !down);
    const size_t experts = moe ? (size_t)v->type.dims[0] : 1;
    return experts * rows * k * (gated ? 2 : 1);
}

/* A constant that was counted as bytes. */
static void move_to_format(ig_summary *s, const ig_value *v, const char *format, size_t weights)
{
    ig_weight_class *bytes = class_of(s, v, NULL), *low = class_of(s, v, format);
    bytes->n--;
    bytes->bytes -= v->data_bytes;
    bytes->elements -= v->data_bytes;
    low->n++;
    low->bytes += v->data_bytes;
    low->elements += weights;
    s->parameters += weights - v->data_bytes;
}

/* A table that embedding and output share is counted once. */
static void count_low_bits(ig_summary *s, const ig_graph *g, ig_arena *arena)
{
    bool *seen = ig_new_n(arena, bool, g->n_values);
    for (size_t i = 0; seen && i < g->n_nodes; i++) {
        const ig_node *n = g->nodes[i];
        for (uint32_t k = 1; k < 4; k++) {
            const char *format;
            const size_t weights = low_weights(&format, g, n, k);
            if (!weights || seen[n->in[k]]) continue;
            seen[n->in[k]] = true;
            move_to_format(s, &g->values[n->in[k]], format, weights);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->n_classes; i++)
        if (s->classes[i].n) s->classes[kept++] = s->classes[i];
    s->n_classes = kept;
}

static void count_graph(ig_summary *s, const ig_graph *g)
{
    s->n_graphs++;
    s->n_nodes += g->n_nodes;
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].is_const) count_const(s, &g->values[i]);
    for (size_t i = 0; i < g->n_nodes; i++) {
        count_op(s, g->nodes[i]->op);
        for (uint32_t k = 0; k < g->nodes[i]->n_sub; k++)
            if (g->nodes[i]->sub[k]) count_graph(s, g->nodes[i]->sub[k]);
    }
}

static int most_ops(const void *a, const void *b)
{
    const ig_op_count *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return strcmp(x->op->name, y->op->name);
}

static int most_bytes(const void *a, const void *b)
{
    const ig_weight_class *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (int)x->dtype - (int)y->dtype;
}

ingot_status ig_summarize(ig_summary *out, const ig_graph *g, ig_arena *arena, ingot_error *err)
{
    enum { DTYPES = 32, LAYOUTS = 4 };
    size_t n_ops, n_formats;
    ig_op_list(&n_ops);
    ig_q_formats(&n_formats);
    *out = (ig_summary){.ops = ig_new_n(arena, ig_op_count, n_ops),
                        .classes = ig_new_n(arena, ig_weight_class, DTYPES * LAYOUTS + n_formats)};
    if (!out->ops || !out->classes) return ig_fail(err, INGOT_E_NOMEM, "counting: no memory");
    count_graph(out, g);
    count_low_bits(out, g, arena);
    qsort(out->ops, out->n_ops, sizeof *out->ops, most_ops);
    qsort(out->classes, out->n_classes, sizeof *out->classes, most_bytes);
    return INGOT_OK;
}

/* ---- inputs and outputs ------------------------------------------------------------------------
 */

static void port_row(ig_table *t, const char *role, const ig_graph *g, ig_id id)
{
    char type[160];
    const ig_value *v = &g->values[id];
    ig_type_print(type, sizeof type, &v->type, g->symbols);
    ig_table_cell(t, "  %s", role);
    ig_table_cell(t, "%s", v->name);
    ig_table_cell(t, "%s", type);
}

ingot_status ig_ports_print(const ig_graph *g, FILE *to, ingot_error *err)
{
    ig_table t;
    ig_table_init(&t, 3, 0);
    for (size_t i = 0; i < g->n_inputs; i++) port_row(&t, "input", g, g->inputs[i]);
    for (size_t i = 0; i < g->n_outputs; i++) port_row(&t, "output", g, g->outputs[i]);
    const ingot_status s = ig_table_print(&t, to, err);
    ig_table_clear(&t);
    return s;
}

void ig_dims_json(ig_json *j, const char *key, const ig_type *type, const ig_symbols *symbols)
{
    if (type->rank < 0) {
        ig_json_null(j, key);
        return;
    }
    ig_json_array(j, key);
    for (int d = 0; d < type->rank; d++) {
        const int64_t dim = type->dims[d];
        if (dim >= 0)
            ig_json_int(j, NULL, dim);
        else if (IG_DIM_IS_SYMBOL(dim) && symbols && IG_SYMBOL_OF(dim) < symbols->n)
            ig_json_text(j, NULL, symbols->names[IG_SYMBOL_OF(dim)]);
        else
            ig_json_null(j, NULL);
    }
    ig_json_end(j);
}

static void port_json(ig_json *j, const ig_graph *g, ig_id id)
{
    const ig_value *v = &g->values[id];
    ig_json_object(j, NULL);
    ig_json_text(j, "name", v->name);
    ig_json_text(j, "dtype", v->type.dtype ? ingot_dtype_name(v->type.dtype) : NULL);
    ig_dims_json(j, "shape", &v->type, g->symbols);
    if (v->type.kind == IG_SEQUENCE) ig_json_bool(j, "sequence", true);
    if (v->type.optional) ig_json_bool(j, "optional", true);
    ig_json_end(j);
}

void ig_ports_json(ig_json *j, const ig_graph *g)
{
    ig_json_array(j, "inputs");
    for (size_t i = 0; i < g->n_inputs; i++) port_json(j, g, g->inputs[i]);
    ig_json_end(j);
    ig_json_array(j, "outputs");
    for (size_t i = 0; i < g->n_outputs; i++) port_json(j, g, g->outputs[i]);
    ig_json_end(j);
}
