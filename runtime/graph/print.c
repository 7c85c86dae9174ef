/* print.c - a graph as text, one node a line, for --dump-after, tests and bug reports.
 *
 *   graph mnist (image: f32[batch,1,28,28]) -> (score)
 *     t3 = conv(image, w: f32[8,1,5,5]) {pads=[2,2,2,2]}  # 'conv1' f32[batch,8,28,28] */
#include "runtime/graph/pass.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *out;
    size_t cap, n;
    const ig_graph *g;
} sink;

__attribute__((format(printf, 2, 3))) static void put(sink *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const size_t room = s->n < s->cap ? s->cap - s->n : 0;
    const int n = vsnprintf(room ? s->out + s->n : NULL, room, format, args);
    va_end(args);
    if (n > 0) s->n += (size_t)n;
}

static void put_type(sink *s, const ig_type *type)
{
    char text[160];
    ig_type_print(text, sizeof text, type, s->g->symbols);
    put(s, "%s", text);
}

static void put_value(sink *s, ig_id id)
{
    if (id == IG_NO_VALUE) {
        put(s, "_");
        return;
    }
    const ig_value *v = &s->g->values[id];
    if (*v->name)
        put(s, "%s", v->name);
    else
        put(s, "%%%u", id);
    if (!v->is_const) return;
    put(s, ": ");
    put_type(s, &v->type);
    if (v->layout != IG_PLAIN) put(s, " p16");
}

static void put_attr(sink *s, const ig_attr_value *v)
{
    switch (v->kind) {
    case IG_ATTR_INT:
        put(s, "%lld", (long long)v->i);
        break;
    case IG_ATTR_FLOAT:
        put(s, "%.9g", v->f);
        break;
    case IG_ATTR_TEXT:
        put(s, "%s", v->s ? v->s : "none");
        break;
    case IG_ATTR_INTS:
        for (size_t i = 0; i < v->ints.n; i++)
            put(s, "%s%lld", i ? "," : "[", (long long)v->ints.v[i]);
        put(s, "]");
        break;
    default:
        put(s, "%zu items", v->floats.n + v->texts.n);
        break;
    }
}

static void put_attrs(sink *s, const ig_node *node)
{
    bool first = true;
    for (const ig_attr *f = node->op->attrs; f && f->kind != IG_ATTR_END; f++) {
        if (ig_attr_is_default(node->attrs, f)) continue;
        const ig_attr_value v = ig_attr_get(node->attrs, f);
        put(s, "%s%s=", first ? " {" : ", ", f->name);
        put_attr(s, &v);
        first = false;
    }
    if (!first) put(s, "}");
}

static void put_graph(sink *s, int depth);

static void put_node(sink *s, const ig_node *node, int depth)
{
    put(s, "%*s", 2 * depth + 2, "");
    for (uint32_t o = 0; o < node->n_out; o++) {
        if (o) put(s, ", ");
        put_value(s, node->out[o]);
    }
    put(s, " = %s(", node->op->name);
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (i) put(s, ", ");
        put_value(s, node->in[i]);
    }
    put(s, ")");
    put_attrs(s, node);
    put(s, "  #");
    if (*node->name) put(s, " '%s'", node->name);
    if (node->n_out && node->out[0] != IG_NO_VALUE) {
        put(s, " ");
        put_type(s, &s->g->values[node->out[0]].type);
    }
    put(s, "\n");
    const ig_graph *outer = s->g;
    for (uint32_t k = 0; k < node->n_sub; k++) {
        s->g = node->sub[k];
        if (s->g) put_graph(s, depth + 1);
    }
    s->g = outer;
}

static void put_graph(sink *s, int depth)
{
    const ig_graph *g = s->g;
    put(s, "%*sgraph %s(", 2 * depth, "", g->name);
    for (size_t i = 0; i < g->n_inputs; i++) {
        if (i) put(s, ", ");
        put_value(s, g->inputs[i]);
        put(s, ": ");
        put_type(s, &g->values[g->inputs[i]].type);
    }
    put(s, ") -> (");
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (i) put(s, ", ");
        put_value(s, g->outputs[i]);
    }
    put(s, ")\n");
    for (size_t i = 0; i < g->n_nodes; i++) put_node(s, g->nodes[i], depth);
}

size_t ig_graph_print(char *out, size_t cap, const ig_graph *g)
{
    sink s = {out, cap, 0, g};
    if (cap) out[0] = 0;
    put_graph(&s, 0);
    return s.n;
}
