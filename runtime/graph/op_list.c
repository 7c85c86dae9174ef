/* op_list.c - the list of ops. Alone in its file: what is linked for a few helpers of ops, as the
 * CUDA plugin is, does not draw in every op. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

#define OP(name) extern const ig_op ig_op_##name;
#include "runtime/ops/ops.def"
#undef OP

static const ig_op *const ops[] = {
#define OP(name) &ig_op_##name,
#include "runtime/ops/ops.def"
#undef OP
    NULL,
};

const ig_op *const *ig_op_list(size_t *n)
{
    *n = IG_LEN(ops) - 1;
    return ops;
}

const ig_op *ig_op_find(const char *name)
{
    for (size_t i = 0; ops[i]; i++)
        if (!strcmp(ops[i]->name, name)) return ops[i];
    return NULL;
}
