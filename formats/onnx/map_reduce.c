/* map_reduce.c - ONNX ops that fold an axis: reductions, softmaxes, running totals, losses and the
 * normalisations made of them. */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

#include <string.h>

/* The axes were an attribute before opset 18 (ReduceSum: 13), then an input. */
static ingot_status map_reduce(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    ig_id in[2] = {n->in[0], onnx_given(n, 1) ? n->in[1] : IG_NO_VALUE};
    const ig_ints axes = onnx_ints(c, n, "axes");
    if (axes.n) in[1] = ig_emit_ints(c, axes.v, axes.n);
    ig_node *node = ig_emit(c, n, "reduce", in, in[1] == IG_NO_VALUE ? 1 : 2, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "keepdims", onnx_int(c, n, "keepdims", 1) != 0);
    ig_set_int(c, node, "noop_with_empty_axes", onnx_int(c, n, "noop_with_empty_axes", 0) != 0);
    return c->status;
}

static ingot_status map_arg(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    ig_node *node = ig_emit(c, n, "arg_reduce", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", 0));
    ig_set_int(c, node, "keepdims", onnx_int(c, n, "keepdims", 1) != 0);
    ig_set_int(c, node, "select_last_index", onnx_int(c, n, "select_last_index", 0) != 0);
    return c->status;
}

/* Before opset 13: over the axis and all behind it, 1 by default. */
static ingot_status map_softmax(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const bool old = n->version < 13;
    ig_node *node = ig_emit(c, n, "softmax", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", old ? 1 : -1));
    ig_set_int(c, node, "to_end", old);
    return c->status;
}

static ingot_status map_cumulate(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    ig_node *node = ig_emit(c, n, "cumulate", n->in, 2, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "exclusive", onnx_int(c, n, "exclusive", 0) != 0);
    ig_set_int(c, node, "reverse", onnx_int(c, n, "reverse", 0) != 0);
    return c->status;
}

/* ---- made of several ops ---- */

static ig_id unary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id x)
{
    const ig_id y = ig_emit_new(c, n, "unary", 1, x);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static ig_id binary(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id a, ig_id b)
{
    const ig_id y = ig_emit_new(c, n, "binary", 2, a, b);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

static ig_id reduce(ig_import *c, const ig_onnx_node *n, const char *fn, ig_id x, ig_id axes)
{
    const ig_id y = ig_emit_new(c, n, "reduce", 2, x, axes);
    ig_set_text(c, ig_emit_last(c), "fn", fn);
    return y;
}

/* (x - mean) / (deviation + 1e-9), with the variance taken around the mean. */
static ingot_status map_mvn(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const int64_t usual[] = {0, 2, 3};
    const ig_ints given = onnx_ints(c, n, "axes");
    const ig_id axes = given.n ? ig_emit_ints(c, given.v, given.n) : ig_emit_ints(c, usual, 3);
    const ig_id x = n->in[0];
    const ig_id centred = binary(c, n, "sub", x, reduce(c, n, "mean", x, axes));
    const ig_id variance = reduce(c, n, "mean", binary(c, n, "mul", centred, centred), axes);
    const ig_id tiny = ig_emit_scalar_like(c, n, x, 1e-9);
    const ig_id deviation = binary(c, n, "add", unary(c, n, "sqrt", variance), tiny);
    ig_set_text(c, ig_emit_to(c, n, n->out[0], "binary", 2, centred, deviation), "fn", "div");
    return c->status;
}

/* x / norm, and 0 where the norm is 0. */
static ingot_status map_lp_normalization(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const int64_t p = onnx_int(c, n, "p", 2), axis = onnx_int(c, n, "axis", -1);
    if (p != 1 && p != 2) return ig_onnx_fail(c, n, "p=%lld is neither 1 nor 2", (long long)p);
    const ig_id norm = reduce(c, n, p == 1 ? "l1" : "l2", n->in[0], ig_emit_ints(c, &axis, 1));
    const ig_id is_zero = binary(c, n, "equal", norm, ig_emit_scalar_like(c, n, n->in[0], 0));
    const ig_id one = ig_emit_scalar_like(c, n, n->in[0], 1);
    const ig_id by = ig_emit_new(c, n, "where", 3, is_zero, one, norm);
    ig_set_text(c, ig_emit_to(c, n, n->out[0], "binary", 2, n->in[0], by), "fn", "div");
    return c->status;
}

static ingot_status emit_loss(ig_import *c, const ig_onnx_node *n, ig_id scores)
{
    const bool weighted = onnx_given(n, 2);
    const ig_id in[3] = {scores, n->in[1], weighted ? n->in[2] : IG_NO_VALUE};
    ig_node *node = ig_emit(c, n, "nll_loss", in, weighted ? 3 : 2, n->out, 1);
    ig_set_text(c, node, "reduction", onnx_text(c, n, "reduction", "mean"));
    ig_set_int(c, node, "ignore", onnx_has(n, "ignore_index"));
    ig_set_int(c, node, "ignore_index", onnx_int(c, n, "ignore_index", 0));
    return c->status;
}

static ingot_status map_nll_loss(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return emit_loss(c, n, n->in[0]);
}

static ingot_status map_cross_entropy(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_id scores;
    if (n->n_out > 1 && n->out[1] != IG_NO_VALUE) {
        scores = n->out[1];
        ig_emit_to(c, n, scores, "softmax", 1, n->in[0]);
    } else {
        scores = ig_emit_new(c, n, "softmax", 1, n->in[0]);
    }
    ig_set_text(c, ig_emit_last(c), "fn", "log_softmax");
    ig_set_int(c, ig_emit_last(c), "axis", 1);
    return emit_loss(c, n, scores);
}

const ig_onnx_map ig_onnx_map_reduce[] = {
    {"", "ReduceSum", 1, 0, map_reduce, "sum"},
    {"", "ReduceMean", 1, 0, map_reduce, "mean"},
    {"", "ReduceMax", 1, 0, map_reduce, "max"},
    {"", "ReduceMin", 1, 0, map_reduce, "min"},
    {"", "ReduceProd", 1, 0, map_reduce, "prod"},
    {"", "ReduceL1", 1, 0, map_reduce, "l1"},
    {"", "ReduceL2", 1, 0, map_reduce, "l2"},
    {"", "ReduceLogSum", 1, 0, map_reduce, "log_sum"},
    {"", "ReduceLogSumExp", 1, 0, map_reduce, "log_sum_exp"},
    {"", "ReduceSumSquare", 1, 0, map_reduce, "sum_square"},
    {"", "ArgMax", 1, 0, map_arg, "max"},
    {"", "ArgMin", 1, 0, map_arg, "min"},
    {"", "Softmax", 1, 0, map_softmax, "softmax"},
    {"", "LogSoftmax", 1, 0, map_softmax, "log_softmax"},
    {"", "Hardmax", 1, 0, map_softmax, "hardmax"},
    {"", "CumSum", 1, 0, map_cumulate, "sum"},
    {"", "CumProd", 1, 0, map_cumulate, "prod"},
    {"", "MeanVarianceNormalization", 1, 0, map_mvn, NULL},
    {"", "LpNormalization", 1, 0, map_lp_normalization, NULL},
    {"", "NegativeLogLikelihoodLoss", 1, 0, map_nll_loss, NULL},
    {"", "SoftmaxCrossEntropyLoss", 1, 0, map_cross_entropy, NULL},
    {0},
};
