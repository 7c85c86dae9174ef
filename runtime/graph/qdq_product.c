/* qdq_product.c - convolutions and matrix products of quantised tensors, and the scaling behind
 * integer products. */
#include "runtime/graph/qdq.h"
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { A, B, A_ZERO, B_ZERO, SCALE, BIAS, Y_ZERO, INPUTS };

/* A product in f32 whose operands were dequantised. */
typedef struct {
    const ig_node *node; /* conv or matmul */
    const ig_op *op;     /* of the node, and its attributes: it may be the node that changes */
    const void *attrs;
    ig_quantised a;
    ig_id w, w_zero;      /* bytes of the right operand, [K, N] in a matmul */
    const float *w_scale; /* [n_scales]: 1, or one a column (output channel) */
    size_t n_scales;
    int64_t n;  /* columns; -1 not known */
    ig_id bias; /* f32 [n], or IG_NO_VALUE */
} product;

static const ig_node *maker(const ig_qdq *q, ig_id id)
{
    return id < q->m.n_values ? q->m.made_by[id] : NULL;
}

static bool plain_const(const ig_qdq *q, ig_id id)
{
    const ig_value *v = ig_value_at(q->g, id);
    return v && v->is_const && v->layout == IG_PLAIN;
}

/* ---- the right operand ---- */

/* Bytes [rows, cols] of a constant, turned. */
static ig_id turned(ig_qdq *q, ig_id id)
{
    const ig_value v = q->g->values[id];
    const int64_t rows = v.type.dims[0], cols = v.type.dims[1];
    const uint8_t *from = v.data;
    uint8_t *to = ig_arena_take(&q->g->arena, IG_MAX(v.data_bytes, (size_t)1));
    for (int64_t r = 0; to && r < rows; r++)
        for (int64_t c = 0; c < cols; c++) to[c * rows + r] = from[r * cols + c];
    const ig_id now =
        to ? ig_graph_const(q->g, v.name, v.type.dtype, 2, (int64_t[]){cols, rows}, to)
           : IG_NO_VALUE;
    if (now == IG_NO_VALUE) q->failed = true;
    return now;
}

/* Constant weights dequantised along `axis`, their output channels. */
static bool find_weights(const ig_qdq *q, ig_id id, int axis, product *p)
{
    const ig_node *d = ig_maker(&q->m, id, "dequantize", NULL);
    if (!d || !plain_const(q, d->in[0]) || !plain_const(q, d->in[1])) return false;
    const ig_value *w = &q->g->values[d->in[0]], *scale = &q->g->values[d->in[1]];
    if ((w->type.dtype != INGOT_U8 && w->type.dtype != INGOT_I8) ||
        scale->type.dtype != INGOT_F32 || ig_attr_int(d, "block_size") || axis >= w->type.rank)
        return false;
    if (q->g->values[id].type.dtype != INGOT_F32 || !ig_type_elements(&scale->type, &p->n_scales))
        return false;
    p->w = d->in[0];
    p->w_zero = d->n_in > 2 ? d->in[2] : IG_NO_VALUE;
    p->w_scale = scale->data;
    p->n = w->type.dims[axis];
    if (p->w_zero != IG_NO_VALUE && !plain_const(q, p->w_zero)) return false;
    if (p->n_scales == 1) return true;
    const int64_t along = ig_attr_int(d, "axis");
    return (along < 0 ? along + w->type.rank : along) == axis && (int64_t)p->n_scales == p->n;
}

static bool find_conv(ig_qdq *q, const ig_node *n, product *p)
{
    if (!ig_is(n, "conv", NULL) || n->n_in > 3 || strcmp(ig_attr_text(n, "act"), "none"))
        return false;
    p->bias = n->n_in > 2 ? n->in[2] : IG_NO_VALUE;
    return find_weights(q, n->in[1], 0, p);
}

static bool find_matmul(ig_qdq *q, const ig_node *n, product *p)
{
    ig_quantised b;
    if (!ig_is(n, "matmul", NULL) || n->n_in > 3 || strcmp(ig_attr_text(n, "act"), "none") ||
        ig_attr_int(n, "trans_a") || ig_attr_double(n, "alpha") != 1)
        return false;
    const bool turn = ig_attr_int(n, "trans_b");
    p->bias = n->n_in > 2 ? n->in[2] : IG_NO_VALUE;
    if (q->g->values[n->in[1]].type.rank == 2 && find_weights(q, n->in[1], turn ? 0 : 1, p))
        return true;
    if (turn || p->bias != IG_NO_VALUE || !ig_qdq_source(q, n->in[1], &b)) return false;
    float *scale = ig_arena_copy(&q->g->arena, &b.scale, sizeof b.scale);
    if (!scale) q->failed = true;
    p->w = b.q;
    p->w_zero = b.zero_id;
    p->w_scale = scale;
    p->n_scales = 1;
    p->n = -1;
    return scale != NULL;
}

/* Node n itself, or an addition of a constant vector behind a matmul that nobody else reads. */
static bool find_product(ig_qdq *q, const ig_node *n, product *p)
{
    *p = (product){.node = n, .bias = IG_NO_VALUE};
    if (!n || n->n_in < 2) return false;
    ig_id bias = IG_NO_VALUE;
    if (ig_is(n, "binary", "add"))
        for (int s = 0; s < 2; s++) {
            const ig_node *m = ig_maker(&q->m, n->in[s], "matmul", NULL);
            if (!m || m->n_in > 2 || ig_only_reader(&q->m, n->in[s]) != n) continue;
            p->node = m;
            bias = n->in[1 - s];
        }
    if (!ig_qdq_source(q, p->node->in[0], &p->a)) return false;
    if (!find_conv(q, p->node, p) && !find_matmul(q, p->node, p)) return false;
    if (bias != IG_NO_VALUE && p->n < 0) return false;
    if (bias != IG_NO_VALUE) p->bias = bias;
    p->op = p->node->op;
    p->attrs = p->node->attrs;
    return true;
}

/* ---- scale and bias ---- */

static ig_id constant_floats(ig_qdq *q, const float *v, size_t n)
{
    const int64_t dims = (int64_t)n;
    const ig_id id = ig_graph_const(q->g, "", INGOT_F32, n == 1 ? 0 : 1, &dims, v);
    if (id == IG_NO_VALUE) q->failed = true;
    return id;
}

/* sx sw / sy, in double and rounded once; sy = 1 for f32 results, whose product is rounded as a
 * graph of ops would. */
static ig_id make_scale(ig_qdq *q, const product *p, double sy)
{
    float *v = ig_new_n(&q->g->arena, float, p->n_scales);
    for (size_t i = 0; v && i < p->n_scales; i++)
        v[i] = (float)((double)p->a.scale * (double)p->w_scale[i] / sy);
    if (v) return constant_floats(q, v, p->n_scales);
    q->failed = true;
    return IG_NO_VALUE;
}

/* A bias of integers that is dequantised by sx sw: the integers. */
static bool integer_bias(const ig_qdq *q, const product *p, ig_id *ints)
{
    const ig_node *d = ig_maker(&q->m, p->bias, "dequantize", NULL);
    size_t n;
    if (!d || !plain_const(q, d->in[0]) || !plain_const(q, d->in[1]) ||
        ig_attr_int(d, "block_size"))
        return false;
    const ig_value *v = &q->g->values[d->in[0]], *s = &q->g->values[d->in[1]];
    if (v->type.dtype != INGOT_I32 || v->type.rank != 1 || v->type.dims[0] != p->n ||
        s->type.dtype != INGOT_F32 || !ig_type_elements(&s->type, &n) ||
        (n != 1 && (int64_t)n != p->n))
        return false;
    for (uint32_t i = 2; i < d->n_in; i++) {
        const ig_value *zero = ig_value_at(q->g, d->in[i]);
        if (!zero) continue;
        if (!zero->is_const || !ig_type_elements(&zero->type, &n)) return false;
        for (size_t k = 0; k < n; k++)
            if (ig_to_int(zero->data, zero->type.dtype, k)) return false;
    }
    const float *scale = s->data;
    ig_type_elements(&s->type, &n);
    for (int64_t i = 0; i < p->n; i++) {
        const double want = (double)p->a.scale * (double)p->w_scale[p->n_scales > 1 ? i : 0];
        if (fabs((double)scale[n > 1 ? i : 0] - want) > 1e-6 * want) return false;
    }
    *ints = d->in[0];
    return true;
}

/* The bias as f32 [n], dequantised if need be; NULL: it is not constant or has another shape. */
static const float *float_bias(ig_qdq *q, const product *p)
{
    const ig_node *d = ig_maker(&q->m, p->bias, "dequantize", NULL);
    if (!d) return ig_const_vector(&q->m, p->bias, p->n, 0);
    ig_tensor in[3], out = {0}, *result = &out;
    const ig_tensor *at[3] = {NULL};
    const ig_type *types[3] = {NULL};
    ig_type made;
    for (uint32_t i = 0; i < d->n_in; i++) {
        const ig_value *v = ig_value_at(q->g, d->in[i]);
        if (!v) continue;
        if (!v->is_const || v->layout != IG_PLAIN) return NULL;
        in[i] = (ig_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(in[i].dims, v->type.dims, sizeof in[i].dims);
        in[i].data = (void *)(uintptr_t)v->data;
        at[i] = &in[i];
        types[i] = &v->type;
    }
    if (ig_node_infer(d, types, at, &made, q->err) || made.rank != 1 || made.dims[0] != p->n ||
        made.dtype != INGOT_F32 ||
        ig_node_evaluate(d, at, &result, &made, q->c->scratch, NULL, q->c->pool, q->err))
        return NULL;
    return out.data;
}

/* The bias input: integers for byte results where the model has them, else bias / sy. false: it
 * cannot be had. */
static bool make_bias(ig_qdq *q, const product *p, double sy, bool bytes, ig_id *id)
{
    *id = IG_NO_VALUE;
    if (p->bias == IG_NO_VALUE || (bytes && integer_bias(q, p, id))) return true;
    const float *old = float_bias(q, p);
    if (!old) return false;
    float *v = ig_new_n(&q->g->arena, float, (size_t)p->n);
    for (int64_t i = 0; v && i < p->n; i++) v[i] = (float)((double)old[i] / sy);
    const int64_t dims = p->n;
    *id = v ? ig_graph_const(q->g, "", INGOT_F32, 1, &dims, v) : IG_NO_VALUE;
    if (*id == IG_NO_VALUE) q->failed = true;
    return true;
}

/* ---- fusing ---- */

/* Node n becomes the integer form of p; to: its quantisation, or NULL: f32. */
static bool fuse(ig_qdq *q, ig_node *n, const product *p, const ig_quantised *to,
                 const ig_qdq_range *r)
{
    const double sy = to ? (double)to->scale : 1;
    const bool conv = !strcmp(p->op->name, "conv");
    ig_id in[INPUTS] = {p->a.q, p->w, p->a.zero_id, p->w_zero};
    in[Y_ZERO] = IG_NO_VALUE;
    if (!make_bias(q, p, sy, to != NULL, &in[BIAS])) return false;
    in[SCALE] = make_scale(q, p, sy);
    if (!conv && p->n >= 0 && ig_attr_int(p->node, "trans_b")) in[B] = turned(q, p->w);
    if (to && to->zero_id != IG_NO_VALUE) in[Y_ZERO] = to->zero_id;
    if (to && to->zero_id == IG_NO_VALUE) {
        in[Y_ZERO] = ig_graph_const_copy(q->g, "", to->dtype, 0, NULL, &(uint8_t){0});
        if (in[Y_ZERO] == IG_NO_VALUE) q->failed = true;
    }
    size_t count = INPUTS;
    while (in[count - 1] == IG_NO_VALUE) count--;
    if (q->failed || !ig_become(q->g, n, conv ? "conv_integer" : "matmul_integer", in, count) ||
        (conv && !ig_take_attrs(q->g, n, p->op, p->attrs)) ||
        (r &&
         (!ig_put_attr_int(q->g, n, "low", r->low) || !ig_put_attr_int(q->g, n, "high", r->high))))
        q->failed = true;
    return true;
}

bool ig_qdq_product(ig_qdq *q, ig_node *n, const ig_quantised *to, ig_id v, const ig_qdq_range *r)
{
    product p;
    return find_product(q, maker(q, v), &p) && fuse(q, n, &p, to, r);
}

bool ig_qdq_product_to_f32(ig_qdq *q, ig_node *n)
{
    product p;
    return find_product(q, n, &p) && fuse(q, n, &p, NULL, NULL);
}

/* ---- dynamic quantisation ---- */

/* An integer product without scale, cast to f32: the product. */
static const ig_node *cast_product(const ig_qdq *q, ig_id id)
{
    const ig_node *cast = ig_maker(&q->m, id, "cast", NULL);
    if (!cast || q->g->values[id].type.dtype != INGOT_F32 || !ig_only_reader(&q->m, id) ||
        !ig_only_reader(&q->m, cast->in[0]))
        return NULL;
    const ig_node *p = maker(q, cast->in[0]);
    if (!ig_is(p, "matmul_integer", NULL) && !ig_is(p, "conv_integer", NULL)) return NULL;
    return p->n_in > SCALE ? NULL : p;
}

/* n = p with one more input; the others and the attributes are p's. */
static bool extend(ig_qdq *q, ig_node *n, const ig_node *p, uint32_t slot, ig_id id)
{
    ig_id in[INPUTS];
    const ig_op *op = p->op;
    const void *attrs = p->attrs;
    for (uint32_t i = 0; i < slot; i++) in[i] = i < p->n_in ? p->in[i] : IG_NO_VALUE;
    in[slot] = id;
    if (!ig_become(q->g, n, op->name, in, slot + 1) || !ig_take_attrs(q->g, n, op, attrs))
        q->failed = true;
    return true;
}

static int64_t columns(const ig_qdq *q, const ig_node *p)
{
    const ig_type *w = &q->g->values[p->in[B]].type;
    if (w->rank < 2) return -1;
    return w->dims[ig_is(p, "conv_integer", NULL) ? 0 : w->rank - 1];
}

bool ig_qdq_dynamic(ig_qdq *q, ig_node *n)
{
    if (!ig_is(n, "binary", NULL)) return false;
    const bool mul = ig_is(n, "binary", "mul"), add = ig_is(n, "binary", "add");
    for (int s = 0; s < 2 && (mul || add); s++) {
        const ig_id other = n->in[1 - s];
        const ig_node *p = mul ? cast_product(q, n->in[s]) : maker(q, n->in[s]);
        if (!p || other == IG_NO_VALUE || q->g->values[other].type.dtype != INGOT_F32) continue;
        const bool conv = ig_is(p, "conv_integer", NULL);
        if (!conv && !ig_is(p, "matmul_integer", NULL)) continue;
        const ig_type *t = &q->g->values[other].type;
        const int64_t cols = columns(q, p);
        size_t count;
        if (mul) { /* one scale, or one a column of a matrix */
            if (!ig_type_elements(t, &count) || (count != 1 && (conv || (int64_t)count != cols)) ||
                t->rank > 1)
                continue;
            return extend(q, n, p, SCALE, other);
        }
        const int rank = q->g->values[n->out[0]].type.rank;
        if (p->n_in != SCALE + 1 || !ig_only_reader(&q->m, n->in[s]) || cols <= 0 || rank < 2 ||
            q->g->values[n->in[s]].type.dtype != INGOT_F32)
            continue;
        const float *v = ig_const_vector(&q->m, other, cols, conv ? rank - 2 : 0);
        if (!v || t->rank > rank) continue;
        const ig_id bias = ig_graph_const(q->g, "", INGOT_F32, 1, &cols, v);
        if (bias == IG_NO_VALUE) {
            q->failed = true;
            return true;
        }
        return extend(q, n, p, BIAS, bias);
    }
    return false;
}
