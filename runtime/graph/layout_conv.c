/* layout_conv.c - convolutions and pools in NHWC, with their weights packed as the kernels read
 * them. */
#include "runtime/graph/layout.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { INTEGER_INPUTS = 7 }; /* conv_integer's most */

typedef struct {
    int64_t groups, m, c; /* output channels, input channels of a group */
    int64_t kh, kw;
} conv_shape;

/* A 2-D f32 convolution with constant weights and, if any, constant bias. */
static bool eligible(const ig_layouting *l, const ig_node *n, conv_shape *s)
{
    const ig_graph *g = l->g;
    if (!ig_is(n, "conv", NULL) || !ig_is_image(g, n->in[0]) || !ig_is_image(g, n->out[0]))
        return false;
    const ig_value *w = ig_value_at(g, n->in[1]);
    if (!w->is_const || w->layout != IG_PLAIN || w->type.dtype != INGOT_F32 || w->type.rank != 4)
        return false;
    const ig_value *b = n->n_in > 2 ? ig_value_at(g, n->in[2]) : NULL;
    if (b && (!b->is_const || b->type.dtype != INGOT_F32)) return false;
    *s = (conv_shape){ig_attr_int(n, "group"), w->type.dims[0], w->type.dims[1], w->type.dims[2],
                      w->type.dims[3]};
    return s->groups > 0 && s->m > 0 && s->c > 0 && s->kh > 0 && s->kw > 0 && s->m % s->groups == 0;
}

static bool depthwise(const conv_shape *s) { return s->c == 1 && s->m == s->groups && s->m > 1; }

/* [M, 1, kh, kw] to [kh * kw, M]. */
static ig_id depthwise_weights(ig_graph *g, const ig_value *w, const conv_shape *s)
{
    const size_t taps = (size_t)(s->kh * s->kw), m = (size_t)s->m;
    float *now = ig_arena_take(&g->arena, w->data_bytes);
    const float *old = w->data;
    if (!now) return IG_NO_VALUE;
    for (size_t c = 0; c < m; c++)
        for (size_t t = 0; t < taps; t++) now[t * m + c] = old[c * taps + t];
    return ig_graph_const(g, w->name, INGOT_F32, 2, (int64_t[]){s->kh * s->kw, s->m}, now);
}

/* One group's [M/G, C, kh, kw] to B [kh * kw * C, M/G]. */
static void unroll(float *b, const float *w, const conv_shape *s)
{
    const size_t taps = (size_t)(s->kh * s->kw), c = (size_t)s->c, n = (size_t)(s->m / s->groups);
    for (size_t o = 0; o < n; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t t = 0; t < taps; t++) b[(t * c + i) * n + o] = w[(o * c + i) * taps + t];
}

/* [M, C, kh, kw] to [G, kh * kw * C, M/G], in panels or plain. */
static ig_id dense_weights(ig_layouting *l, const ig_value *w, const conv_shape *s, bool pack)
{
    ig_graph *g = l->g;
    const size_t k = (size_t)(s->kh * s->kw * s->c), n = (size_t)(s->m / s->groups);
    const ig_type type =
        ig_type_tensor(INGOT_F32, 3, (int64_t[]){s->groups, (int64_t)k, (int64_t)n});
    const ig_layout layout = pack ? IG_P16 : IG_PLAIN;
    const size_t each = pack ? ig_gemm_packed(k, n) : k * n;
    size_t bytes;
    if (!ig_layout_bytes(&type, layout, &bytes)) return IG_NO_VALUE;
    float *now = ig_arena_take(&g->arena, bytes);
    float *b = pack ? ig_take(g->arena.heap, k * n * sizeof *b) : NULL;
    for (size_t i = 0; now && (b || !pack) && i < (size_t)s->groups; i++) {
        unroll(pack ? b : now + i * each, (const float *)w->data + i * k * n, s);
        if (pack) ig_gemm_pack_f32()(now + i * each, b, k, n, n, 1, 0, ig_gemm_panels(n));
    }
    const bool ok = now && (b || !pack);
    if (b) ig_give(g->arena.heap, b, k * n * sizeof *b);
    const ig_id id = ok ? ig_graph_value(g, w->name, &type) : IG_NO_VALUE;
    if (id == IG_NO_VALUE) return id;
    g->values[id].data = now;
    g->values[id].data_bytes = bytes;
    g->values[id].layout = layout;
    g->values[id].is_const = true;
    return id;
}

static bool convert_conv(ig_layouting *l, const ig_node *n, const conv_shape *s, bool pack)
{
    ig_id in[4] = {IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE};
    const ig_value w = l->g->values[n->in[1]];
    in[0] = ig_twin(l, n->in[0]);
    in[1] = depthwise(s) ? depthwise_weights(l->g, &w, s) : dense_weights(l, &w, s, pack);
    if (in[1] == IG_NO_VALUE) l->failed = true;
    if (n->n_in > 2) in[2] = n->in[2];
    if (n->n_in > 3 && n->in[3] != IG_NO_VALUE) in[3] = ig_twin(l, n->in[3]);
    size_t n_in = 4;
    while (in[n_in - 1] == IG_NO_VALUE && n_in > 2) n_in--;
    const ig_id out = ig_twin_new(l, n->out[0]);
    ig_node *now = l->failed ? NULL : ig_layout_node(l, "conv_nhwc", n->name, in, n_in, out);
    if (!now || !ig_take_attrs(l->g, now, n->op, n->attrs) ||
        !ig_put_attr_ints(l->g, now, "kernel_shape", (int64_t[]){s->kh, s->kw}, 2))
        l->failed = true;
    return true;
}

static bool convert_pool(ig_layouting *l, const ig_node *n)
{
    const bool indices = n->n_out > 1 && n->out[1] != IG_NO_VALUE;
    const ingot_dtype dtype = l->g->values[n->in[0]].type.dtype;
    const bool bytes = (dtype == INGOT_U8 || dtype == INGOT_I8) && ig_is(n, "pool", "max");
    if (!ig_is(n, "pool", NULL) || ig_is(n, "pool", "lp") || indices || !ig_has_twin(l, n->in[0]) ||
        (dtype != INGOT_F32 && !bytes))
        return false;
    const ig_id in = ig_twin(l, n->in[0]), out = ig_twin_new(l, n->out[0]);
    ig_node *now = l->failed ? NULL : ig_layout_node(l, "pool_nhwc", n->name, &in, 1, out);
    if (!now || !ig_take_attrs(l->g, now, n->op, n->attrs)) l->failed = true;
    return true;
}

/* Convolutions of bytes take their weights as they are: bind packs them. */
static bool convert_integer(ig_layouting *l, const ig_node *n)
{
    const ig_graph *g = l->g;
    if (!ig_is(n, "conv_integer", NULL) || !ig_is_image(g, n->in[0]) ||
        !ig_is_image(g, n->out[0]) || ig_attr_int(n, "channels_last"))
        return false;
    ig_id in[INTEGER_INPUTS];
    for (uint32_t i = 0; i < n->n_in; i++) {
        in[i] = n->in[i];
        if (i > 0 && in[i] != IG_NO_VALUE) ig_need_plain(l, in[i]);
    }
    in[0] = ig_twin(l, n->in[0]);
    const ig_id out = ig_twin_new(l, n->out[0]);
    ig_node *now = l->failed ? NULL : ig_layout_copy(l, n, in, n->n_in, &out, 1);
    if (!now || !ig_put_attr_int(l->g, now, "channels_last", 1)) l->failed = true;
    return true;
}

bool ig_layout_conv(ig_layouting *l, const ig_node *n, bool pack)
{
    conv_shape s;
    if (convert_integer(l, n)) return true;
    if (eligible(l, n, &s)) return convert_conv(l, n, &s, pack);
    return convert_pool(l, n);
}
