/* map_move.c - ONNX ops that view, move and repeat elements. What old opsets keep in attributes
 * becomes constant inputs, the newest form. */
#include "formats/onnx/import.h"

/* Attribute `attr` as a constant, or the value of input i when the node has no such attribute. */
static ig_id ints_or_input(ig_import *c, const ig_onnx_node *n, const char *attr, uint32_t i)
{
    if (onnx_given(n, i)) return n->in[i];
    const ig_ints v = onnx_ints(c, n, attr);
    return v.v || onnx_has(n, attr) ? ig_emit_ints(c, v.v, v.n) : IG_NO_VALUE;
}

/* An op whose input 1 was an attribute once. */
static ingot_status with_ints(ig_import *c, const ig_onnx_node *n, const char *op, const char *attr,
                              bool required)
{
    const ig_id v = ints_or_input(c, n, attr, 1);
    if (v == IG_NO_VALUE && required) return ig_onnx_fail(c, n, "attribute %s is missing", attr);
    if (v == IG_NO_VALUE)
        ig_emit_to(c, n, n->out[0], op, 1, n->in[0]);
    else
        ig_emit_to(c, n, n->out[0], op, 2, n->in[0], v);
    return c->status;
}

static ingot_status reshape(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return with_ints(c, n, "reshape", "shape", true);
}

static ingot_status squeeze(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return with_ints(c, n, "squeeze", "axes", false);
}

static ingot_status unsqueeze(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    return with_ints(c, n, "unsqueeze", "axes", true);
}

/* Inputs: data, how often, along which axis. The repeats are ones with one of them replaced. */
static ingot_status tile_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const int64_t one = 1;
    if (n->n_in != 3) return ig_onnx_fail(c, n, "%u inputs, not 3", n->n_in);
    const ig_id shape = ig_emit_new(c, n, "shape", 1, n->in[0]);
    const ig_id rank = ig_emit_new(c, n, "shape", 1, shape);
    const ig_id ones = ig_emit_new(c, n, "expand", 2, ig_emit_ints(c, &one, 1), rank);
    ig_id v[2];
    for (uint32_t i = 0; i < 2; i++) {
        const ig_id cast = ig_emit_new(c, n, "cast", 1, n->in[1 + i]);
        ig_set_int(c, ig_emit_last(c), "to", INGOT_I64);
        v[i] = ig_emit_new(c, n, "reshape", 2, cast, ig_emit_ints(c, &one, 1));
    }
    const ig_id repeats = ig_emit_new(c, n, "scatter_elements", 3, ones, v[1], v[0]);
    ig_emit_to(c, n, n->out[0], "tile", 2, n->in[0], repeats);
    return c->status;
}

/* Before opset 4 the axis had a default. */
static ingot_status concat_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "concat", n->in, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", 1));
    return c->status;
}

static ingot_status split(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const int64_t parts = onnx_int(c, n, "num_outputs", n->n_out);
    if (parts != (int64_t)n->n_out)
        return ig_onnx_fail(c, n, "num_outputs is %lld, the node has %u", (long long)parts,
                            n->n_out);
    if (onnx_has(n, "num_outputs") && onnx_given(n, 1))
        return ig_onnx_fail(c, n, "both split and num_outputs are given");
    const ig_id in[2] = {n->in[0], ints_or_input(c, n, "split", 1)};
    ig_node *node = ig_emit(c, n, "split", in, in[1] == IG_NO_VALUE ? 1 : 2, n->out, n->n_out);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", 0));
    return c->status;
}

static ingot_status slice_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_ints starts = onnx_ints(c, n, "starts"), ends = onnx_ints(c, n, "ends");
    const ig_ints axes = onnx_ints(c, n, "axes");
    ig_id in[4] = {n->in[0], ig_emit_ints(c, starts.v, starts.n), ig_emit_ints(c, ends.v, ends.n)};
    if (axes.n) in[3] = ig_emit_ints(c, axes.v, axes.n);
    ig_emit(c, n, "slice", in, axes.n ? 4 : 3, n->out, n->n_out);
    return c->status;
}

/* arg: the name of the attribute with the pads. */
static ingot_status pad_old(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    const ig_ints pads = onnx_ints(c, n, arg);
    const double value = onnx_float(c, n, "value", 0);
    ig_id in[3] = {n->in[0], ig_emit_ints(c, pads.v, pads.n)};
    if (value != 0) in[2] = ig_emit_scalar_like(c, n, n->in[0], value);
    ig_node *node = ig_emit(c, n, "pad", in, value != 0 ? 3 : 2, n->out, n->n_out);
    ig_set_text(c, node, "mode", onnx_text(c, n, "mode", "constant"));
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_move[] = {
    {"", "CenterCropPad", 18, 0, ig_import_same, "center_crop_pad"},
    {"", "Concat", 1, 3, concat_1, NULL},
    {"", "Concat", 4, 0, ig_import_same, "concat"},
    {"", "DepthToSpace", 1, 0, ig_import_same, "depth_to_space"},
    {"", "Expand", 8, 0, ig_import_same, "expand"},
    {"", "Flatten", 1, 0, ig_import_same, "flatten"},
    {"", "Identity", 1, 0, ig_import_same, "identity"},
    {"", "Pad", 1, 1, pad_old, "paddings"},
    {"", "Pad", 2, 10, pad_old, "pads"},
    {"", "Pad", 11, 0, ig_import_same, "pad"},
    {"", "Reshape", 1, 4, reshape, NULL},
    {"", "Reshape", 5, 0, ig_import_same, "reshape"},
    {"", "ReverseSequence", 10, 0, ig_import_same, "reverse_sequence"},
    {"", "Shape", 1, 0, ig_import_same, "shape"},
    {"", "Size", 1, 0, ig_import_same, "size"},
    {"", "Slice", 1, 9, slice_1, NULL},
    {"", "Slice", 10, 0, ig_import_same, "slice"},
    {"", "SpaceToDepth", 1, 0, ig_import_same, "space_to_depth"},
    {"", "Split", 1, 0, split, NULL},
    {"", "Squeeze", 1, 12, squeeze, NULL},
    {"", "Squeeze", 13, 0, ig_import_same, "squeeze"},
    {"", "Tile", 1, 5, tile_1, NULL},
    {"", "Tile", 6, 0, ig_import_same, "tile"},
    {"", "Transpose", 1, 0, ig_import_same, "transpose"},
    {"", "Trilu", 14, 0, ig_import_same, "trilu"},
    {"", "Unsqueeze", 1, 12, unsqueeze, NULL},
    {"", "Unsqueeze", 13, 0, ig_import_same, "unsqueeze"},
    {0},
};
