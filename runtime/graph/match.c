/* match.c - see match.h. */
#include "runtime/graph/match.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

bool ig_match_open(ig_match *m, ig_graph *g, ig_arena *a)
{
    *m = (ig_match){.g = g,
                    .made_by = ig_graph_producers(g, a),
                    .uses = ig_graph_uses(g, a),
                    .read_by = ig_new_n(a, ig_node *, g->n_values),
                    .n_values = g->n_values};
    if (!m->made_by || !m->uses || !m->read_by) return false;
    for (size_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i]->n_in; k++)
            if (g->nodes[i]->in[k] != IG_NO_VALUE) m->read_by[g->nodes[i]->in[k]] = g->nodes[i];
    return true;
}

bool ig_is(const ig_node *n, const char *op, const char *fn)
{
    if (!n || !n->op || strcmp(n->op->name, op)) return false;
    if (!fn) return true;
    const char *have = ig_attr_text(n, "fn");
    return have && !strcmp(have, fn);
}

ig_node *ig_maker(const ig_match *m, ig_id id, const char *op, const char *fn)
{
    if (id >= m->n_values) return NULL;
    ig_node *n = m->made_by[id];
    return ig_is(n, op, fn) ? n : NULL;
}

bool ig_read_once(const ig_match *m, ig_id id) { return id < m->n_values && m->uses[id] == 1; }

ig_node *ig_only_reader(const ig_match *m, ig_id id)
{
    return id < m->n_values && m->uses[id] == 1 ? m->read_by[id] : NULL;
}

bool ig_scalar(const ig_match *m, ig_id id, double *v)
{
    const ig_value *value = ig_value_at(m->g, id);
    size_t n;
    if (!value || !value->is_const || value->layout != IG_PLAIN || value->type.dtype == INGOT_STR ||
        !ig_type_elements(&value->type, &n) || n != 1)
        return false;
    *v = ig_to_double(value->data, value->type.dtype, 0);
    return true;
}

bool ig_scalar_is(const ig_match *m, ig_id id, double want)
{
    double v;
    return ig_scalar(m, id, &v) && fabs(v - want) <= 1e-4 * fabs(want);
}

const void *ig_const_vector_of(const ig_match *m, ig_id id, ingot_dtype dtype, int64_t n,
                               int from_last)
{
    const ig_value *v = ig_value_at(m->g, id);
    if (!v || !v->is_const || v->layout != IG_PLAIN || v->type.dtype != dtype) return NULL;
    const int at = v->type.rank - 1 - from_last;
    if (at < 0 || v->type.dims[at] != n) return NULL;
    for (int d = 0; d < v->type.rank; d++)
        if (d != at && v->type.dims[d] != 1) return NULL;
    return v->data;
}

const float *ig_const_vector(const ig_match *m, ig_id id, int64_t n, int from_last)
{
    return ig_const_vector_of(m, id, INGOT_F32, n, from_last);
}

ig_id ig_other(const ig_node *n, ig_id id)
{
    if (n->n_in != 2) return IG_NO_VALUE;
    if (n->in[0] == id) return n->in[1];
    return n->in[1] == id ? n->in[0] : IG_NO_VALUE;
}

ig_id ig_with_scalar(const ig_match *m, const ig_node *n, double *v)
{
    if (!n || n->n_in != 2) return IG_NO_VALUE;
    if (ig_scalar(m, n->in[1], v)) return n->in[0];
    return ig_scalar(m, n->in[0], v) ? n->in[1] : IG_NO_VALUE;
}

/* ---- attributes by name
 * -------------------------------------------------------------------------- */

static ig_attr_value get(const ig_node *n, const char *name)
{
    const ig_attr *f = ig_attr_find(n->op->attrs, name);
    return f ? ig_attr_get(n->attrs, f) : (ig_attr_value){0};
}

int64_t ig_attr_int(const ig_node *n, const char *name) { return get(n, name).i; }
double ig_attr_double(const ig_node *n, const char *name) { return get(n, name).f; }
ig_ints ig_attr_ints(const ig_node *n, const char *name) { return get(n, name).ints; }
const char *ig_attr_text(const ig_node *n, const char *name) { return get(n, name).s; }

static bool put(ig_graph *g, ig_node *n, const char *name, const ig_attr_value *v)
{
    const ig_attr *f = ig_attr_find(n->op->attrs, name);
    return f && !ig_attr_set(n->attrs, f, v, &g->arena, NULL);
}

bool ig_put_attr_int(ig_graph *g, ig_node *n, const char *name, int64_t v)
{
    return put(g, n, name, &(ig_attr_value){.kind = IG_ATTR_INT, .i = v});
}

bool ig_put_attr_double(ig_graph *g, ig_node *n, const char *name, double v)
{
    return put(g, n, name, &(ig_attr_value){.kind = IG_ATTR_FLOAT, .f = v});
}

bool ig_put_attr_text(ig_graph *g, ig_node *n, const char *name, const char *v)
{
    return put(g, n, name, &(ig_attr_value){.kind = IG_ATTR_TEXT, .s = v});
}

bool ig_put_attr_ints(ig_graph *g, ig_node *n, const char *name, const int64_t *v, size_t count)
{
    return put(g, n, name, &(ig_attr_value){.kind = IG_ATTR_INTS, .ints = {v, count}});
}

bool ig_become(ig_graph *g, ig_node *n, const char *op, const ig_id *in, size_t n_in)
{
    const ig_op *now = ig_op_find(op);
    void *attrs = now ? ig_arena_take(&g->arena, now->attrs_bytes) : NULL;
    ig_id *copy = attrs ? ig_arena_copy(&g->arena, in, n_in * sizeof *in) : NULL;
    if (!copy) return false;
    ig_attr_defaults(attrs, now->attrs);
    n->op = now;
    n->attrs = attrs;
    n->in = copy;
    n->n_in = (uint32_t)n_in;
    return true;
}

bool ig_take_attrs(ig_graph *g, ig_node *n, const ig_op *op, const void *from)
{
    for (const ig_attr *f = n->op->attrs; f && f->kind != IG_ATTR_END; f++) {
        const ig_attr *have = ig_attr_find(op->attrs, f->name);
        if (!have) continue;
        const ig_attr_value v = ig_attr_get(from, have);
        if (ig_attr_set(n->attrs, f, &v, &g->arena, NULL)) return false;
    }
    return true;
}
