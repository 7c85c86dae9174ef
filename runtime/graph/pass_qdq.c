/* pass_qdq.c - computing in bytes where a model says so: quantize and dequantize nodes around an op
 * (QDQ form) become one op from bytes to bytes, and integer products take over the scaling that
 * follows them (the form of dynamic quantisation).
 *
 *     dequantize, reshape / transpose / concat / max pool ..   the bytes are moved
 *     dequantize, conv or matmul, [relu, clip,] quantize        conv_integer, matmul_integer
 *     dequantize, add or mul, [relu, clip,] quantize            binary_i8
 *     dequantize, any function of one element, quantize         byte_table
 *     matmul_integer, cast, mul, add                            matmul_integer with scale and bias
 *
 * Results: moves, tables and binary_i8 have the bits of the ops that they replace, and so has a
 * scaled integer product. A convolution or product is exact where the f32 one that it replaces
 * rounds: acc * (sx sw / sy) + bias / sy, with an exact acc and each operation rounded once. The
 * two differ by one step of the result where the real value is within the f32 errors of a tie.
 *
 * Runs before constants are dequantised (pass_fold.c), which would widen the weights. */
#include "runtime/graph/qdq.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

static bool is_byte(ingot_dtype d) { return d == INGOT_U8 || d == INGOT_I8; }

/* Scale and zero point of a quantize or dequantize node: constants, one each. */
static bool constants(const ig_qdq *q, const ig_node *n, ig_quantised *out)
{
    double scale, zero = 0;
    out->zero_id = n->n_in > 2 ? n->in[2] : IG_NO_VALUE;
    if (!ig_scalar(&q->m, n->in[1], &scale) || q->g->values[n->in[1]].type.dtype != INGOT_F32)
        return false;
    if (out->zero_id != IG_NO_VALUE && !ig_scalar(&q->m, out->zero_id, &zero)) return false;
    out->scale = (float)scale;
    out->zero = (int32_t)zero;
    return isfinite(out->scale) && out->scale > 0 && ig_attr_int(n, "block_size") == 0;
}

bool ig_qdq_source(const ig_qdq *q, ig_id id, ig_quantised *out)
{
    const ig_node *n = ig_maker(&q->m, id, "dequantize", NULL);
    if (!n || q->g->values[id].type.dtype != INGOT_F32) return false;
    out->q = n->in[0];
    out->dtype = q->g->values[n->in[0]].type.dtype;
    return is_byte(out->dtype) && constants(q, n, out);
}

bool ig_qdq_target(const ig_qdq *q, const ig_node *n, ig_quantised *out)
{
    if (!ig_is(n, "quantize", NULL) || q->g->values[n->in[0]].type.dtype != INGOT_F32) return false;
    const int64_t precision = ig_attr_int(n, "precision");
    out->q = n->out[0];
    out->dtype = q->g->values[n->out[0]].type.dtype;
    return is_byte(out->dtype) && (!precision || precision == INGOT_F32) && constants(q, n, out);
}

bool ig_qdq_same(const ig_quantised *a, const ig_quantised *b)
{
    return a->dtype == b->dtype && a->scale == b->scale && a->zero == b->zero;
}

/* ---- ranges ---- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* v as quantize rounds it. */
static int64_t quantised(const ig_quantised *to, double v)
{
    const int64_t least = to->dtype == INGOT_I8 ? -128 : 0;
    const float r = rintf((float)v / to->scale);
    if (!(r > (float)(least - to->zero))) return least;
    if (r >= (float)(least + 255 - to->zero)) return least + 255;
    return (int64_t)r + to->zero;
}

/* n is a relu or clip between constants. */
static bool limits(const ig_qdq *q, const ig_node *n, double *low, double *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    if (ig_is(n, "unary", "relu")) {
        *low = 0;
        return true;
    }
    if (!ig_is(n, "clip", NULL)) return false;
    const bool has_low = n->n_in > 1 && n->in[1] != IG_NO_VALUE;
    const bool has_high = n->n_in > 2 && n->in[2] != IG_NO_VALUE;
    return (!has_low || ig_scalar(&q->m, n->in[1], low)) &&
           (!has_high || ig_scalar(&q->m, n->in[2], high)) && *low <= *high;
}

/* Up from value v through relus and clips that nobody else reads: rounding keeps order, so they may
 * come after it. A clip of a clip is a clip between the clipped limits. */
static ig_id through_clips(const ig_qdq *q, ig_id v, const ig_quantised *to, ig_qdq_range *r)
{
    const int64_t least = to->dtype == INGOT_I8 ? -128 : 0;
    *r = (ig_qdq_range){least, least + 255};
    while (v < q->m.n_values && q->m.made_by[v] && ig_only_reader(&q->m, v)) {
        const ig_node *n = q->m.made_by[v];
        double low, high;
        if (!limits(q, n, &low, &high)) return v;
        const ig_qdq_range inner = {clamp(quantised(to, low), r->low, r->high),
                                    clamp(quantised(to, high), r->low, r->high)};
        *r = inner;
        v = n->in[0];
    }
    return v;
}

/* ---- the pass ---- */

/* The bytes are there already. */
static bool is_output(const ig_graph *g, ig_id id)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == id) return true;
    return false;
}

static bool forward(ig_qdq *q, ig_node *n, const ig_quantised *from)
{
    if (is_output(q->g, n->out[0])) {
        if (!ig_become(q->g, n, "identity", &from->q, 1)) q->failed = true;
        return true;
    }
    ig_graph_replace(q->g, n->out[0], from->q);
    n->op = NULL;
    return true;
}

static void fuse_quantize(ig_qdq *q, ig_node *n)
{
    ig_quantised to, from;
    ig_qdq_range range;
    if (!ig_qdq_target(q, n, &to)) return;
    if (ig_qdq_source(q, n->in[0], &from) && ig_qdq_same(&from, &to)) {
        forward(q, n, &from);
        return;
    }
    const ig_id v = through_clips(q, n->in[0], &to, &range);
    if (ig_only_reader(&q->m, v) &&
        (ig_qdq_product(q, n, &to, v, &range) || ig_qdq_binary(q, n, &to, v, &range)))
        return;
    if (!ig_qdq_table(q, n, &to)) ig_qdq_concat(q, n, &to);
}

static bool any_quantised(const ig_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        if (ig_is(g->nodes[i], "dequantize", NULL) || ig_is(g->nodes[i], "matmul_integer", NULL) ||
            ig_is(g->nodes[i], "conv_integer", NULL))
            return true;
    return false;
}

/* A walk of its own, because a node changes what the next ones find. */
static bool walk(ig_qdq *q, void (*visit)(ig_qdq *q, ig_node *n))
{
    ig_arena_reset(q->c->scratch);
    if (!ig_match_open(&q->m, q->g, q->c->scratch)) return false;
    const size_t n = q->g->n_nodes; /* nodes that are appended meanwhile are not visited */
    for (size_t i = 0; i < n && !q->failed; i++)
        if (q->g->nodes[i]->op) visit(q, q->g->nodes[i]);
    ig_graph_compact(q->g);
    return !q->failed;
}

static void move(ig_qdq *q, ig_node *n) { ig_qdq_move(q, n); }
static void product_to_f32(ig_qdq *q, ig_node *n) { ig_qdq_product_to_f32(q, n); }
static void dynamic(ig_qdq *q, ig_node *n) { ig_qdq_dynamic(q, n); }

ingot_status ig_pass_qdq(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_qdq q = {.g = g, .c = c, .err = err};
    if (!any_quantised(g)) return INGOT_OK;
    if (!walk(&q, move)) return ig_fail(err, INGOT_E_NOMEM, "fusing quantisation: no memory");
    IG_TRY(ig_graph_sort(g, err));
    IG_TRY(ig_infer_graph(g, c->heap, err));
    bool ok = walk(&q, fuse_quantize);
    if (ok) IG_TRY(ig_graph_sort(g, err));
    if (ok) IG_TRY(ig_pass_dead(g, c, err)); /* products that were fused are no readers any more */
    ok = ok && walk(&q, product_to_f32) && walk(&q, dynamic);
    if (!ok) return ig_fail(err, INGOT_E_NOMEM, "fusing quantisation: no memory");
    return ig_graph_sort(g, err);
}
