/* map_nn.c - products and convolutions. */
#include "formats/onnx/import.h"

/* y = alpha * a' b' + beta * c. */
static ingot_status gemm(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const double alpha = onnx_float(c, n, "alpha", 1), beta = onnx_float(c, n, "beta", 1);
    const bool biased = onnx_given(n, 2) && beta != 0;
    ig_id sum = IG_NO_VALUE;
    if (!biased)
        ig_emit_to(c, n, n->out[0], "matmul", 2, n->in[0], n->in[1]);
    else
        sum = ig_emit_new(c, n, "matmul", 2, n->in[0], n->in[1]);
    ig_node *product = ig_emit_last(c);
    ig_set_int(c, product, "trans_a", onnx_int(c, n, "transA", 0) != 0);
    ig_set_int(c, product, "trans_b", onnx_int(c, n, "transB", 0) != 0);
    ig_set_float(c, product, "alpha", alpha);
    if (!biased) return c->status;
    ig_id bias = n->in[2];
    if (beta != 1) {
        bias = ig_emit_new(c, n, "binary", 2, bias, ig_emit_scalar_like(c, n, bias, beta));
        ig_set_text(c, ig_emit_last(c), "fn", "mul");
    }
    ig_set_text(c, ig_emit_to(c, n, n->out[0], "binary", 2, sum, bias), "fn", "add");
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_nn[] = {
    {"", "Conv", 1, 0, ig_import_same, "conv"},
    {"", "Gemm", 1, 0, gemm, NULL},
    {"", "MatMul", 1, 0, ig_import_same, "matmul"},
    {0},
};
