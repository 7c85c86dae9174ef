/* pass_fold.c - constant folding: nodes whose inputs are all constants become constants.
 *
 * Quantised constants stay quantised in the first round: passes that compute in bytes look for
 * them. What is left of them is folded afterwards.
 *
 * A result that is much larger than what it is made from (a filled tensor, a tiled table) stays a
 * node: the file would grow for nothing. */
#include "runtime/graph/plan.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { SMALL_BYTES = 64 << 10, GROWTH = 4 };

typedef struct {
    ig_graph *g;
    ig_pass_context *c;
    ingot_error *err;
    const ig_tensor **in;
    ig_tensor *tensors;
    ig_tensor **out, *made;
    const ig_type **in_types;
    ig_type *out_types;
} folder;

static bool take_frame(folder *f, const ig_node *node)
{
    ig_arena *a = f->c->scratch;
    f->in = ig_new_n(a, const ig_tensor *, node->n_in);
    f->tensors = ig_new_n(a, ig_tensor, node->n_in);
    f->in_types = ig_new_n(a, const ig_type *, node->n_in);
    f->out = ig_new_n(a, ig_tensor *, node->n_out);
    f->made = ig_new_n(a, ig_tensor, node->n_out);
    f->out_types = ig_new_n(a, ig_type, node->n_out);
    return f->in && f->tensors && f->in_types && f->out && f->made && f->out_types;
}

/* All inputs are plain constants, or only their complete types matter. */
static bool foldable(const ig_graph *g, const ig_node *node)
{
    if (node->op->flags & IG_OP_RANDOM || node->n_sub) return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_value *v = ig_value_at(g, node->in[i]);
        if (!v) continue;
        const bool by_type = node->op->flags & IG_OP_TYPE_ONLY && ig_type_static(&v->type);
        if (!by_type && (!v->is_const || v->layout != IG_PLAIN)) return false;
    }
    return true;
}

static size_t bytes_of(const ig_tensor *t)
{
    return ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes;
}

/* Is the result small, or not much larger than the inputs? Told from types before anything is made.
 */
static bool fits(const folder *f, const ig_node *node)
{
    size_t in = 0;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (f->in[i] && f->in[i]->data) in += bytes_of(f->in[i]);
    for (uint32_t o = 0; o < node->n_out; o++) {
        size_t bytes;
        if (!ig_type_static(&f->out_types[o])) {
            if (!(node->op->flags & IG_OP_ALLOCATES)) return false;
            continue;
        }
        if (!ig_type_bytes(&f->out_types[o], &bytes)) return false;
        if (bytes > SMALL_BYTES && bytes / GROWTH > in) return false;
    }
    return true;
}

static void fill_frame(folder *f, const ig_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_value *v = ig_value_at(f->g, node->in[i]);
        if (!v) continue;
        f->tensors[i] = (ig_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(f->tensors[i].dims, v->type.dims, sizeof v->type.dims);
        f->tensors[i].data = (void *)(uintptr_t)v->data;
        f->in[i] = &f->tensors[i];
        f->in_types[i] = &v->type;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        f->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &f->made[o];
}

static ingot_status keep(folder *f, ig_id id, const ig_tensor *t)
{
    ig_tensor copy;
    if (!ig_tensor_copy(&copy, t, &f->g->arena))
        return ig_fail(f->err, INGOT_E_NOMEM, "folding: no memory");
    ig_value *v = &f->g->values[id];
    v->type = ig_type_of(&copy);
    v->data = copy.data;
    v->data_bytes = bytes_of(&copy);
    v->is_const = true;
    return INGOT_OK;
}

static ingot_status fold_node(folder *f, ig_node *node)
{
    ig_arena_reset(f->c->scratch);
    if (!take_frame(f, node)) return ig_fail(f->err, INGOT_E_NOMEM, "folding: no memory");
    fill_frame(f, node);
    const ig_tensor **known = f->in;
    IG_TRY(ig_node_infer(node, f->in_types, known, f->out_types, f->err));
    if (!fits(f, node)) return INGOT_OK;
    const ingot_status s = ig_node_evaluate(node, f->in, f->out, f->out_types, f->c->scratch, NULL,
                                            f->c->pool, f->err);
    if (s == INGOT_E_DATA || s == INGOT_E_FULL) return INGOT_OK; /* a branch that is never taken */
    if (s) return s;
    for (uint32_t o = 0; o < node->n_out; o++)
        if (f->out[o] && (f->made[o].kind != IG_TENSOR || f->made[o].absent)) return INGOT_OK;
    for (uint32_t o = 0; o < node->n_out; o++)
        if (f->out[o]) IG_TRY(keep(f, node->out[o], &f->made[o]));
    node->op = NULL;
    return INGOT_OK;
}

static ingot_status fold(ig_graph *g, ig_pass_context *c, bool quantised, ingot_error *err)
{
    folder f = {.g = g, .c = c, .err = err};
    ingot_status s = INGOT_OK;
    for (size_t n = 0; !s && n < g->n_nodes; n++) {
        if (!quantised && !strcmp(g->nodes[n]->op->name, "dequantize")) continue;
        if (foldable(g, g->nodes[n])) s = fold_node(&f, g->nodes[n]);
    }
    ig_graph_compact(g);
    return s;
}

ingot_status ig_pass_fold(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    return fold(g, c, false, err);
}

ingot_status ig_pass_fold_dequantized(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    return fold(g, c, true, err);
}
