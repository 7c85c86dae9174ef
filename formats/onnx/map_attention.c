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

// clang-format off
const ig_onnx_map ig_onnx_map_attention[] = {
    {"", "Attention", 23, 0, map_attention, NULL},
    {0},
};
// clang-format on
