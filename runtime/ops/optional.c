/* optional.c - values that may be empty: optional, optional_get_element, optional_has_element.
 *
 * A full optional is the tensor or sequence itself; an empty one is a tensor marked absent. */
#include "runtime/graph/op.h"

typedef struct {
    int64_t dtype, sequence; /* what an empty one would hold */
} optional_attrs;

static const ig_attr attrs[] = {
    IG_INT(optional_attrs, dtype, INGOT_NONE), IG_INT(optional_attrs, sequence, 0), {0}};

static ingot_status give(ig_run *r, const ig_tensor *t)
{
    if (!r->out[0] || ig_tensor_copy(r->out[0], t, r->side)) return INGOT_OK;
    return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for a copy");
}

/* ---- optional ---- */

static ingot_status infer_optional(ig_infer *c)
{
    const optional_attrs *a = c->attrs;
    if (ig_has(c, 0)) {
        c->out[0] = *c->in[0];
        return INGOT_OK;
    }
    if (a->dtype < 0 || a->dtype > INT8_MAX || (a->dtype && !ig_dtype_valid((int)a->dtype)))
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)a->dtype);
    c->out[0].kind = a->sequence ? IG_SEQUENCE : IG_TENSOR;
    c->out[0].dtype = (ingot_dtype)a->dtype;
    c->out[0].optional = true;
    return INGOT_OK;
}

static ingot_status run_optional(ig_run *r)
{
    const optional_attrs *a = r->attrs;
    if (r->n_in && r->in[0]) return give(r, r->in[0]);
    if (r->out[0])
        *r->out[0] = (ig_tensor){.kind = a->sequence ? IG_SEQUENCE : IG_TENSOR,
                                 .absent = true,
                                 .dtype = (ingot_dtype)a->dtype};
    return INGOT_OK;
}

/* ---- get, has ---- */

static ingot_status infer_get(ig_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].optional = false;
    if (c->in[0]->optional) c->out[0].rank = IG_RANK_UNKNOWN;
    return INGOT_OK;
}

static ingot_status run_get(ig_run *r)
{
    if (r->in[0]->absent) return ig_run_fail(r, "the optional is empty");
    return give(r, r->in[0]);
}

static ingot_status infer_has(ig_infer *c)
{
    c->out[0] = ig_type_tensor(INGOT_BOOL, 0, NULL);
    return INGOT_OK;
}

static ingot_status run_has(ig_run *r)
{
    *(uint8_t *)r->out[0]->data = r->n_in && r->in[0] && !r->in[0]->absent;
    return INGOT_OK;
}

const ig_op ig_op_optional = {
    .name = "optional",
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .attrs = attrs,
    .attrs_bytes = sizeof(optional_attrs),
    .infer = infer_optional,
    .run = run_optional,
};

const ig_op ig_op_optional_get_element = {
    .name = "optional_get_element",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS,
    .infer = infer_get,
    .run = run_get,
};

const ig_op ig_op_optional_has_element = {
    .name = "optional_has_element",
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_KINDS,
    .infer = infer_has,
    .run = run_has,
};
