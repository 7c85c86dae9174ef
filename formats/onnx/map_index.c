/* map_index.c - ONNX ops that pick, place, sort and count elements. */
#include "formats/onnx/import.h"

/* k was an attribute; only the largest, sorted. */
static ingot_status top_k_1(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const int64_t k = onnx_int(c, n, "k", -1);
    if (k < 0) return ig_onnx_fail(c, n, "attribute k is missing or negative");
    const ig_id in[2] = {n->in[0], ig_emit_ints(c, &k, 1)};
    ig_node *node = ig_emit(c, n, "top_k", in, 2, n->out, n->n_out);
    ig_set_int(c, node, "axis", onnx_int(c, n, "axis", -1));
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_index[] = {
    {"", "Compress", 9, 0, ig_import_same, "compress"},
    {"", "Gather", 1, 0, ig_import_same, "gather"},
    {"", "GatherElements", 11, 0, ig_import_same, "gather_elements"},
    {"", "GatherND", 11, 0, ig_import_same, "gather_nd"},
    {"", "NonZero", 9, 0, ig_import_same, "non_zero"},
    {"", "OneHot", 9, 0, ig_import_same, "one_hot"},
    {"", "Scatter", 9, 0, ig_import_same, "scatter_elements"},
    {"", "ScatterElements", 11, 0, ig_import_same, "scatter_elements"},
    {"", "ScatterND", 11, 0, ig_import_same, "scatter_nd"},
    {"", "TensorScatter", 24, 0, ig_import_same, "tensor_scatter"},
    {"", "TopK", 1, 9, top_k_1, NULL},
    {"", "TopK", 10, 0, ig_import_same, "top_k"},
    {"", "Unique", 11, 0, ig_import_same, "unique"},
    {0},
};
