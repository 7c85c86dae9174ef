/* one_hot_encoder.c - one_hot_encoder(x, categories): a new last axis of f32, 1 at the category of
 * the element. Categories are i64 (numbers are truncated to compare) or strings, constant.
 *
 * zeros: an element of no category gives zeros only; otherwise it is an error. */
#include "runtime/graph/op.h"
#include "runtime/ops/lookup.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t zeros;
} encoder_attrs;

static const ig_attr attrs[] = {IG_INT(encoder_attrs, zeros, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0], *k = c->in[1];
    if (x->dtype != INGOT_NONE && (x->dtype == INGOT_STR) != (k->dtype == INGOT_STR))
        return ig_infer_fail(c, "x is %s but the categories are %s", ig_dtype(x->dtype)->name,
                             ig_dtype(k->dtype)->name);
    if ((k->dtype != INGOT_NONE && k->dtype != INGOT_STR && k->dtype != INGOT_I64) ||
        (k->rank >= 0 && k->rank != 1) || x->rank >= IG_MAX_RANK)
        return ig_infer_fail(c, "categories must be one list of i64 or strings");
    c->out[0] = *x;
    c->out[0].dtype = INGOT_F32;
    if (x->rank < 0) return INGOT_OK;
    c->out[0].rank = x->rank + 1;
    c->out[0].dims[x->rank] = k->rank == 1 ? k->dims[0] : IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    if (!b->known[1]) return ig_bind_fail(b, "the categories must be constant");
    ig_lookup *l = ig_new(b->arena, ig_lookup);
    ig_tensor *keys = ig_new(b->arena, ig_tensor);
    if (keys) *keys = *b->known[1];
    if (!l || !keys || !ig_lookup_open(l, keys, b->arena))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for the categories");
    b->state = l;
    return INGOT_OK;
}

static int64_t category(const ig_lookup *l, const ig_tensor *x, size_t i)
{
    if (x->dtype == INGOT_STR) return ig_lookup_find(l, x->data, i);
    int64_t v;
    if (ig_dtype(x->dtype)->class_ == IG_CLASS_FLOAT)
        ig_from_double(&v, INGOT_I64, 0, ig_to_double(x->data, x->dtype, i));
    else
        v = ig_to_int(x->data, x->dtype, i);
    return ig_lookup_int(l, v);
}

static ingot_status run(ig_run *r)
{
    const ig_lookup *l = r->state;
    const size_t n = ig_tensor_elements(r->in[0]), k = ig_tensor_elements(r->in[1]);
    float *out = r->out[0]->data;
    if (n && k) memset(out, 0, n * k * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const int64_t at = category(l, r->in[0], i);
        if (at >= 0)
            out[i * k + (size_t)at] = 1;
        else if (!((const encoder_attrs *)r->attrs)->zeros)
            return ig_run_fail(r, "element %zu is none of the %zu categories", i, k);
    }
    return INGOT_OK;
}

const ig_op ig_op_one_hot_encoder = {
    .name = "one_hot_encoder",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(encoder_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
