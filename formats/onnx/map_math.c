/* map_math.c - ONNX's elementwise ops: one of unary, binary, where, clip, cast, or a few of them.
 */
#include "formats/onnx/tensor.h"
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

/* ---- one operand ---- */

/* What ONNX calls alpha and beta of a function, with their defaults; NULL: not an attribute. */
typedef struct {
    const char *fn, *alpha, *beta;
    double def_alpha, def_beta;
} parameters;

static const parameters parameter_list[] = {
    {"elu", "alpha", NULL, 1, 0},
    {"celu", "alpha", NULL, 1, 0},
    {"leaky_relu", "alpha", NULL, 0.01, 0},
    {"thresholded_relu", "alpha", NULL, 1, 0},
    {"selu", "alpha", "gamma", 1.67326319217681884765625, 1.05070102214813232421875},
    {"hard_sigmoid", "alpha", "beta", 0.2, 0.5},
    {"hard_swish", NULL, NULL, 1.0 / 6, 0.5},
    {"shrink", "lambd", "bias", 0.5, 0},
    {"swish", "alpha", NULL, 1, 0},
};

static double parameter(ig_import *c, const ig_onnx_node *n, const char *attr, double def)
{
    return attr ? onnx_float(c, n, attr, def) : def;
}

static ingot_status map_unary(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    ig_node *node = ig_emit(c, n, "unary", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    for (size_t i = 0; i < IG_LEN(parameter_list); i++) {
        const parameters *p = &parameter_list[i];
        if (strcmp(p->fn, fn)) continue;
        const bool first_selu = n->version < 6 && !strcmp(fn, "selu"); /* fewer digits then */
        ig_set_float(c, node, "alpha",
                     parameter(c, n, p->alpha, first_selu ? 1.6732 : p->def_alpha));
        ig_set_float(c, node, "beta", parameter(c, n, p->beta, first_selu ? 1.0507 : p->def_beta));
    }
    return c->status;
}

static ingot_status map_gelu(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const char *how = onnx_text(c, n, "approximate", "none");
    if (how && strcmp(how, "none") && strcmp(how, "tanh"))
        return ig_onnx_fail(c, n, "approximate=\"%.40s\" is neither none nor tanh", how);
    return map_unary(c, n, how && !strcmp(how, "tanh") ? "gelu_tanh" : "gelu");
}

static ingot_status map_isinf(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    ig_node *node = ig_emit(c, n, "unary", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", arg);
    ig_set_float(c, node, "alpha", onnx_int(c, n, "detect_negative", 1) != 0);
    ig_set_float(c, node, "beta", onnx_int(c, n, "detect_positive", 1) != 0);
    return c->status;
}

/* ---- two operands ---- */

static ig_id binary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id a, ig_id b)
{
    const ig_id y = ig_emit_new(c, n, "binary", 2, a, b);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static ingot_status binary_to(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id out,
                              ig_id a, ig_id b)
{
    ig_set_text(c, ig_emit_to(c, n, out, "binary", 2, a, b), "fn", fn);
    return c->status;
}

/* b with `behind` dimensions of size 1 behind its own, which are `rank`. */
static ig_id add_dims(ig_import *c, const ig_onnx_node *n, ig_id b, int rank, int behind)
{
    int64_t axes[IG_MAX_RANK];
    if (behind <= 0 || rank + behind > IG_MAX_RANK) return b;
    for (int i = 0; i < behind; i++) axes[i] = rank + i;
    return ig_emit_new(c, n, "unsqueeze", 2, b, ig_emit_ints(c, axes, (size_t)behind));
}

/* Before opset 7 `axis` said where the dimensions of b begin in a. */
static ig_id place_old(ig_import *c, const ig_onnx_node *n, ig_id a, ig_id b)
{
    if (n->version >= 7 || !onnx_has(n, "axis") || !onnx_int(c, n, "broadcast", 0)) return b;
    const int rank_a = onnx_type(c, a)->rank, rank_b = onnx_type(c, b)->rank;
    int64_t axis = onnx_int(c, n, "axis", -1);
    if (rank_a < 0 || rank_b < 0) {
        ig_onnx_fail(c, n, "broadcasting by axis needs the ranks of both inputs");
        return b;
    }
    if (axis < 0) axis += rank_a;
    if (axis < 0 || axis + rank_b > rank_a) {
        ig_onnx_fail(c, n, "axis %lld is outside rank %d", (long long)axis, rank_a);
        return b;
    }
    return add_dims(c, n, b, rank_b, rank_a - (int)axis - rank_b);
}

static ingot_status map_binary(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const ig_id b = place_old(c, n, n->in[0], n->in[1]);
    return binary_to(c, n, fn, n->out[0], n->in[0], b);
}

/* Before opset 7 a slope [C] belonged to dimension 1. */
static ingot_status map_prelu(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const ig_type *x = onnx_type(c, n->in[0]), *slope = onnx_type(c, n->in[1]);
    ig_id b = n->in[1];
    if (n->version < 7) {
        if (x->rank < 0 || slope->rank < 0)
            return ig_onnx_fail(c, n, "the ranks of x and slope must be known");
        if (slope->rank == 1 && slope->dims[0] != 1) b = add_dims(c, n, b, 1, x->rank - 2);
    }
    return binary_to(c, n, fn, n->out[0], n->in[0], b);
}

static ingot_status map_mod(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return map_binary(c, n, onnx_int(c, n, "fmod", 0) ? "fmod" : "mod");
}

static ingot_status map_shift(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const char *way = onnx_text(c, n, "direction", "");
    if (way && !strcmp(way, "LEFT")) return map_binary(c, n, "shift_left");
    if (way && !strcmp(way, "RIGHT")) return map_binary(c, n, "shift_right");
    return ig_onnx_fail(c, n, "direction=\"%.40s\" is neither LEFT nor RIGHT", way ? way : "");
}

/* Max, Min, Sum: a chain; Mean divides at the end. */
static ingot_status map_chain(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const bool mean = !strcmp(fn, "mean");
    const char *step = mean ? "add" : fn;
    if (n->n_in == 0) return ig_onnx_fail(c, n, "there are no inputs");
    ig_id so_far = n->in[0];
    if (n->n_in == 1) {
        ig_emit_to(c, n, n->out[0], "identity", 1, so_far);
        return c->status;
    }
    for (uint32_t i = 1; i + !mean < n->n_in; i++) so_far = binary(c, n, step, so_far, n->in[i]);
    if (!mean) return binary_to(c, n, step, n->out[0], so_far, n->in[n->n_in - 1]);
    const ig_id count = ig_emit_scalar_like(c, n, n->in[0], n->n_in);
    return binary_to(c, n, "div", n->out[0], so_far, count);
}

static ingot_status map_swiglu(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id gate = ig_emit_new(c, n, "unary", 1, n->in[0]);
    ig_node *node = ig_emit_last(c);
    ig_set_text(c, node, "fn", "swish");
    ig_set_float(c, node, "alpha", onnx_float(c, n, "alpha", 1));
    return binary_to(c, n, "mul", n->out[0], gate, n->in[1]);
}

/* ---- clip, casts ---- */

static ingot_status map_clip(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_id in[3] = {n->in[0], IG_NO_VALUE, IG_NO_VALUE};
    if (n->version >= 11) {
        for (uint32_t i = 1; i < 3; i++)
            if (onnx_given(n, i)) in[i] = n->in[i];
    } else {
        if (onnx_has(n, "min"))
            in[1] = ig_emit_scalar_like(c, n, n->in[0], onnx_float(c, n, "min", 0));
        if (onnx_has(n, "max"))
            in[2] = ig_emit_scalar_like(c, n, n->in[0], onnx_float(c, n, "max", 0));
    }
    ig_emit(c, n, "clip", in, 3, n->out, 1);
    return c->status;
}

/* Opset 1 names the type. */
static ingot_dtype type_by_name(const char *name)
{
    static const char *const names[] = {
        "UNDEFINED", "FLOAT", "UINT8",   "INT8",   "UINT16", "INT16",  "INT32",     "INT64",
        "STRING",    "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128",
    };
    for (size_t i = 1; i < IG_LEN(names); i++)
        if (name && !strcmp(name, names[i])) return onnx_dtype((int64_t)i);
    return INGOT_NONE;
}

static void set_cast(ig_import *c, const ig_onnx_node *n, ig_node *node, ingot_dtype to)
{
    ig_set_int(c, node, "to", to);
    ig_set_int(c, node, "saturate", onnx_int(c, n, "saturate", 1));
    ig_set_text(c, node, "round_mode", onnx_text(c, n, "round_mode", "up"));
}

static ingot_status map_cast(ig_import *c, const ig_onnx_node *n, const char *op)
{
    const ingot_dtype to = n->version < 6 && !strcmp(op, "cast")
                               ? type_by_name(onnx_text(c, n, "to", ""))
                               : onnx_dtype(onnx_int(c, n, "to", 0));
    if (to == INGOT_NONE && !c->status)
        return ig_onnx_fail(c, n, "attribute 'to' names no element type");
    ig_node *node = ig_emit(c, n, op, n->in, 1, n->out, 1);
    if (strcmp(op, "cast"))
        ig_set_int(c, node, "to", to);
    else
        set_cast(c, n, node, to);
    return c->status;
}

static ingot_status map_cast_like(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ingot_dtype to = onnx_type(c, n->in[1])->dtype;
    set_cast(c, n, ig_emit(c, n, "cast", n->in, to == INGOT_NONE ? 2 : 1, n->out, 1), to);
    return c->status;
}

static ingot_status map_where(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_emit(c, n, "where", n->in, 3, n->out, 1);
    return c->status;
}

// clang-format off
#define UNARY(op, fn)  {"", op, 1, 0, map_unary, fn}
#define BINARY(op, fn) {"", op, 1, 0, map_binary, fn}
const ig_onnx_map ig_onnx_map_math[] = {
    UNARY("Abs", "abs"), UNARY("Acos", "acos"), UNARY("Acosh", "acosh"), UNARY("Asin", "asin"),
    UNARY("Asinh", "asinh"), UNARY("Atan", "atan"), UNARY("Atanh", "atanh"),
    UNARY("BitwiseNot", "bitwise_not"), UNARY("Ceil", "ceil"), UNARY("Celu", "celu"),
    UNARY("Cos", "cos"), UNARY("Cosh", "cosh"), UNARY("Elu", "elu"), UNARY("Erf", "erf"),
    UNARY("Exp", "exp"), UNARY("Floor", "floor"), UNARY("HardSigmoid", "hard_sigmoid"),
    UNARY("HardSwish", "hard_swish"), UNARY("IsNaN", "isnan"), UNARY("LeakyRelu", "leaky_relu"),
    UNARY("Log", "log"), UNARY("Mish", "mish"), UNARY("Neg", "neg"), UNARY("Not", "not"),
    UNARY("Reciprocal", "reciprocal"), UNARY("Relu", "relu"), UNARY("Round", "round"),
    UNARY("Selu", "selu"), UNARY("Shrink", "shrink"), UNARY("Sigmoid", "sigmoid"),
    UNARY("Sign", "sign"), UNARY("Sin", "sin"), UNARY("Sinh", "sinh"),
    UNARY("Softplus", "softplus"), UNARY("Softsign", "softsign"), UNARY("Sqrt", "sqrt"),
    UNARY("Swish", "swish"), UNARY("Tan", "tan"), UNARY("Tanh", "tanh"),
    UNARY("ThresholdedRelu", "thresholded_relu"),
    BINARY("Add", "add"), BINARY("And", "and"), BINARY("BitwiseAnd", "bitwise_and"),
    BINARY("BitwiseOr", "bitwise_or"), BINARY("BitwiseXor", "bitwise_xor"), BINARY("Div", "div"),
    BINARY("Equal", "equal"), BINARY("Greater", "greater"),
    BINARY("GreaterOrEqual", "greater_or_equal"), BINARY("Less", "less"),
    BINARY("LessOrEqual", "less_or_equal"), BINARY("Mul", "mul"), BINARY("Or", "or"),
    BINARY("Pow", "pow"), BINARY("Sub", "sub"), BINARY("Xor", "xor"),
    {"", "PRelu", 1, 0, map_prelu, "prelu"},
    {"", "Mod", 1, 0, map_mod, NULL},
    {"", "BitShift", 1, 0, map_shift, NULL},
    {"", "Gelu", 1, 0, map_gelu, NULL},
    {"", "IsInf", 1, 0, map_isinf, "isinf"},
    {"", "Max", 1, 0, map_chain, "max"},
    {"", "Min", 1, 0, map_chain, "min"},
    {"", "Sum", 1, 0, map_chain, "add"},
    {"", "Mean", 1, 0, map_chain, "mean"},
    {"", "SwiGLU", 1, 0, map_swiglu, NULL},
    {"", "Clip", 1, 0, map_clip, NULL},
    {"", "Cast", 1, 0, map_cast, "cast"},
    {"", "BitCast", 1, 0, map_cast, "bitcast"},
    {"", "CastLike", 1, 0, map_cast_like, NULL},
    {"", "Where", 1, 0, map_where, NULL},
    {0},
};
// clang-format on
