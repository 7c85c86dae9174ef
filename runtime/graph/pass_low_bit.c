/* pass_low_bit.c - a product with constant weights of 4 or 8 bits that the graph dequantises
 * becomes matmul_q, which keeps them so in the file and in memory:
 *
 *     dequantize(constant), [transpose,] matmul -> matmul_q
 *
 * with the same bits: weights are widened as dequantize does, and added in matmul's order. Runs
 * before constants are dequantised (pass_fold.c). Small matrices stay for that: they gain nothing.
 */
#include "runtime/graph/low_bit.h"
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { SMALLEST = 1 << 14 /* weights */, B = 1, INPUTS = 4 };

static bool plain(const ig_value *v) { return v->is_const && v->layout == IG_PLAIN; }

static uint32_t bits_of(ingot_dtype d)
{
    if (d == INGOT_I4 || d == INGOT_U4) return 4;
    return d == INGOT_I8 || d == INGOT_U8 || d == INGOT_F8E4M3FN ? 8 : 0;
}

/* What a dequantize node and the product's reading of it say of the weights. */
typedef struct {
    const ig_node *dequantize;
    bool turned; /* memory has [n, k] */
} source;

/* The dequantize behind b, seen through a transpose of the matrix. */
static bool find_source(const ig_match *m, const ig_node *product, source *s)
{
    ig_id b = product->in[B];
    s->turned = ig_attr_int(product, "trans_b") != 0;
    const ig_node *t = ig_maker(m, b, "transpose", NULL);
    if (t) {
        const ig_ints perm = ig_attr_ints(t, "perm");
        if (m->g->values[t->in[0]].type.rank != 2 ||
            (perm.n && (perm.n != 2 || perm.v[0] != 1 || perm.v[1] != 0)) || !ig_only_reader(m, b))
            return false;
        s->turned = !s->turned;
        b = t->in[0];
    }
    s->dequantize = ig_maker(m, b, "dequantize", NULL);
    return s->dequantize && ig_only_reader(m, b);
}

static bool suits(const ig_graph *g, const ig_node *p, const source *s)
{
    const ig_node *d = s->dequantize;
    const ig_value *q = &g->values[d->in[0]], *scale = &g->values[d->in[1]];
    const ig_type *x = &g->values[p->in[0]].type;
    for (uint32_t i = 0; i < d->n_in; i++)
        if (d->in[i] != IG_NO_VALUE && !plain(&g->values[d->in[i]])) return false;
    return plain(q) && bits_of(q->type.dtype) && q->type.rank == 2 &&
           scale->type.dtype == INGOT_F32 && g->values[d->out[0]].type.dtype == INGOT_F32 &&
           x->dtype == INGOT_F32 && x->rank >= 1 && !ig_attr_int(p, "trans_a") &&
           ig_attr_double(p, "alpha") == 1 && q->type.dims[0] > 0 && q->type.dims[1] > 0 &&
           q->type.dims[0] >= SMALLEST / q->type.dims[1];
}

/* Strides of a table of scales of w, by its own shape: one, a vector along an axis, or blocks. */
static bool table_steps(const ig_type *t, const source *s, size_t *step_n, size_t *step_g,
                        size_t *group)
{
    const int rank = 2, k_axis = s->turned ? 1 : 0;
    int64_t axis = ig_attr_int(s->dequantize, "axis");
    const int64_t block = ig_attr_int(s->dequantize, "block_size");
    if (axis < 0) axis += rank;
    *step_n = *step_g = *group = 0;
    if (block) {
        if (t->rank != rank || axis != k_axis) return false;
        *group = (size_t)block;
        *step_n = s->turned ? (size_t)t->dims[1] : 1;
        *step_g = s->turned ? 1 : (size_t)t->dims[1];
        return true;
    }
    size_t count;
    if (!ig_type_elements(t, &count)) return false;
    if (count == 1) return true;
    if (t->rank != 1 || axis == k_axis) return false;
    *step_n = 1;
    return true;
}

/* 8-bit floats as they are; false: a NaN is among them, or a zero point that shifts them. */
static bool are_plain_f8(const ig_value *q, const ig_value *zero, size_t n)
{
    const uint8_t *code = q->data;
    size_t zeros = 0;
    if (zero && !ig_type_elements(&zero->type, &zeros)) return false;
    for (size_t i = 0; i < zeros; i++)
        if (ig_to_double(zero->data, zero->type.dtype, i) != 0) return false;
    for (size_t i = 0; i < n; i++)
        if ((code[i] & 0x7f) == 0x7f) return false;
    return true;
}

/* Unsigned bytes, and zeros as f32, in scratch. */
static bool widen(ig_arena *a, ig_low_bit *w, const ig_value *q, const ig_value *zero)
{
    const ingot_dtype d = q->type.dtype;
    const int64_t shift = d == INGOT_I4 ? 8 : d == INGOT_I8 ? 128 : 0;
    const size_t n = w->n * w->k;
    uint8_t *to = ig_new_n(a, uint8_t, n);
    for (size_t i = 0; to && i < n; i++) to[i] = (uint8_t)(ig_to_int(q->data, d, i) + shift);
    w->q = to;
    size_t count = 1;
    if (zero && !ig_type_elements(&zero->type, &count)) return false;
    float *zeros = ig_new_n(a, float, count);
    for (size_t i = 0; zeros && i < count; i++)
        zeros[i] = (float)((zero ? ig_to_int(zero->data, d, i) : 0) + shift);
    w->zero = zeros;
    return to && zeros;
}

/* false: no memory. */
static bool fuse(const ig_match *m, ig_pass_context *c, ig_node *p, const source *s)
{
    ig_graph *g = m->g;
    const ig_node *d = s->dequantize;
    const ig_value *q = &g->values[d->in[0]], *scale = &g->values[d->in[1]];
    const ig_value *zero = d->n_in > 2 ? ig_value_at(g, d->in[2]) : NULL;
    const size_t rows = (size_t)q->type.dims[0], cols = (size_t)q->type.dims[1];
    ig_low_bit w = {.bits = bits_of(q->type.dtype), .scale = scale->data};
    w.n = s->turned ? rows : cols;
    w.k = s->turned ? cols : rows;
    w.q_n = s->turned ? cols : 1;
    w.q_k = s->turned ? 1 : cols;
    if (!table_steps(&scale->type, s, &w.scale_n, &w.scale_g, &w.group)) return true;
    w.zero_n = zero ? w.scale_n : 0; /* they are shaped alike */
    w.zero_g = zero ? w.scale_g : 0;
    w.e4m3 = q->type.dtype == INGOT_F8E4M3FN;
    w.q = q->data;
    if (w.e4m3 && !are_plain_f8(q, zero, w.n * w.k)) return true;
    if (!w.e4m3 && !widen(c->scratch, &w, q, zero)) return false;
    const ig_q_format *f = ig_low_bit_format(&w);
    if (!f) return true;
    ig_id in[INPUTS] = {IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE};
    memcpy(in, p->in, IG_MIN(p->n_in, (uint32_t)INPUTS) * sizeof *in);
    const size_t n_in = p->n_in;
    const void *attrs = p->attrs;
    in[B] = ig_low_bit_pack(g, q->name, &w, f);
    return in[B] != IG_NO_VALUE && ig_become(g, p, "matmul_q", in, n_in) &&
           ig_take_attrs(g, p, ig_op_find("matmul"), attrs) &&
           ig_put_attr_int(g, p, "n", (int64_t)w.n) && ig_put_attr_int(g, p, "k", (int64_t)w.k) &&
           ig_put_attr_text(g, p, "format", f->name);
}

ingot_status ig_pass_low_bit(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    if (c->keep_plain) return INGOT_OK;
    bool ok = ig_match_open(&m, g, c->scratch);
    for (size_t i = 0; ok && i < g->n_nodes; i++) {
        source s;
        ig_node *n = g->nodes[i];
        if (ig_is(n, "matmul", NULL) && find_source(&m, n, &s) && suits(g, n, &s))
            ok = fuse(&m, c, n, &s);
    }
    return ok ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "keeping weights of few bits: no memory");
}
