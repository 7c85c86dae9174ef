/* map_attention.c - attention and what stands around it in transformers. */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

static ingot_status map_attention(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const scores[] = {"raw", "capped", "masked", "softmax"};
    const int64_t mode = onnx_int(c, n, "qk_matmul_output_mode", 0);
    const double scale = onnx_float(c, n, "scale", 0);
    if (mode < 0 || mode >= (int64_t)IG_LEN(scores))
        return ig_onnx_bad(c, n, "qk_matmul_output_mode is %lld", (long long)mode);
    if (onnx_has(n, "scale") && scale == 0)
        return ig_onnx_fail(c, n, "a scale of 0 makes all scores equal and is not supported");
    ig_node *node = ig_emit(c, n, "attention", n->in, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "q_heads", onnx_int(c, n, "q_num_heads", 0));
    ig_set_int(c, node, "kv_heads", onnx_int(c, n, "kv_num_heads", 0));
    ig_set_int(c, node, "causal", onnx_int(c, n, "is_causal", 0) != 0);
    ig_set_int(c, node, "left_window", onnx_int(c, n, "left_window_size", -1));
    ig_set_int(c, node, "right_window", onnx_int(c, n, "right_window_size", -1));
    ig_set_int(c, node, "softmax_precision",
               onnx_attr_dtype(c, n, "softmax_precision", INGOT_NONE));
    ig_set_float(c, node, "scale", scale);
    ig_set_float(c, node, "softcap", onnx_float(c, n, "softcap", 0));
    ig_set_text(c, node, "scores", scores[mode]);
    return c->status;
}

static ingot_status map_rotary(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "rotary_embedding", n->in, n->n_in, n->out, 1);
    ig_set_int(c, node, "heads", onnx_int(c, n, "num_heads", 0));
    ig_set_int(c, node, "rotary_dim", onnx_int(c, n, "rotary_embedding_dim", 0));
    ig_set_int(c, node, "interleaved", onnx_int(c, n, "interleaved", 0) != 0);
    return c->status;
}

/* The rule is told by which gates there are; those it forbids are refused. */
static ingot_status map_linear_attention(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const rules[] = {"linear", "gated", "delta", "gated_delta"};
    const char *rule = onnx_text(c, n, "update_rule", "gated_delta");
    size_t i = 0;
    while (rule && i < IG_LEN(rules) && strcmp(rules[i], rule)) i++;
    if (!rule || i == IG_LEN(rules))
        return ig_onnx_fail(c, n, "update_rule \"%.40s\" is not known", rule ? rule : "");
    const bool gated = i % 2, delta = i >= 2;
    if (onnx_given(n, 4) != gated || onnx_given(n, 5) != delta)
        return ig_onnx_bad(c, n, "update_rule %s %s a decay and %s a beta", rule,
                           gated ? "needs" : "takes no", delta ? "needs" : "takes no");
    ig_node *node = ig_emit(c, n, "linear_attention", n->in, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "q_heads", onnx_int(c, n, "q_num_heads", 0));
    ig_set_int(c, node, "kv_heads", onnx_int(c, n, "kv_num_heads", 0));
    ig_set_float(c, node, "scale", onnx_float(c, n, "scale", 0));
    return c->status;
}

static ingot_status map_causal_conv(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const char *act = onnx_text(c, n, "activation", "none");
    if (act && !strcmp(act, "swish")) act = "silu";
    ig_node *node = ig_emit(c, n, "causal_conv", n->in, n->n_in, n->out, n->n_out);
    ig_set_text(c, node, "act", act);
    return c->status;
}

/* ---- FlexAttention: the user's subgraphs stand between ordinary nodes ---- */

static ig_id cast_to(ig_import *c, const ig_onnx_node *n, ig_id x, ingot_dtype to)
{
    if (c->status || onnx_type(c, x)->dtype == to) return x;
    const ig_id y = ig_emit_new(c, n, "cast", 1, x);
    ig_set_int(c, ig_emit_last(c), "to", to);
    return y;
}

static ig_id scaled(ig_import *c, const ig_onnx_node *n, ig_id x, double by)
{
    const ig_id y = ig_emit_new(c, n, "binary", 2, x, ig_emit_scalar_like(c, n, x, by));
    ig_set_text(c, ig_emit_last(c), "fn", "mul");
    return y;
}

/* Each key head as often as query heads share it. */
static ig_id repeated(ig_import *c, const ig_onnx_node *n, ig_id x, int64_t heads, int64_t times)
{
    if (c->status || times == 1) return x;
    int64_t *head = ig_new_n(&c->g->arena, int64_t, (size_t)(heads * times));
    if (!head) {
        ig_onnx_fail(c, n, "no memory for %lld heads", (long long)(heads * times));
        return x;
    }
    for (int64_t i = 0; i < heads * times; i++) head[i] = i / times;
    const ig_id y =
        ig_emit_new(c, n, "gather", 2, x, ig_emit_ints(c, head, (size_t)(heads * times)));
    ig_set_int(c, ig_emit_last(c), "axis", 1);
    return y;
}

/* first: of the nodes whose types the subgraph's mappings will ask for. */
static ig_id modified(ig_import *c, const ig_onnx_node *n, const char *attr, ig_id x,
                      ingot_dtype dtype, size_t first)
{
    ig_id y = x;
    if (!onnx_has(n, attr)) return x;
    if (!c->status) c->status = onnx_infer_new(c, first);
    onnx_inline_graph(c, n, attr, &x, 1, &y, 1);
    return cast_to(c, n, y, dtype);
}

static ingot_status map_flex(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    enum { HEADS_MOST = 1 << 16 };
    const ig_type *q = onnx_type(c, n->in[0]), *k = onnx_type(c, n->in[1]);
    if (q->rank != 4 || k->rank != 4 || q->dims[1] < 0 || k->dims[1] < 1 || q->dims[3] < 1)
        return ig_onnx_fail(c, n, "q and k must have rank 4 and known heads");
    const size_t first = c->g->n_nodes;
    const int64_t heads = k->dims[1], times = q->dims[1] / heads;
    if (q->dims[1] % heads || q->dims[1] > HEADS_MOST)
        return ig_onnx_bad(c, n, "%lld query heads share %lld key heads", (long long)q->dims[1],
                           (long long)heads);
    const ingot_dtype own = q->dtype;
    const ingot_dtype to =
        onnx_attr_dtype(c, n, "softmax_precision", own == INGOT_F64 ? INGOT_F64 : INGOT_F32);
    const double scale = onnx_float(c, n, "scale", 1 / sqrt((double)q->dims[3]));
    if (!(scale >= 0)) return ig_onnx_fail(c, n, "scale is %g", scale);
    const ig_id keys = repeated(c, n, scaled(c, n, n->in[1], sqrt(scale)), heads, times);
    ig_id s = ig_emit_new(c, n, "matmul", 2, scaled(c, n, n->in[0], sqrt(scale)), keys);
    ig_set_int(c, ig_emit_last(c), "trans_b", 1);
    s = modified(c, n, "score_mod", cast_to(c, n, s, to), to, first);
    s = ig_emit_new(c, n, "softmax", 1, s);
    s = modified(c, n, "prob_mod", s, to, first);
    const ig_id values = repeated(c, n, cast_to(c, n, n->in[2], to), heads, times);
    if (to == own) {
        ig_emit_to(c, n, n->out[0], "matmul", 2, s, values);
        return c->status;
    }
    const ig_id y = ig_emit_new(c, n, "matmul", 2, s, values);
    ig_set_int(c, ig_emit_to(c, n, n->out[0], "cast", 1, y), "to", own);
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_attention[] = {
    {"", "Attention", 23, 0, map_attention, NULL},
    {"", "RotaryEmbedding", 23, 0, map_rotary, NULL},
    {"", "LinearAttention", 27, 0, map_linear_attention, NULL},
    {"", "CausalConvWithState", 27, 0, map_causal_conv, NULL},
    {"ai.onnx.preview", "FlexAttention", 1, 0, map_flex, NULL},
    {0},
};
// clang-format on
