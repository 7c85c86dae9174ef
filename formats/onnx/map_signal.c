/* map_signal.c - ONNX ops that make tensors (random, windows, ranges) or transform them as signals,
 * and einsum, det, dropout. */
#include "formats/onnx/tensor.h"
#include "formats/onnx/import.h"

#include <string.h>

/* An attribute with ONNX's code of a type, as ours; absent: def. */
static ingot_dtype type_attr(ig_import *c, const ig_onnx_node *n, const char *attr, ingot_dtype def)
{
    if (!onnx_has(n, attr)) return def;
    const ingot_dtype dtype = onnx_dtype(onnx_int(c, n, attr, 0));
    if (dtype == INGOT_NONE) ig_onnx_fail(c, n, "attribute '%s' names no element type", attr);
    return dtype;
}

static void set_seed(ig_import *c, const ig_onnx_node *n, ig_node *node)
{
    if (!onnx_has(n, "seed")) return;
    ig_set_int(c, node, "seeded", 1);
    ig_set_float(c, node, "seed", onnx_float(c, n, "seed", 0));
}

/* RandomUniform, RandomNormal and their Like forms. */
static ingot_status map_random(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const bool uniform = !strcmp(fn, "uniform"), like = n->n_in > 0;
    ig_node *node = ig_emit(c, n, "random", n->in, like, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_float(c, node, "a", onnx_float(c, n, uniform ? "low" : "mean", 0));
    ig_set_float(c, node, "b", onnx_float(c, n, uniform ? "high" : "scale", 1));
    ig_set_int(c, node, "dtype", type_attr(c, n, "dtype", like ? INGOT_NONE : INGOT_F32));
    if (!like) {
        const ig_ints shape = onnx_ints(c, n, "shape");
        ig_set_ints(c, node, "shape", shape.v, shape.n);
    }
    set_seed(c, n, node);
    return c->status;
}

static ingot_status map_sample(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    const bool multi = !strcmp(fn, "multinomial");
    ig_node *node = ig_emit(c, n, "sample", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "dtype", type_attr(c, n, "dtype", multi ? INGOT_I32 : INGOT_NONE));
    ig_set_int(c, node, "n", onnx_int(c, n, "sample_size", 1));
    set_seed(c, n, node);
    return c->status;
}

/* Without training the output is the input. The mask was of the data's type before opset 10. */
static ingot_status map_dropout(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const bool mask = n->n_out > 1 && n->out[1] != IG_NO_VALUE;
    const bool training = n->version >= 12 && onnx_given(n, 2);
    if (!mask && !training) {
        ig_emit_to(c, n, n->out[0], "identity", 1, n->in[0]);
        return c->status;
    }
    ig_id out[2] = {n->out[0], mask ? n->out[1] : IG_NO_VALUE};
    if (mask && n->version < 10) { /* the second output is a type's one where all is kept */
        ig_emit_to(c, n, out[0], "identity", 1, n->in[0]);
        const ig_id shape = ig_emit_new(c, n, "shape", 1, n->in[0]);
        ig_emit_to(c, n, out[1], "fill", 2, shape, ig_emit_scalar_like(c, n, n->in[0], 1));
        return c->status;
    }
    ig_node *node = ig_emit(c, n, "dropout", n->in, training ? 3 : 1, out, mask ? 2 : 1);
    set_seed(c, n, node);
    return c->status;
}

static ingot_status map_window(ig_import *c, const ig_onnx_node *n, const char *fn)
{
    ig_node *node = ig_emit(c, n, "window", n->in, 1, n->out, 1);
    ig_set_text(c, node, "fn", fn);
    ig_set_int(c, node, "periodic", onnx_int(c, n, "periodic", 1) != 0);
    ig_set_int(c, node, "dtype", type_attr(c, n, "output_datatype", INGOT_F32));
    return c->status;
}

static ingot_status map_mel(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "mel_weights", n->in, 5, n->out, 1);
    ig_set_int(c, node, "dtype", type_attr(c, n, "output_datatype", INGOT_F32));
    return c->status;
}

/* The axis was an attribute, 1 by default, before opset 20. */
static ingot_status map_dft(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_id in[3] = {n->in[0], onnx_given(n, 1) ? n->in[1] : IG_NO_VALUE,
                   onnx_given(n, 2) ? n->in[2] : IG_NO_VALUE};
    const int64_t axis = onnx_int(c, n, "axis", 1);
    if (n->version < 20) in[2] = ig_emit_ints(c, &axis, 1);
    ig_node *node = ig_emit(c, n, "dft", in, 3, n->out, 1);
    ig_set_int(c, node, "inverse", onnx_int(c, n, "inverse", 0) != 0);
    ig_set_int(c, node, "onesided", onnx_int(c, n, "onesided", 0) != 0);
    return c->status;
}

static ingot_status map_stft(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "stft", n->in, n->n_in, n->out, 1);
    ig_set_int(c, node, "onesided", onnx_int(c, n, "onesided", 1) != 0);
    return c->status;
}

static ingot_status map_einsum(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "einsum", n->in, n->n_in, n->out, 1);
    ig_set_text(c, node, "equation", onnx_text(c, n, "equation", ""));
    return c->status;
}

static ingot_status map_plain(ig_import *c, const ig_onnx_node *n, const char *op)
{
    ig_emit(c, n, op, n->in, n->n_in, n->out, 1);
    return c->status;
}

static ingot_status map_fill(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_id value =
        onnx_has(n, "value") ? onnx_tensor(c, n, "value") : ig_emit_scalar(c, INGOT_F32, 0);
    ig_emit_to(c, n, n->out[0], "fill", 2, n->in[0], value);
    return c->status;
}

static ingot_status map_eye(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "eye_like", n->in, 1, n->out, 1);
    ig_set_int(c, node, "dtype", type_attr(c, n, "dtype", INGOT_NONE));
    ig_set_int(c, node, "k", onnx_int(c, n, "k", 0));
    return c->status;
}

const ig_onnx_map ig_onnx_map_signal[] = {
    {"", "RandomUniform", 1, 0, map_random, "uniform"},
    {"", "RandomUniformLike", 1, 0, map_random, "uniform"},
    {"", "RandomNormal", 1, 0, map_random, "normal"},
    {"", "RandomNormalLike", 1, 0, map_random, "normal"},
    {"", "Bernoulli", 1, 0, map_sample, "bernoulli"},
    {"", "Multinomial", 1, 0, map_sample, "multinomial"},
    {"", "Dropout", 1, 0, map_dropout, NULL},
    {"", "HannWindow", 1, 0, map_window, "hann"},
    {"", "HammingWindow", 1, 0, map_window, "hamming"},
    {"", "BlackmanWindow", 1, 0, map_window, "blackman"},
    {"", "MelWeightMatrix", 1, 0, map_mel, NULL},
    {"", "DFT", 1, 0, map_dft, NULL},
    {"", "STFT", 1, 0, map_stft, NULL},
    {"", "Einsum", 1, 0, map_einsum, NULL},
    {"", "Det", 1, 0, map_plain, "det"},
    {"", "Range", 1, 0, map_plain, "range"},
    {"", "ConstantOfShape", 1, 0, map_fill, NULL},
    {"", "EyeLike", 1, 0, map_eye, NULL},
    {0},
};
