/* map_norm.c - ONNX normalisations. */
#include "formats/onnx/import.h"

/* Before opset 14 more outputs than y meant training: y, running mean and variance, x's own mean
 * and variance. is_test and consumed_inputs said nothing more. */
static ingot_status batch_norm_old(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    bool training = false;
    for (uint32_t o = 1; o < n->n_out; o++) training = training || n->out[o] != IG_NO_VALUE;
    ig_node *node = ig_emit(c, n, "batch_norm", n->in, n->n_in, n->out, n->n_out);
    ig_set_float(c, node, "epsilon", onnx_float(c, n, "epsilon", 1e-5));
    ig_set_float(c, node, "momentum", onnx_float(c, n, "momentum", 0.9));
    ig_set_int(c, node, "spatial", onnx_int(c, n, "spatial", 1) != 0);
    ig_set_int(c, node, "training_mode", training && !onnx_int(c, n, "is_test", 0));
    return c->status;
}

/* consumed_inputs (opset 1) names memory to reuse. */
static ingot_status instance_norm(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "group_norm", n->in, n->n_in, n->out, n->n_out);
    ig_set_float(c, node, "epsilon", onnx_float(c, n, "epsilon", 1e-5));
    return c->status;
}

static ingot_status group_norm(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    const int64_t groups = onnx_int(c, n, "num_groups", 0);
    if (groups < 1 && !c->status)
        return ig_onnx_bad(c, n, "num_groups is %lld, it must be 1 or more", (long long)groups);
    ig_node *node = ig_emit(c, n, "group_norm", n->in, n->n_in, n->out, n->n_out);
    ig_set_int(c, node, "num_groups", groups);
    ig_set_float(c, node, "epsilon", onnx_float(c, n, "epsilon", 1e-5));
    ig_set_int(c, node, "stash_type", onnx_int(c, n, "stash_type", 1));
    ig_set_int(c, node, "per_group", arg != NULL);
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_norm[] = {
    {"", "BatchNormalization", 1, 13, batch_norm_old, NULL},
    {"", "BatchNormalization", 14, 0, ig_import_same, "batch_norm"},
    {"", "GroupNormalization", 18, 20, group_norm, "per group"},
    {"", "GroupNormalization", 21, 0, group_norm, NULL},
    {"", "InstanceNormalization", 1, 0, instance_norm, NULL},
    {"", "LayerNormalization", 17, 0, ig_import_same, "layer_norm"},
    {"", "LRN", 1, 0, ig_import_same, "lrn"},
    {"", "RMSNormalization", 23, 0, ig_import_same, "rms_norm"},
    {0},
};
