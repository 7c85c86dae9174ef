/* map_image.c - ONNX ops on images and regions of them. */
#include "formats/onnx/import.h"

#include <string.h>

/* Before opset 11: x_in = x_out / scale, rounded down for nearest. arg: "attribute" where the
 * scales are not an input. */
static ingot_status resize_old(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    ig_id scales = IG_NO_VALUE;
    ig_floats v = {0};
    float hw[4] = {1, 1, 1, 1};
    if (!arg && onnx_given(n, 1)) scales = n->in[1];
    if (arg && onnx_has(n, "height_scale")) {
        hw[2] = (float)onnx_float(c, n, "height_scale", 1);
        hw[3] = (float)onnx_float(c, n, "width_scale", 1);
        v = (ig_floats){hw, 4};
    } else if (arg) {
        v = onnx_floats(c, n, "scales");
    }
    if (v.n && !c->status) {
        const int64_t dims[1] = {(int64_t)v.n};
        scales = ig_graph_const_copy(c->g, "", INGOT_F32, 1, dims, v.v);
        if (scales == IG_NO_VALUE)
            return c->status = ig_fail(c->err, INGOT_E_NOMEM, "%s: no memory", n->name);
    }
    if (scales == IG_NO_VALUE) return ig_onnx_fail(c, n, "the scales are missing");
    const char *mode = onnx_text(c, n, "mode", "nearest");
    const ig_id in[3] = {n->in[0], IG_NO_VALUE, scales};
    ig_node *node = ig_emit(c, n, "resize", in, 3, n->out, n->n_out);
    ig_set_text(c, node, "mode", !strcmp(mode, "bilinear") ? "linear" : mode);
    ig_set_text(c, node, "coordinate_transformation_mode", "asymmetric");
    ig_set_text(c, node, "nearest_mode", "floor");
    return c->status;
}

/* The modes had names for two dims once. */
static ingot_status grid_sample_16(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const char *mode = onnx_text(c, n, "mode", "bilinear");
    if (!strcmp(mode, "bilinear")) mode = "linear";
    if (!strcmp(mode, "bicubic")) mode = "cubic";
    ig_node *node = ig_emit(c, n, "grid_sample", n->in, n->n_in, n->out, n->n_out);
    ig_set_text(c, node, "mode", mode);
    ig_set_text(c, node, "padding_mode", onnx_text(c, n, "padding_mode", "zeros"));
    ig_set_int(c, node, "align_corners", onnx_int(c, n, "align_corners", 0));
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_image[] = {
    {"", "AffineGrid", 20, 0, ig_import_same, "affine_grid"},
    {"", "Col2Im", 18, 0, ig_import_same, "col2im"},
    {"", "GridSample", 16, 19, grid_sample_16, NULL},
    {"", "GridSample", 20, 0, ig_import_same, "grid_sample"},
    {"", "MaxRoiPool", 1, 0, ig_import_same, "max_roi_pool"},
    {"", "NonMaxSuppression", 10, 0, ig_import_same, "non_max_suppression"},
    {"", "Resize", 10, 10, resize_old, NULL},
    {"", "Resize", 11, 0, ig_import_same, "resize"},
    {"", "RoiAlign", 10, 15, ig_import_same,
     "roi_align coordinate_transformation_mode=output_half_pixel"},
    {"", "RoiAlign", 16, 0, ig_import_same, "roi_align"},
    {"", "Upsample", 1, 8, resize_old, "attribute"},
    {"", "Upsample", 9, 0, resize_old, NULL},
    {0},
};
