/* map_contrib.c - ops of the domain com.microsoft, which ONNX Runtime's optimiser puts in place of
 * ONNX's own. Each becomes the plain ops that it stands for; passes fuse them again. */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

#include <string.h>

static ig_id given(const ig_onnx_node *n, uint32_t i)
{
    return onnx_given(n, i) ? n->in[i] : IG_NO_VALUE;
}

static ig_id out_or_new(ig_import *c, const ig_onnx_node *n, uint32_t i)
{
    if (i < n->n_out && n->out[i] != IG_NO_VALUE) return n->out[i];
    return c->status ? IG_NO_VALUE : ig_graph_value(c->g, "", NULL);
}

static ig_id with_fn(ig_import *c, ig_id y, const char *fn)
{
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static ig_id binary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id a, ig_id b)
{
    return with_fn(c, ig_emit_new(c, n, "binary", 2, a, b), fn);
}

/* x + more, or x where there is no more. */
static ig_id plus(ig_import *c, const ig_onnx_node *n, ig_id x, ig_id more)
{
    return more == IG_NO_VALUE ? x : binary(c, n, "add", x, more);
}

static ig_id cast(ig_import *c, const ig_onnx_node *n, ig_id x, ingot_dtype to)
{
    const ig_id y = ig_emit_new(c, n, "cast", 1, x);
    ig_set_int(c, ig_emit_last(c), "to", to);
    return y;
}

static ig_id unsqueezed(ig_import *c, const ig_onnx_node *n, ig_id x, const int64_t *axes, size_t k)
{
    return ig_emit_new(c, n, "unsqueeze", 2, x, ig_emit_ints(c, axes, k));
}

/* ---- activations, products ---- */

static ingot_status map_gelu(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const ig_id x = plus(c, n, n->in[0], given(n, 1));
    ig_node *node = ig_emit_to(c, n, n->out[0], "unary", 1, x);
    ig_set_text(c, node, "fn", fn);
    if (!strcmp(fn, "swish")) ig_set_float(c, node, "alpha", onnx_float(c, n, "alpha", 1.702));
    return c->status;
}

static ingot_status map_fused_matmul(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    if (onnx_int(c, n, "transBatchA", 0) || onnx_int(c, n, "transBatchB", 0))
        return ig_onnx_fail(c, n, "transBatchA and transBatchB are not supported");
    ig_node *node = ig_emit(c, n, "matmul", n->in, 2, n->out, 1);
    ig_set_int(c, node, "trans_a", onnx_int(c, n, "transA", 0) != 0);
    ig_set_int(c, node, "trans_b", onnx_int(c, n, "transB", 0) != 0);
    ig_set_float(c, node, "alpha", onnx_float(c, n, "alpha", 1));
    return c->status;
}

/* ONNX's name of an activation, ours, and how many parameters it has. */
static const struct {
    const char *onnx, *ours;
    size_t n;
} acts[] = {{"Relu", "relu", 0}, {"Sigmoid", "sigmoid", 0},
            {"Tanh", "tanh", 0}, {"LeakyRelu", "leaky_relu", 1},
            {"Clip", "clip", 2}, {"HardSigmoid", "hard_sigmoid", 2}};

static ingot_status map_fused_conv(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const lists[] = {"kernel_shape", "strides", "dilations", "pads"};
    const char *act = onnx_text(c, n, "activation", "");
    const ig_floats p = onnx_floats(c, n, "activation_params");
    size_t a = 0;
    while (act && *act && a < IG_LEN(acts) && strcmp(acts[a].onnx, act)) a++;
    if (!act || a == IG_LEN(acts) || (*act && p.n < acts[a].n))
        return ig_onnx_fail(c, n, "activation %.40s with %zu parameters", act ? act : "", p.n);
    ig_node *node = ig_emit(c, n, "conv", n->in, n->n_in, n->out, 1);
    for (size_t i = 0; i < IG_LEN(lists); i++) {
        const ig_ints v = onnx_ints(c, n, lists[i]);
        if (v.n) ig_set_ints(c, node, lists[i], v.v, v.n);
    }
    ig_set_int(c, node, "group", onnx_int(c, n, "group", 1));
    ig_set_text(c, node, "auto_pad", onnx_text(c, n, "auto_pad", "NOTSET"));
    if (!*act) return c->status;
    ig_set_text(c, node, "act", acts[a].ours);
    if (acts[a].n > 0) ig_set_float(c, node, "act_a", (double)p.v[0]);
    if (acts[a].n > 1) ig_set_float(c, node, "act_b", (double)p.v[1]);
    return c->status;
}

/* ---- normalisation ---- */

/* sum -> n's outputs 0 .. 2; gamma and beta are given. */
static void norm(ig_import *c, const ig_onnx_node *n, const char *op, ig_id x, ig_id gamma,
                 ig_id beta, double eps)
{
    const bool layer = !strcmp(op, "layer_norm");
    const ig_id in[3] = {x, gamma, beta};
    for (uint32_t i = 1; i < 3 && i < n->n_out && !layer; i++)
        if (n->out[i] != IG_NO_VALUE) ig_onnx_fail(c, n, "its output %u is not supported", i);
    ig_node *node = ig_emit(c, n, op, in, 3, n->out, layer ? IG_MIN(n->n_out, 3u) : 1);
    ig_set_float(c, node, "epsilon", onnx_float(c, n, "epsilon", eps));
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", -1));
}

static ingot_status map_rms(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    norm(c, n, "rms_norm", n->in[0], given(n, 1), IG_NO_VALUE, 1e-5);
    return c->status;
}

/* input, skip, gamma, then beta (layer norm only) and a bias; output 3 is the sum. */
static ingot_status map_skip_norm(ig_import *c, const ig_onnx_node *n, const char *op)
{
    const bool layer = !strcmp(op, "layer_norm");
    const ig_id bias = given(n, layer ? 4 : 3);
    const ig_id first = bias == IG_NO_VALUE ? n->in[0] : binary(c, n, "add", n->in[0], bias);
    const ig_id sum = out_or_new(c, n, 3);
    ig_set_text(c, ig_emit_to(c, n, sum, "binary", 2, first, given(n, 1)), "fn", "add");
    norm(c, n, op, sum, given(n, 2), layer ? given(n, 3) : IG_NO_VALUE, 1e-12);
    return c->status;
}

/* The first rows of a table, as many as ids [B, T] has columns. */
static ig_id first_rows(ig_import *c, const ig_onnx_node *n, ig_id table, ig_id ids)
{
    const int64_t zero = 0;
    const ig_id tokens = ig_emit_new(c, n, "shape", 1, ids);
    ig_node *node = ig_emit_last(c);
    ig_set_int(c, node, "start", 1);
    ig_set_int(c, node, "end", 2);
    const ig_id from = ig_emit_ints(c, &zero, 1), axis = ig_emit_ints(c, &zero, 1);
    return ig_emit_new(c, n, "slice", 4, table, from, tokens, axis);
}

/* input_ids, segment_ids?, word, position, segment?, gamma, beta, mask?, position_ids? -> y,
 * mask_index?, sum? */
static ingot_status map_embed(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id ids = n->in[0], places = given(n, 8), segments = given(n, 1);
    const int64_t one = 1;
    if (onnx_int(c, n, "mask_index_type", 0) > 1)
        return ig_onnx_fail(c, n, "this mask_index_type is not supported");
    const ig_id word = ig_emit_new(c, n, "gather", 2, given(n, 2), ids);
    const ig_id place = places == IG_NO_VALUE ? first_rows(c, n, given(n, 3), ids)
                                              : ig_emit_new(c, n, "gather", 2, given(n, 3), places);
    ig_id sum = binary(c, n, "add", word, place);
    if (segments != IG_NO_VALUE && given(n, 4) != IG_NO_VALUE)
        sum = binary(c, n, "add", sum, ig_emit_new(c, n, "gather", 2, given(n, 4), segments));
    if (n->n_out > 2 && n->out[2] != IG_NO_VALUE) ig_emit_to(c, n, n->out[2], "identity", 1, sum);
    ig_node *node = ig_emit_to(c, n, n->out[0], "layer_norm", 3, sum, given(n, 5), given(n, 6));
    ig_set_float(c, node, "epsilon", onnx_float(c, n, "epsilon", 1e-12));
    if (n->n_out < 2 || n->out[1] == IG_NO_VALUE) return c->status;
    const ig_id mask = given(n, 7) != IG_NO_VALUE ? given(n, 7) : binary(c, n, "sub", ids, ids);
    node = ig_emit_to(c, n, n->out[1], "reduce", 2, mask, ig_emit_ints(c, &one, 1));
    ig_set_text(c, node, "fn", "sum");
    ig_set_int(c, node, "keepdims", 0);
    return c->status;
}

/* ---- attention ---- */

/* 1 where a key counts, as numbers to add: 0 and the fill value. ranks 2 [B, T], 3 [B, Tq, T]. */
static ig_id key_mask(ig_import *c, const ig_onnx_node *n, ig_id mask, ig_id like)
{
    static const int64_t two[] = {1, 2}, one[] = {1};
    if (mask == IG_NO_VALUE || c->status) return mask;
    const int rank = onnx_type(c, mask)->rank;
    if (rank != 2 && rank != 3) {
        ig_onnx_fail(c, n, "a mask of rank %d is not supported", rank);
        return mask;
    }
    const ingot_dtype dtype = onnx_type(c, like)->dtype;
    const double fill = onnx_float(c, n, "mask_filter_value", -10000);
    const ig_id x = cast(c, n, mask, dtype);
    const ig_id hidden = binary(c, n, "sub", ig_emit_scalar_like(c, n, like, 1), x);
    const ig_id add = binary(c, n, "mul", hidden, ig_emit_scalar_like(c, n, like, fill));
    return unsqueezed(c, n, add, rank == 2 ? two : one, rank == 2 ? 2 : 1);
}

/* A mask of rank 1 counts the keys of each row: they become *len, and no mask is left. */
static ingot_status take_counts(ig_import *c, const ig_onnx_node *n, ig_id *mask, ig_id *len)
{
    *len = IG_NO_VALUE;
    if (*mask == IG_NO_VALUE || onnx_type(c, *mask)->rank != 1) return c->status;
    const ig_type *m = onnx_type(c, *mask), *x = onnx_type(c, n->in[0]);
    if (onnx_int(c, n, "unidirectional", 0) || onnx_given(n, 6) || x->rank != 3 ||
        m->dims[0] != x->dims[0])
        return ig_onnx_fail(c, n,
                            "a mask of rank 1 must be [B], without unidirectional and "
                            "without a past: give one of rank 2");
    *len = cast(c, n, *mask, INGOT_I64);
    *mask = IG_NO_VALUE;
    return c->status;
}

static ig_id sum_of(ig_import *c, const ig_onnx_node *n, ig_id a, ig_id b)
{
    if (a == IG_NO_VALUE) return b;
    return plus(c, n, a, b);
}

static void emit_attention(ig_import *c, const ig_onnx_node *n, const ig_id in[7], size_t n_out)
{
    const int64_t heads = onnx_int(c, n, "num_heads", 0);
    ig_node *node = ig_emit(c, n, "attention", in, 7, n->out, n_out);
    ig_set_int(c, node, "q_heads", heads);
    ig_set_int(c, node, "kv_heads", heads);
    ig_set_int(c, node, "causal", onnx_int(c, n, "unidirectional", 0) != 0);
    ig_set_float(c, node, "scale", onnx_float(c, n, "scale", 0));
}

/* x cut along its last axis. */
static void cut(ig_import *c, const ig_onnx_node *n, ig_id x, const int64_t sizes[3], ig_id out[3],
                int64_t axis)
{
    for (size_t i = 0; i < 3; i++)
        out[i] = c->status ? IG_NO_VALUE : ig_graph_value(c->g, "", NULL);
    const ig_id in[2] = {x, ig_emit_ints(c, sizes, 3)};
    ig_set_int(c, ig_emit(c, n, "split", in, 2, out, 3), "axis", axis);
}

/* input [B, T, I], weights [I, q + k + v], bias?, mask?, past?, attention_bias? */
static ingot_status map_attention(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_type *w = onnx_type(c, given(n, 1));
    const ig_ints given_sizes = onnx_ints(c, n, "qkv_hidden_sizes");
    int64_t sizes[3];
    if (onnx_given(n, 4) || (n->n_out > 1 && n->out[1] != IG_NO_VALUE))
        return ig_onnx_fail(c, n, "past and present keys are not supported here");
    if (onnx_int(c, n, "do_rotary", 0)) return ig_onnx_fail(c, n, "do_rotary is not supported");
    if (given_sizes.n == 3) {
        memcpy(sizes, given_sizes.v, sizeof sizes);
    } else {
        if (w->rank != 2 || w->dims[1] < 0 || w->dims[1] % 3)
            return ig_onnx_fail(c, n, "the weights' shape must be known, three times as wide");
        for (size_t i = 0; i < 3; i++) sizes[i] = w->dims[1] / 3;
    }
    const ig_id product = ig_emit_new(c, n, "matmul", 3, n->in[0], given(n, 1), given(n, 2));
    ig_id qkv[3], mask = given(n, 3), len;
    cut(c, n, product, sizes, qkv, -1);
    IG_TRY(take_counts(c, n, &mask, &len));
    mask = sum_of(c, n, key_mask(c, n, mask, n->in[0]), given(n, 5));
    const ig_id in[7] = {qkv[0], qkv[1], qkv[2], mask, IG_NO_VALUE, IG_NO_VALUE, len};
    emit_attention(c, n, in, 1);
    return c->status;
}

/* query, key, value [B, T, H * D], bias?, key_padding_mask?, attention_bias?, past_key?,
 * past_value? */
static ingot_status map_multi_head(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    int64_t sizes[3];
    ig_id qkv[3];
    for (uint32_t i = 0; i < 3; i++) {
        const ig_type *t = onnx_type(c, given(n, i));
        qkv[i] = given(n, i);
        if (qkv[i] == IG_NO_VALUE || t->rank != 3)
            return ig_onnx_fail(c, n, "query, key and value must have the known rank 3");
        sizes[i] = t->dims[2];
    }
    if (onnx_given(n, 3)) {
        ig_id bias[3];
        if (sizes[0] < 0 || sizes[1] < 0 || sizes[2] < 0)
            return ig_onnx_fail(c, n, "with a bias the widths of its inputs must be known");
        cut(c, n, n->in[3], sizes, bias, 0);
        for (size_t i = 0; i < 3; i++) qkv[i] = binary(c, n, "add", qkv[i], bias[i]);
    }
    ig_id mask = given(n, 4), len;
    IG_TRY(take_counts(c, n, &mask, &len));
    mask = sum_of(c, n, key_mask(c, n, mask, n->in[0]), given(n, 5));
    const ig_id in[7] = {qkv[0], qkv[1], qkv[2], mask, given(n, 6), given(n, 7), len};
    emit_attention(c, n, in, IG_MIN(n->n_out, 3u));
    return c->status;
}

// clang-format off
#define MS "com.microsoft"
const ig_onnx_map ig_onnx_map_contrib[] = {
    {MS, "Gelu", 1, 0, map_gelu, "gelu"},
    {MS, "BiasGelu", 1, 0, map_gelu, "gelu"},
    {MS, "FastGelu", 1, 0, map_gelu, "gelu_tanh"},
    {MS, "QuickGelu", 1, 0, map_gelu, "swish"},
    {MS, "FusedMatMul", 1, 0, map_fused_matmul, NULL},
    {MS, "FusedConv", 1, 0, map_fused_conv, NULL},
    {"", "SimplifiedLayerNormalization", 1, 0, map_rms, NULL},
    {MS, "SimplifiedLayerNormalization", 1, 0, map_rms, NULL},
    {MS, "SkipLayerNormalization", 1, 0, map_skip_norm, "layer_norm"},
    {MS, "SkipSimplifiedLayerNormalization", 1, 0, map_skip_norm, "rms_norm"},
    {MS, "EmbedLayerNormalization", 1, 0, map_embed, NULL},
    {MS, "Attention", 1, 0, map_attention, NULL},
    {MS, "MultiHeadAttention", 1, 0, map_multi_head, NULL},
    {0},
};
// clang-format on
