/* qdq_move.c - bytes are moved as bytes; and elementwise ops of two quantised tensors. */
#include "runtime/graph/qdq.h"
#include "runtime/base/checked.h"

#include <string.h>

/* Ops whose results are elements of input 0, in some order and number. The largest one of some is
 * such an element too, for a scale is positive. */
static bool is_move(const ig_node *n)
{
    static const char *const names[] = {
        "reshape", "transpose", "flatten", "squeeze",        "unsqueeze", "slice",         "expand",
        "tile",    "gather",    "split",   "depth_to_space", "identity",  "space_to_depth"};
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (ig_is(n, names[i], NULL)) return true;
    if (ig_is(n, "pool", "max")) return n->n_out == 1 || n->out[1] == IG_NO_VALUE;
    return ig_is(n, "resize", NULL) && !strcmp(ig_attr_text(n, "mode"), "nearest") &&
           strcmp(ig_attr_text(n, "coordinate_transformation_mode"), "tf_crop_and_resize");
}

/* All inputs of a concatenation are bytes of one kind. */
static bool is_join(const ig_qdq *q, const ig_node *n, const ig_quantised *first)
{
    ig_quantised other;
    if (!ig_is(n, "concat", NULL)) return false;
    for (uint32_t i = 1; i < n->n_in; i++)
        if (!ig_qdq_source(q, n->in[i], &other) || !ig_qdq_same(first, &other)) return false;
    return true;
}

/* Output o of n becomes bytes, dequantised to the value that it was. */
static bool dequantise(ig_qdq *q, ig_node *n, uint32_t o, const ig_node *like, ingot_dtype dtype)
{
    const ig_id old = n->out[o];
    ig_type type = q->g->values[old].type;
    type.dtype = dtype;
    const ig_id bytes = ig_graph_value(q->g, "", &type);
    const ig_id in[3] = {bytes, like->in[1], like->n_in > 2 ? like->in[2] : IG_NO_VALUE};
    ig_node *now = bytes == IG_NO_VALUE
                       ? NULL
                       : ig_graph_node(q->g, like->op, like->name, in, like->n_in, &old, 1, 0);
    if (!now) return false;
    memcpy(now->attrs, like->attrs, like->op->attrs_bytes);
    n->out[o] = bytes;
    q->m.made_by[old] = now;
    return true;
}

bool ig_qdq_move(ig_qdq *q, ig_node *n)
{
    ig_quantised from;
    if (n->n_in == 0 || n->n_sub || !ig_qdq_source(q, n->in[0], &from)) return false;
    const bool join = is_join(q, n, &from);
    if (!join && !is_move(n)) return false;
    const ig_node *like = q->m.made_by[n->in[0]];
    for (uint32_t i = 0; i < (join ? n->n_in : 1); i++) {
        ig_quantised each;
        ig_qdq_source(q, n->in[i], &each);
        n->in[i] = each.q;
    }
    for (uint32_t o = 0; o < n->n_out && !q->failed; o++)
        if (n->out[o] != IG_NO_VALUE && !dequantise(q, n, o, like, from.dtype)) q->failed = true;
    return true;
}

/* ---- elementwise ---- */

static bool put_operand(ig_qdq *q, ig_node *n, const char *scale, const char *zero,
                        const ig_quantised *from)
{
    return ig_put_attr_double(q->g, n, scale, (double)from->scale) &&
           ig_put_attr_int(q->g, n, zero, from->zero);
}

bool ig_qdq_binary(ig_qdq *q, ig_node *n, const ig_quantised *to, ig_id v, const ig_qdq_range *r)
{
    static const char *const fns[] = {"add", "sub", "mul"};
    const ig_node *f = ig_maker(&q->m, v, "binary", NULL);
    const char *fn = NULL;
    ig_quantised a, b;
    if (!f || !ig_qdq_source(q, f->in[0], &a) || !ig_qdq_source(q, f->in[1], &b)) return false;
    for (size_t i = 0; i < IG_LEN(fns); i++)
        if (ig_is(f, "binary", fns[i])) fn = fns[i];
    if (!fn) return false;
    if (!ig_become(q->g, n, "binary_i8", (ig_id[]){a.q, b.q}, 2) ||
        !ig_put_attr_text(q->g, n, "fn", fn) || !put_operand(q, n, "a_scale", "a_zero", &a) ||
        !put_operand(q, n, "b_scale", "b_zero", &b) ||
        !put_operand(q, n, "y_scale", "y_zero", to) ||
        !ig_put_attr_int(q->g, n, "dtype", to->dtype) || !ig_put_attr_int(q->g, n, "low", r->low) ||
        !ig_put_attr_int(q->g, n, "high", r->high))
        q->failed = true;
    return true;
}
