/* sequence.c - lists of tensors: sequence_empty, sequence_construct, sequence_at, sequence_insert,
 * sequence_erase, sequence_length.
 *
 * A sequence never changes: insert and erase give a new list. Items that come from another sequence
 * are shared with it, since both live until the run ends; only tensors that enter are copied. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

/* ---- shared ---- */

static ingot_status infer_sequence(ig_infer *c)
{
    c->out[0].kind = IG_SEQUENCE;
    for (size_t i = 0; i < c->n_in && c->out[0].dtype == INGOT_NONE; i++)
        if (ig_has(c, i)) c->out[0].dtype = c->in[i]->dtype;
    return INGOT_OK;
}

/* Items of input 0; n items. */
static ingot_status items_of(const ig_tensor **items, size_t *n, const ig_run *r)
{
    const ig_tensor *t = r->in[0];
    if (t->absent || t->kind != IG_SEQUENCE) return ig_run_fail(r, "input 0 is not a sequence");
    *items = t->data;
    *n = ig_tensor_elements(t);
    return INGOT_OK;
}

/* The position in input `i`, counted from the end when negative; within [0, limit). */
static ingot_status position(size_t *out, const ig_run *r, size_t i, size_t n, size_t limit)
{
    const ig_tensor *t = r->in[i];
    const bool whole = t->dtype == INGOT_I64 || t->dtype == INGOT_I32;
    if (t->absent || t->kind != IG_TENSOR || !whole || ig_tensor_elements(t) != 1)
        return ig_run_fail(r, "the position must be one i32 or i64");
    const int64_t at = ig_to_int(t->data, t->dtype, 0);
    const int64_t from_front = at < 0 && at >= -(int64_t)n ? at + (int64_t)n : at;
    if (from_front < 0 || (size_t)from_front >= limit)
        return ig_run_fail(r, "position %lld is outside a sequence of %zu items", (long long)at, n);
    *out = (size_t)from_front;
    return INGOT_OK;
}

static ingot_status enter(ig_run *r, ig_tensor *item, const ig_tensor *t, ingot_dtype dtype)
{
    if (t->absent || t->kind != IG_TENSOR)
        return ig_run_fail(r, "an item of a sequence must be a tensor");
    if (t->dtype != dtype)
        return ig_run_fail(r, "a tensor of %s does not fit in a sequence of %s",
                           ig_dtype(t->dtype)->name, ig_dtype(dtype)->name);
    if (ig_tensor_copy(item, t, r->side)) return INGOT_OK;
    return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for an item");
}

/* ---- empty, construct ---- */

typedef struct {
    int64_t dtype;
} empty_attrs;

static const ig_attr empty_list[] = {IG_INT(empty_attrs, dtype, INGOT_F32), {0}};

static ingot_status infer_empty(ig_infer *c)
{
    const int64_t dtype = ((const empty_attrs *)c->attrs)->dtype;
    if (dtype <= 0 || dtype > INT8_MAX || !ig_dtype_valid((int)dtype))
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)dtype);
    c->out[0].kind = IG_SEQUENCE;
    c->out[0].dtype = (ingot_dtype)dtype;
    return INGOT_OK;
}

static ingot_status run_empty(ig_run *r)
{
    return ig_run_sequence(r, 0, (ingot_dtype)((const empty_attrs *)r->attrs)->dtype, 0);
}

static ingot_status run_construct(ig_run *r)
{
    IG_TRY(ig_run_sequence(r, 0, r->in[0]->dtype, r->n_in));
    if (!r->out[0]) return INGOT_OK;
    ig_tensor *items = r->out[0]->data;
    for (uint32_t i = 0; i < r->n_in; i++) {
        if (!r->in[i]) return ig_run_fail(r, "input %u is missing", i);
        IG_TRY(enter(r, &items[i], r->in[i], r->in[0]->dtype));
    }
    return INGOT_OK;
}

/* ---- at, length ---- */

static ingot_status infer_at(ig_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    return INGOT_OK;
}

static ingot_status run_at(ig_run *r)
{
    const ig_tensor *items = NULL;
    size_t n = 0, at = 0;
    IG_TRY(items_of(&items, &n, r));
    IG_TRY(position(&at, r, 1, n, n));
    if (r->out[0]) *r->out[0] = items[at];
    return INGOT_OK;
}

static ingot_status infer_length(ig_infer *c)
{
    c->out[0] = ig_type_tensor(INGOT_I64, 0, NULL);
    return INGOT_OK;
}

static ingot_status run_length(ig_run *r)
{
    const ig_tensor *items = NULL;
    size_t n = 0;
    IG_TRY(items_of(&items, &n, r));
    *(int64_t *)r->out[0]->data = (int64_t)n;
    return INGOT_OK;
}

/* ---- insert, erase ---- */

static ingot_status run_insert(ig_run *r)
{
    const ig_tensor *items = NULL;
    size_t n = 0;
    IG_TRY(items_of(&items, &n, r));
    size_t at = n;
    if (r->n_in > 2 && r->in[2]) IG_TRY(position(&at, r, 2, n, n + 1));
    /* An empty list of no type takes the type of its first item. */
    const ingot_dtype own = r->in[0]->dtype;
    const ingot_dtype dtype = own == INGOT_NONE ? r->in[1]->dtype : own;
    IG_TRY(ig_run_sequence(r, 0, dtype, n + 1));
    if (!r->out[0]) return INGOT_OK;
    ig_tensor *out = r->out[0]->data;
    if (at) memcpy(out, items, at * sizeof *out);
    if (at < n) memcpy(out + at + 1, items + at, (n - at) * sizeof *out);
    return enter(r, &out[at], r->in[1], dtype);
}

static ingot_status run_erase(ig_run *r)
{
    const ig_tensor *items = NULL;
    size_t n = 0;
    IG_TRY(items_of(&items, &n, r));
    if (!n) return ig_run_fail(r, "the sequence is empty: there is nothing to erase");
    size_t at = n - 1;
    if (r->n_in > 1 && r->in[1]) IG_TRY(position(&at, r, 1, n, n));
    IG_TRY(ig_run_sequence(r, 0, r->in[0]->dtype, n - 1));
    if (!r->out[0]) return INGOT_OK;
    ig_tensor *out = r->out[0]->data;
    if (at) memcpy(out, items, at * sizeof *out);
    if (at + 1 < n) memcpy(out + at, items + at + 1, (n - at - 1) * sizeof *out);
    return INGOT_OK;
}

/* ---- the ops ---- */

const ig_op ig_op_sequence_empty = {
    .name = "sequence_empty",
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .attrs = empty_list,
    .attrs_bytes = sizeof(empty_attrs),
    .infer = infer_empty,
    .run = run_empty,
};

const ig_op ig_op_sequence_construct = {
    .name = "sequence_construct",
    .min_in = 1,
    .max_in = IG_MANY,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .infer = infer_sequence,
    .run = run_construct,
};

const ig_op ig_op_sequence_at = {
    .name = "sequence_at",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .infer = infer_at,
    .run = run_at,
};

const ig_op ig_op_sequence_insert = {
    .name = "sequence_insert",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .infer = infer_sequence,
    .run = run_insert,
};

const ig_op ig_op_sequence_erase = {
    .name = "sequence_erase",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .infer = infer_sequence,
    .run = run_erase,
};

const ig_op ig_op_sequence_length = {
    .name = "sequence_length",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_KINDS,
    .infer = infer_length,
    .run = run_length,
};
