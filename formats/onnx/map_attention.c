/* map_attention.c - attention and what stands around it in transformers. */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

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

// clang-format off
const ig_onnx_map ig_onnx_map_attention[] = {
    {"", "Attention", 23, 0, map_attention, NULL},
    {"", "RotaryEmbedding", 23, 0, map_rotary, NULL},
    {"", "LinearAttention", 27, 0, map_linear_attention, NULL},
    {"", "CausalConvWithState", 27, 0, map_causal_conv, NULL},
    {0},
};
// clang-format on
