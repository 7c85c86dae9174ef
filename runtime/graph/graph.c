/* graph.c - building graphs and asking about them; see ir.h. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

ig_graph *ig_graph_open(ig_heap *heap, ig_graph *parent)
{
    ig_graph *g = ig_take0(heap, sizeof *g);
    if (!g) return NULL;
    ig_arena_init(&g->arena, heap);
    g->name = "";
    g->parent = parent;
    g->symbols = parent ? parent->symbols : ig_new(&g->arena, ig_symbols);
    if (!g->symbols) ig_graph_close(&g);
    return g;
}

void ig_graph_close(ig_graph **graph)
{
    ig_graph *g = *graph;
    *graph = NULL;
    if (!g) return;
    for (size_t i = 0; i < g->n_nodes; i++)
        for (uint32_t s = 0; s < g->nodes[i]->n_sub; s++) ig_graph_close(&g->nodes[i]->sub[s]);
    if (g->close_kept) g->close_kept(g->kept);
    ig_heap *heap = g->arena.heap;
    ig_arena_clear(&g->arena);
    ig_give(heap, g, sizeof *g);
}

void ig_graph_keep(ig_graph *g, void (*close)(void *kept), void *kept)
{
    g->close_kept = close;
    g->kept = kept;
}

/* Room for one more item; arrays double inside the arena. */
static bool grow(ig_arena *arena, void **items, size_t n, size_t *cap, size_t each)
{
    if (n < *cap) return true;
    const size_t now = *cap ? *cap * 2 : 16;
    void *more = ig_arena_array(arena, now, each);
    if (!more) return false;
    if (n) memcpy(more, *items, n * each);
    *items = more;
    *cap = now;
    return true;
}

ig_id ig_graph_value(ig_graph *g, const char *name, const ig_type *type)
{
    void *items = g->values;
    if (g->n_values >= IG_NO_VALUE - 1 ||
        !grow(&g->arena, &items, g->n_values, &g->cap_values, sizeof *g->values))
        return IG_NO_VALUE;
    g->values = items;
    const char *copy = name && *name ? ig_arena_text(&g->arena, name, strlen(name)) : "";
    if (!copy) return IG_NO_VALUE;
    g->values[g->n_values] = (ig_value){.name = copy, .type.rank = IG_RANK_UNKNOWN};
    if (type) g->values[g->n_values].type = *type;
    return (ig_id)g->n_values++;
}

ig_id ig_graph_const(ig_graph *g, const char *name, ingot_dtype dtype, int rank,
                     const int64_t *dims, const void *data)
{
    const ig_type type = ig_type_tensor(dtype, rank, dims);
    size_t bytes;
    if (!ig_type_bytes(&type, &bytes)) return IG_NO_VALUE;
    const ig_id id = ig_graph_value(g, name, &type);
    if (id == IG_NO_VALUE) return id;
    g->values[id].data = data;
    g->values[id].data_bytes = bytes;
    g->values[id].is_const = true;
    return id;
}

ig_id ig_graph_const_copy(ig_graph *g, const char *name, ingot_dtype dtype, int rank,
                          const int64_t *dims, const void *data)
{
    const ig_type type = ig_type_tensor(dtype, rank, dims);
    size_t bytes;
    if (!ig_type_bytes(&type, &bytes)) return IG_NO_VALUE;
    ig_tensor copy, from = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data};
    memcpy(from.dims, type.dims, sizeof from.dims);
    if (!ig_tensor_copy(&copy, &from, &g->arena)) return IG_NO_VALUE; /* strings deeply */
    return ig_graph_const(g, name, dtype, rank, dims, copy.data);
}

ig_id ig_graph_lazy(ig_graph *g, const char *name, const ig_type *type, ig_layout layout,
                    const ig_fill *fill)
{
    size_t bytes;
    if (!ig_layout_bytes(type, layout, &bytes)) return IG_NO_VALUE;
    const ig_fill *copy = ig_arena_copy(&g->arena, fill, sizeof *fill);
    const ig_id id = copy ? ig_graph_value(g, name, type) : IG_NO_VALUE;
    if (id == IG_NO_VALUE) return id;
    g->values[id].data_bytes = bytes;
    g->values[id].fill = copy;
    g->values[id].layout = layout;
    g->values[id].is_const = true;
    return id;
}

ingot_status ig_graph_fill(ig_graph *g, ingot_error *err)
{
    for (size_t i = 0; i < g->n_values; i++) {
        ig_value *v = &g->values[i];
        if (!v->fill) continue;
        void *data = ig_arena_take(&g->arena, v->data_bytes);
        if (!data)
            return ig_fail(err, INGOT_E_NOMEM, "constant '%.80s': no memory for %zu bytes", v->name,
                           v->data_bytes);
        IG_TRY(v->fill->fn(v->fill->ud, data, err));
        v->data = data;
        v->fill = NULL;
    }
    return INGOT_OK;
}

ig_id ig_graph_const_ints(ig_graph *g, const char *name, const int64_t *v, size_t n)
{
    return ig_graph_const_copy(g, name, INGOT_I64, 1, &(int64_t){(int64_t)n}, v);
}

ig_node *ig_graph_node(ig_graph *g, const ig_op *op, const char *name, const ig_id *in, size_t n_in,
                       const ig_id *out, size_t n_out, size_t n_sub)
{
    void *items = g->nodes;
    if (!grow(&g->arena, &items, g->n_nodes, &g->cap_nodes, sizeof *g->nodes)) return NULL;
    g->nodes = items;
    ig_node *node = ig_new(&g->arena, ig_node);
    if (!node) return NULL;
    node->op = op;
    node->name = ig_arena_text(&g->arena, name ? name : "", name ? strlen(name) : 0);
    node->attrs = ig_arena_take(&g->arena, op->attrs_bytes);
    node->in = ig_arena_copy(&g->arena, in, n_in * sizeof *in);
    node->out = ig_arena_copy(&g->arena, out, n_out * sizeof *out);
    node->sub = ig_new_n(&g->arena, ig_graph *, n_sub);
    if (!node->name || !node->attrs || !node->in || !node->out || !node->sub) return NULL;
    node->n_in = (uint32_t)n_in;
    node->n_out = (uint32_t)n_out;
    node->n_sub = (uint32_t)n_sub;
    ig_attr_defaults(node->attrs, op->attrs);
    g->nodes[g->n_nodes++] = node;
    return node;
}

bool ig_graph_set_io(ig_graph *g, const ig_id *in, size_t n_in, const ig_id *out, size_t n_out)
{
    g->inputs = ig_arena_copy(&g->arena, in, n_in * sizeof *in);
    g->outputs = ig_arena_copy(&g->arena, out, n_out * sizeof *out);
    g->n_inputs = g->inputs ? n_in : 0;
    g->n_outputs = g->outputs ? n_out : 0;
    return g->inputs && g->outputs;
}

static ig_graph *root_of(ig_graph *g)
{
    while (g->parent) g = g->parent;
    return g;
}

int64_t ig_graph_symbol(ig_graph *g, const char *name)
{
    ig_symbols *s = g->symbols;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->names[i], name)) return IG_DIM_SYMBOL(i);
    ig_arena *arena = &root_of(g)->arena;
    void *items = s->names;
    if (!grow(arena, &items, s->n, &s->cap, sizeof *s->names)) return IG_DIM_UNKNOWN;
    s->names = items;
    const char *copy = ig_arena_text(arena, name, strlen(name));
    if (!copy) return IG_DIM_UNKNOWN;
    s->names[s->n] = copy;
    return IG_DIM_SYMBOL(s->n++);
}

const char *ig_graph_symbol_name(const ig_graph *g, int64_t dim)
{
    const bool known = IG_DIM_IS_SYMBOL(dim) && IG_SYMBOL_OF(dim) < g->symbols->n;
    return known ? g->symbols->names[IG_SYMBOL_OF(dim)] : "?";
}

ig_node **ig_graph_producers(const ig_graph *g, ig_arena *a)
{
    ig_node **of = ig_new_n(a, ig_node *, g->n_values);
    for (size_t i = 0; of && i < g->n_nodes; i++)
        for (uint32_t o = 0; o < g->nodes[i]->n_out; o++)
            if (g->nodes[i]->op && g->nodes[i]->out[o] != IG_NO_VALUE)
                of[g->nodes[i]->out[o]] = g->nodes[i];
    return of;
}

uint32_t *ig_graph_uses(const ig_graph *g, ig_arena *a)
{
    uint32_t *uses = ig_new_n(a, uint32_t, g->n_values);
    for (size_t i = 0; uses && i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i]->n_in; k++)
            if (g->nodes[i]->op && g->nodes[i]->in[k] != IG_NO_VALUE) uses[g->nodes[i]->in[k]]++;
    for (size_t i = 0; uses && i < g->n_outputs; i++) uses[g->outputs[i]]++;
    return uses;
}

void ig_graph_replace(ig_graph *g, ig_id old, ig_id now)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i]->n_in; k++)
            if (g->nodes[i]->in[k] == old) g->nodes[i]->in[k] = now;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == old) g->outputs[i] = now;
}

void ig_graph_compact(ig_graph *g)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_node *n = g->nodes[i];
        if (n->op) {
            g->nodes[kept++] = n;
            continue;
        }
        for (uint32_t s = 0; s < n->n_sub; s++) ig_graph_close(&n->sub[s]);
    }
    g->n_nodes = kept;
}

/* Depth-first from each node in the old order, so nodes that are already sorted keep their places.
 * An explicit stack: graphs come from files and may be long chains. */
ingot_status ig_graph_sort(ig_graph *g, ingot_error *err)
{
    enum { NEW, OPEN, DONE };
    ig_arena a;
    ig_arena_init(&a, g->arena.heap);
    const size_t n = g->n_nodes;
    uint32_t *maker = ig_new_n(&a, uint32_t, g->n_values), *next = ig_new_n(&a, uint32_t, n);
    uint32_t *stack = ig_new_n(&a, uint32_t, n + 1);
    unsigned char *mark = ig_new_n(&a, unsigned char, n);
    ig_node **order = ig_new_n(&a, ig_node *, n);
    ingot_status s = INGOT_OK;
    if (!maker || !next || !stack || !mark || !order)
        s = ig_fail(err, INGOT_E_NOMEM, "sorting a graph of %zu nodes", n);
    for (size_t i = 0; !s && i < n; i++)
        for (uint32_t o = 0; o < g->nodes[i]->n_out; o++)
            if (g->nodes[i]->out[o] != IG_NO_VALUE) maker[g->nodes[i]->out[o]] = (uint32_t)i + 1;
    size_t n_order = 0;
    for (size_t i = 0; !s && i < n; i++) {
        size_t depth = 0;
        if (mark[i] == NEW) stack[depth++] = (uint32_t)i, mark[i] = OPEN;
        while (depth && !s) {
            const uint32_t top = stack[depth - 1];
            ig_node *node = g->nodes[top];
            if (next[top] == node->n_in) {
                mark[top] = DONE;
                order[n_order++] = node;
                depth--;
                continue;
            }
            const ig_id in = node->in[next[top]++];
            const uint32_t from = in == IG_NO_VALUE ? 0 : maker[in];
            if (!from || mark[from - 1] == DONE) continue;
            if (mark[from - 1] == OPEN)
                s = ig_node_fail(err, INGOT_E_FORMAT, node, "the graph has a cycle through it");
            else
                stack[depth++] = from - 1, mark[from - 1] = OPEN;
        }
    }
    if (!s && n) memcpy(g->nodes, order, n * sizeof *order);
    ig_arena_clear(&a);
    return s;
}
