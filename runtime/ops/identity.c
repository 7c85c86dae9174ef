/* identity.c - the same value under another name; tensors, sequences and optionals. */
#include "runtime/graph/op.h"

const ig_op ig_op_identity = {
    .name = "identity",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_VIEW | IG_OP_KINDS,
    .infer = ig_infer_same,
};
