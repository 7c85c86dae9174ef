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

/* LpPool before opset 2 had p as a float. */
static ingot_status lp_pool_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const lists[] = {"kernel_shape", "strides", "pads"};
    ig_node *node = ig_emit(c, n, "pool", n->in, n->n_in, n->out, n->n_out);
    ig_set_text(c, node, "fn", "lp");
    ig_set_text(c, node, "auto_pad", onnx_text(c, n, "auto_pad", "NOTSET"));
    for (int i = 0; i < 3; i++) {
        const ig_ints v = onnx_ints(c, n, lists[i]);
        if (v.n) ig_set_ints(c, node, lists[i], v.v, v.n);
    }
    ig_set_int(c, node, "p", (int64_t)onnx_float(c, n, "p", 2));
    return c->status;
}

/* The same for global_lp_pool. */
static ingot_status global_lp_pool_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "pool", n->in, n->n_in, n->out, n->n_out);
    ig_set_text(c, node, "fn", "lp");
    ig_set_int(c, node, "global", 1);
    ig_set_int(c, node, "p", (int64_t)onnx_float(c, n, "p", 2));
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_nn[] = {
    {"", "AveragePool", 1, 0, ig_import_same, "pool fn=average"},
    {"", "Conv", 1, 0, ig_import_same, "conv"},
    {"", "Gemm", 1, 0, gemm, NULL},
    {"", "GlobalAveragePool", 1, 0, ig_import_same, "pool fn=average global=1"},
    {"", "GlobalLpPool", 1, 1, global_lp_pool_1, NULL},
    {"", "GlobalLpPool", 2, 0, ig_import_same, "pool fn=lp global=1"},
    {"", "GlobalMaxPool", 1, 0, ig_import_same, "pool fn=max global=1"},
    {"", "LpPool", 1, 1, lp_pool_1, NULL},
    {"", "LpPool", 2, 0, ig_import_same, "pool fn=lp"},
    {"", "MatMul", 1, 0, ig_import_same, "matmul"},
    {"", "MaxPool", 1, 0, ig_import_same, "pool fn=max"},
    {"", "MaxUnpool", 9, 0, ig_import_same, "max_unpool"},
    {0},
};
