/* pass_infer.c - types of all values of a graph whose input sizes are still open. */
#include "runtime/graph/plan.h"
#include "runtime/graph/pass.h"
#include "runtime/base/checked.h"

#include <string.h>

/* What inference says wins, except where it knows less than what was declared. */
static void merge(ig_type *type, const ig_type *inferred)
{
    if (inferred->dtype == INGOT_NONE) return;
    const ig_type declared = *type;
    *type = *inferred;
    if (inferred->rank < 0) {
        type->rank = declared.rank;
        memcpy(type->dims, declared.dims, sizeof type->dims);
        return;
    }
    if (declared.rank != inferred->rank) return;
    for (int d = 0; d < type->rank; d++)
        if (type->dims[d] == IG_DIM_UNKNOWN) type->dims[d] = declared.dims[d];
}

typedef struct {
    const ig_type **in;
    const ig_tensor **known;
    ig_tensor *tensors;
    ig_type *out;
} frame;

static bool frame_open(frame *f, ig_arena *a, const ig_node *node)
{
    f->in = ig_new_n(a, const ig_type *, node->n_in);
    f->known = ig_new_n(a, const ig_tensor *, node->n_in);
    f->tensors = ig_new_n(a, ig_tensor, node->n_in);
    f->out = ig_new_n(a, ig_type, node->n_out);
    return f->in && f->known && f->tensors && f->out;
}

static void frame_fill(frame *f, const ig_graph *g, const ig_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_value *v = ig_value_at(g, node->in[i]);
        if (!v) continue;
        f->in[i] = &v->type;
        if (!v->is_const || v->fill || v->layout != IG_PLAIN) continue;
        f->tensors[i] = (ig_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(f->tensors[i].dims, v->type.dims, sizeof v->type.dims);
        f->tensors[i].data = (void *)(uintptr_t)v->data;
        f->known[i] = &f->tensors[i];
    }
}

static ingot_status infer_node(ig_graph *g, const ig_node *node, ig_arena *a, ingot_error *err)
{
    frame f;
    if (!frame_open(&f, a, node)) return ig_fail(err, INGOT_E_NOMEM, "inferring types: no memory");
    frame_fill(&f, g, node);
    IG_TRY(ig_node_infer(node, f.in, f.known, f.out, err));
    for (uint32_t o = 0; o < node->n_out; o++)
        if (node->out[o] != IG_NO_VALUE) merge(&g->values[node->out[o]].type, &f.out[o]);
    return INGOT_OK;
}

ingot_status ig_infer_node(ig_graph *g, const ig_node *node, ig_heap *heap, ingot_error *err)
{
    ig_arena a;
    ig_arena_init(&a, heap);
    const ingot_status s = infer_node(g, node, &a, err);
    ig_arena_clear(&a);
    return s;
}

/* The types of what a node captures or feeds into its subgraphs are the op's business; the
 * subgraphs are inferred from what they declare. */
ingot_status ig_infer_graph(ig_graph *g, ig_heap *heap, ingot_error *err)
{
    ig_arena a;
    ig_arena_init(&a, heap);
    ingot_status s = INGOT_OK;
    for (size_t n = 0; !s && n < g->n_nodes; n++) {
        const ig_node *node = g->nodes[n];
        for (uint32_t k = 0; !s && k < node->n_sub; k++)
            s = ig_infer_graph(node->sub[k], heap, err);
        ig_arena_reset(&a);
        if (!s) s = infer_node(g, node, &a, err);
    }
    ig_arena_clear(&a);
    return s;
}
