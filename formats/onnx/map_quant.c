/* map_quant.c - ONNX's quantised ops, and those that ONNX Runtime's quantiser writes.
 *
 * Integer products and convolutions are one op each, with the scale of their result as an input;
 * quantised elementwise ops are computed in f32 between a dequantize and a quantize. */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

#include <string.h>

static ig_id given(const ig_onnx_node *n, uint32_t i)
{
    return onnx_given(n, i) ? n->in[i] : IG_NO_VALUE;
}

static ig_id binary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id a, ig_id b)
{
    const ig_id y = ig_emit_new(c, n, "binary", 2, a, b);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static ig_id to_f32(ig_import *c, const ig_onnx_node *n, ig_id x)
{
    if (c->status || x == IG_NO_VALUE || onnx_type(c, x)->dtype == INGOT_F32) return x;
    const ig_id y = ig_emit_new(c, n, "cast", 1, x);
    ig_set_int(c, ig_emit_last(c), "to", INGOT_F32);
    return y;
}

/* ---- between floats and integers ---- */

static ingot_status map_quantize(ig_import *c, const ig_onnx_node *n, const char *op)
{
    ig_node *node = ig_emit(c, n, op, n->in, IG_MIN(n->n_in, 3u), n->out, 1);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", 1));
    ig_set_int(c, node, "block_size", onnx_int(c, n, "block_size", 0));
    ig_set_int(c, node, "dtype", onnx_attr_dtype(c, n, "output_dtype", INGOT_NONE));
    if (strcmp(op, "quantize")) return c->status;
    ig_set_int(c, node, "saturate", onnx_int(c, n, "saturate", 1));
    ig_set_int(c, node, "precision", onnx_attr_dtype(c, n, "precision", INGOT_NONE));
    return c->status;
}

static ig_id dequantized(ig_import *c, const ig_onnx_node *n, uint32_t first)
{
    return ig_emit_new(c, n, "dequantize", 3, given(n, first), given(n, first + 1),
                       given(n, first + 2));
}

/* The zero point's type is the result's; without one it is that of `like`. */
static ingot_status quantized_to(ig_import *c, const ig_onnx_node *n, ig_id x, uint32_t scale,
                                 uint32_t like)
{
    const ig_id zero = given(n, scale + 1);
    ig_node *node = ig_emit_to(c, n, n->out[0], "quantize", 3, x, given(n, scale), zero);
    if (zero == IG_NO_VALUE && given(n, like) != IG_NO_VALUE)
        ig_set_int(c, node, "dtype", onnx_type(c, n->in[like])->dtype);
    return c->status;
}

/* ---- products ---- */

static ingot_status map_dynamic_quantize(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_emit(c, n, "dynamic_quantize", n->in, 1, n->out, IG_MIN(n->n_out, 3u));
    return c->status;
}

static ingot_status map_matmul_integer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_emit(c, n, "matmul_integer", n->in, n->n_in, n->out, 1);
    return c->status;
}

/* The op scales columns: what else the scales of a and of the result may be is refused. */
static void want_single(ig_import *c, const ig_onnx_node *n, uint32_t i)
{
    size_t elements;
    if (onnx_given(n, i) && ig_type_elements(onnx_type(c, n->in[i]), &elements) && elements != 1)
        ig_onnx_fail(c, n, "input %u has %zu scales; one is supported", i, elements);
}

/* a_scale * b_scale / y_scale */
static ig_id multiplier(ig_import *c, const ig_onnx_node *n, uint32_t a, uint32_t b, uint32_t y)
{
    want_single(c, n, a);
    want_single(c, n, y);
    const ig_id both = binary(c, n, "mul", given(n, a), given(n, b));
    return to_f32(c, n, binary(c, n, "div", both, given(n, y)));
}

static ingot_status map_qlinear_matmul(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id scale = multiplier(c, n, 1, 4, 6);
    const ig_id in[] = {given(n, 0), given(n, 3), given(n, 2), given(n, 5),
                        scale,       IG_NO_VALUE, given(n, 7)};
    ig_emit(c, n, "matmul_integer", in, IG_LEN(in), n->out, 1);
    return c->status;
}

/* A b_scale b_zero? bias?: A is quantised as it comes. */
static ingot_status map_dynamic_matmul(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id a = given(n, 0);
    ig_id q[3];
    for (size_t i = 0; i < 3; i++) q[i] = c->status ? IG_NO_VALUE : ig_graph_value(c->g, "", NULL);
    ig_emit(c, n, "dynamic_quantize", &a, 1, q, 3);
    const ig_id in[] = {
        q[0], given(n, 1), q[2], given(n, 3), binary(c, n, "mul", q[1], given(n, 2)), given(n, 4)};
    ig_emit(c, n, "matmul_integer", in, IG_LEN(in), n->out, 1);
    return c->status;
}

static ingot_status map_matmul_to_float(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    want_single(c, n, 2);
    const ingot_dtype to = onnx_type(c, given(n, 2))->dtype;
    const ig_id scale = binary(c, n, "mul", given(n, 2), given(n, 3));
    const ig_id in[] = {given(n, 0), given(n, 1),         given(n, 4),
                        given(n, 5), to_f32(c, n, scale), to_f32(c, n, given(n, 6))};
    ig_node *node = ig_emit(c, n, "matmul_integer", in, IG_LEN(in), n->out, 1);
    ig_set_int(c, node, "dtype", to);
    return c->status;
}

static ig_id turned(ig_import *c, const ig_onnx_node *n, ig_id x, const char *flag)
{
    if (!onnx_int(c, n, flag, 0)) return x;
    const ig_id y = ig_emit_new(c, n, "transpose", 1, x);
    ig_set_ints(c, ig_emit_last(c), "perm", (int64_t[]){1, 0}, 2);
    return y;
}

/* A a_scale a_zero B b_scale b_zero C? y_scale? y_zero?: C is i32 of scale alpha a_scale b_scale;
 * without y_scale the result is float. */
static ingot_status map_qgemm(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const float alpha = (float)onnx_float(c, n, "alpha", 1);
    const bool to_bytes = onnx_given(n, 7);
    ig_id bias = given(n, 6), scale = binary(c, n, "mul", given(n, 1), given(n, 4));
    want_single(c, n, 1);
    want_single(c, n, 7);
    if (alpha != 1)
        scale =
            binary(c, n, "mul", scale, ig_graph_const_copy(c->g, "", INGOT_F32, 0, NULL, &alpha));
    if (!to_bytes && bias != IG_NO_VALUE) bias = binary(c, n, "mul", to_f32(c, n, bias), scale);
    if (to_bytes) scale = binary(c, n, "div", scale, given(n, 7));
    const ig_id in[] = {turned(c, n, given(n, 0), "transA"),
                        turned(c, n, given(n, 3), "transB"),
                        given(n, 2),
                        given(n, 5),
                        scale,
                        bias,
                        given(n, 8)};
    ig_emit(c, n, "matmul_integer", in, IG_LEN(in), n->out, 1);
    return c->status;
}

/* ---- convolutions ---- */

static ingot_status conv(ig_import *c, const ig_onnx_node *n, const ig_id *in, size_t n_in)
{
    static const char *const lists[] = {"kernel_shape", "strides", "dilations", "pads"};
    ig_node *node = ig_emit(c, n, "conv_integer", in, n_in, n->out, 1);
    for (size_t i = 0; i < IG_LEN(lists); i++) {
        const ig_ints v = onnx_ints(c, n, lists[i]);
        if (v.n) ig_set_ints(c, node, lists[i], v.v, v.n);
    }
    ig_set_int(c, node, "group", onnx_int(c, n, "group", 1));
    ig_set_text(c, node, "auto_pad", onnx_text(c, n, "auto_pad", "NOTSET"));
    return c->status;
}

static ingot_status map_conv_integer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return conv(c, n, n->in, n->n_in);
}

static ingot_status map_qlinear_conv(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id scale = multiplier(c, n, 1, 4, 6);
    const ig_id in[] = {given(n, 0), given(n, 3), given(n, 2), given(n, 5),
                        scale,       given(n, 8), given(n, 7)};
    return conv(c, n, in, IG_LEN(in));
}

/* ---- elementwise, between dequantize and quantize ---- */

static ingot_status map_qlinear_binary(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const ig_id a = dequantized(c, n, 0), b = dequantized(c, n, 3);
    return quantized_to(c, n, binary(c, n, fn, a, b), 6, 0);
}

static ingot_status map_qlinear_unary(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const ig_id y = ig_emit_new(c, n, "unary", 1, dequantized(c, n, 0));
    ig_node *node = ig_emit_last(c);
    ig_set_text(c, node, "fn", fn);
    if (!strcmp(fn, "leaky_relu")) ig_set_float(c, node, "alpha", onnx_float(c, n, "alpha", 0.01));
    return quantized_to(c, n, y, 3, 0);
}

static ingot_status map_qlinear_softmax(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id y = ig_emit_new(c, n, "softmax", 1, dequantized(c, n, 0));
    ig_node *node = ig_emit_last(c);
    const bool old = onnx_int(c, n, "opset", 13) < 13;
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", -1));
    ig_set_int(c, node, "to_end", old);
    return quantized_to(c, n, y, 3, 0);
}

/* y_scale y_zero (x scale zero)... */
static ingot_status map_qlinear_concat(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    if (n->n_in < 5 || (n->n_in - 2) % 3)
        return ig_onnx_bad(c, n, "%u inputs are not two and threes", n->n_in);
    const uint32_t count = (n->n_in - 2) / 3;
    ig_id *in = ig_new_n(&c->g->arena, ig_id, count);
    if (!in) return ig_onnx_fail(c, n, "no memory for %u inputs", count);
    for (uint32_t i = 0; i < count; i++) in[i] = dequantized(c, n, 2 + 3 * i);
    if (c->status) return c->status;
    const ig_id joined = ig_graph_value(c->g, "", NULL);
    ig_set_int(c, ig_emit(c, n, "concat", in, count, &joined, 1), "axis",
               onnx_int(c, n, "axis", 0));
    return quantized_to(c, n, joined, 0, 2);
}

static ingot_status map_qlinear_global_pool(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const int rank = onnx_type(c, given(n, 0))->rank;
    const bool last = onnx_int(c, n, "channels_last", 0) != 0;
    int64_t axes[IG_MAX_RANK];
    if (rank < 3) return ig_onnx_fail(c, n, "the input's rank must be known and at least 3");
    for (int i = 0; i < rank - 2; i++) axes[i] = i + (last ? 1 : 2);
    const ig_id y = ig_emit_new(c, n, "reduce", 2, dequantized(c, n, 0),
                                ig_emit_ints(c, axes, (size_t)rank - 2));
    ig_node *node = ig_emit_last(c);
    ig_set_text(c, node, "fn", "mean");
    ig_set_int(c, node, "keepdims", 1);
    return quantized_to(c, n, y, 3, 0);
}

static ingot_status map_qlinear_pool(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const lists[] = {"kernel_shape", "strides", "pads"};
    if (onnx_int(c, n, "channels_last", 0))
        return ig_onnx_fail(c, n, "channels_last is not supported");
    const ig_id y = ig_emit_new(c, n, "pool", 1, dequantized(c, n, 0));
    ig_node *node = ig_emit_last(c);
    ig_set_text(c, node, "fn", "average");
    for (size_t i = 0; i < IG_LEN(lists); i++) {
        const ig_ints v = onnx_ints(c, n, lists[i]);
        if (v.n) ig_set_ints(c, node, lists[i], v.v, v.n);
    }
    ig_set_text(c, node, "auto_pad", onnx_text(c, n, "auto_pad", "NOTSET"));
    ig_set_int(c, node, "ceil_mode", onnx_int(c, n, "ceil_mode", 0) != 0);
    ig_set_int(c, node, "count_include_pad", onnx_int(c, n, "count_include_pad", 0) != 0);
    return quantized_to(c, n, y, 3, 0);
}

// clang-format off
#define MS "com.microsoft"
const ig_onnx_map ig_onnx_map_quant[] = {
    {"", "QuantizeLinear", 10, 0, map_quantize, "quantize"},
    {"", "DequantizeLinear", 10, 0, map_quantize, "dequantize"},
    {MS, "QuantizeLinear", 1, 0, map_quantize, "quantize"},
    {MS, "DequantizeLinear", 1, 0, map_quantize, "dequantize"},
    {"", "DynamicQuantizeLinear", 11, 0, map_dynamic_quantize, NULL},
    {"", "MatMulInteger", 10, 0, map_matmul_integer, NULL},
    {"", "QLinearMatMul", 10, 0, map_qlinear_matmul, NULL},
    {"", "ConvInteger", 10, 0, map_conv_integer, NULL},
    {"", "QLinearConv", 10, 0, map_qlinear_conv, NULL},
    {MS, "DynamicQuantizeMatMul", 1, 0, map_dynamic_matmul, NULL},
    {MS, "MatMulIntegerToFloat", 1, 0, map_matmul_to_float, NULL},
    {MS, "QGemm", 1, 0, map_qgemm, NULL},
    {MS, "QLinearAdd", 1, 0, map_qlinear_binary, "add"},
    {MS, "QLinearMul", 1, 0, map_qlinear_binary, "mul"},
    {MS, "QLinearSigmoid", 1, 0, map_qlinear_unary, "sigmoid"},
    {MS, "QLinearLeakyRelu", 1, 0, map_qlinear_unary, "leaky_relu"},
    {MS, "QLinearSoftmax", 1, 0, map_qlinear_softmax, NULL},
    {MS, "QLinearConcat", 1, 0, map_qlinear_concat, NULL},
    {MS, "QLinearGlobalAveragePool", 1, 0, map_qlinear_global_pool, NULL},
    {MS, "QLinearAveragePool", 1, 0, map_qlinear_pool, NULL},
    {0},
};
// clang-format on
