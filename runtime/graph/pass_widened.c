/* pass_widened.c - constants of 4 and 8 bits that the graph widens by a cast and a product with
 * their scales, as some exporters write quantised weights, keep their bits in the file:
 *
 *     mul(cast(q), scale)              -> dequantize(q, scale), which pass_low_bit.c takes further
 *     gather(mul(cast(q), scale), i)   -> mul(cast(gather(q, i)), gather(scale, i))
 *
 * with the same bits. scale: one number, or one for each index of one axis. Runs before constants
 * are folded, which would widen them. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

enum { SMALLEST = 1 << 14 /* elements of a table that is gathered from */, NONE = -1 };

static bool plain(const ig_value *v) { return v->is_const && v->layout == IG_PLAIN && v->data; }

static bool low_bits(ingot_dtype d)
{
    return d == INGOT_I8 || d == INGOT_U8 || d == INGOT_I4 || d == INGOT_U4;
}

/* A product of widened weights and their scales. */
typedef struct {
    ig_id q, scale;
    int axis; /* of q that the scales belong to; NONE: there is one */
    const ig_type *type;
} widened;

/* The axis of q along which `scale` differs; false: there are several. */
static bool find_axis(const ig_type *q, const ig_type *scale, int *axis)
{
    const int shift = q->rank - scale->rank;
    *axis = NONE;
    if (shift < 0) return false;
    for (int i = 0; i < scale->rank; i++) {
        if (scale->dims[i] == 1) continue;
        if (*axis != NONE || scale->dims[i] != q->dims[i + shift]) return false;
        *axis = i + shift;
    }
    return true;
}

static bool find(const ig_match *m, const ig_node *n, widened *w)
{
    if (!ig_is(n, "binary", "mul")) return false;
    for (uint32_t side = 0; side < 2; side++) {
        const ig_node *cast = ig_maker(m, n->in[side], "cast", NULL);
        const ig_id other = n->in[1 - side];
        if (!cast || !ig_only_reader(m, n->in[side]) || ig_attr_int(cast, "to") != INGOT_F32)
            continue;
        const ig_value *q = &m->g->values[cast->in[0]], *scale = &m->g->values[other];
        *w = (widened){.q = cast->in[0], .scale = other, .type = &q->type};
        return plain(q) && low_bits(q->type.dtype) && plain(scale) &&
               scale->type.dtype == INGOT_F32 && find_axis(&q->type, &scale->type, &w->axis);
    }
    return false;
}

/* The scales in another shape; IG_NO_VALUE: no memory. */
static ig_id reshaped(ig_graph *g, ig_id scale, int rank, const int64_t *dims)
{
    const ig_value s = g->values[scale];
    return ig_graph_const(g, s.name, INGOT_F32, rank, dims, s.data);
}

static bool to_dequantize(ig_graph *g, ig_node *n, const widened *w)
{
    const int64_t count = w->axis == NONE ? 1 : w->type->dims[w->axis];
    const int axis = w->axis == NONE ? 0 : w->axis;
    const ig_id scale = reshaped(g, w->scale, w->axis == NONE ? 0 : 1, &count);
    return scale != IG_NO_VALUE && ig_become(g, n, "dequantize", (ig_id[]){w->q, scale}, 2) &&
           ig_put_attr_int(g, n, "axis", axis);
}

static ig_node *append(ig_graph *g, const char *op, const ig_id *in, size_t n_in)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    return out == IG_NO_VALUE ? NULL : ig_graph_node(g, ig_op_find(op), "", in, n_in, &out, 1, 0);
}

/* gather becomes the product of what is gathered; new nodes are sorted in later. */
static bool to_gathered(ig_graph *g, ig_node *gather, const widened *w)
{
    const ig_id index = gather->in[1];
    const int64_t column[] = {w->type->dims[0], 1}, *row = &w->type->dims[1];
    const ig_node *q = append(g, "gather", (ig_id[]){w->q, index}, 2);
    ig_node *cast = q ? append(g, "cast", q->out, 1) : NULL;
    ig_id scale = w->axis == 0 ? reshaped(g, w->scale, 2, column)
                               : reshaped(g, w->scale, w->axis == NONE ? 0 : 1, row);
    if (!cast || scale == IG_NO_VALUE || !ig_put_attr_int(g, cast, "to", INGOT_F32)) return false;
    if (w->axis == 0) {
        const ig_node *scales = append(g, "gather", (ig_id[]){scale, index}, 2);
        if (!scales) return false;
        scale = scales->out[0];
    }
    return ig_become(g, gather, "binary", (ig_id[]){cast->out[0], scale}, 2) &&
           ig_put_attr_text(g, gather, "fn", "mul");
}

/* The gather of rows that alone reads v. */
static ig_node *gather_of(const ig_match *m, ig_id v, const widened *w)
{
    ig_node *n = ig_only_reader(m, v);
    size_t size;
    return ig_is(n, "gather", NULL) && n->in[0] == v && ig_attr_int(n, "axis") == 0 &&
                   w->type->rank == 2 && ig_type_elements(w->type, &size) && size >= SMALLEST
               ? n
               : NULL;
}

ingot_status ig_pass_widened(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    if (c->keep_plain) return INGOT_OK;
    bool ok = ig_match_open(&m, g, c->scratch);
    const size_t n_nodes = g->n_nodes;
    for (size_t i = 0; ok && i < n_nodes; i++) {
        widened w;
        ig_node *n = g->nodes[i], *gather;
        if (!find(&m, n, &w)) continue;
        const ig_type type = *w.type; /* values move when there are more of them */
        w.type = &type;
        gather = gather_of(&m, n->out[0], &w);
        ok = gather ? to_gathered(g, gather, &w) : to_dequantize(g, n, &w);
    }
    if (!ok) return ig_fail(err, INGOT_E_NOMEM, "keeping weights of few bits: no memory");
    if (g->n_nodes > n_nodes) IG_TRY(ig_graph_sort(g, err));
    return ig_pass_dead(g, c, err); /* or folding would widen what is read no more */
}
