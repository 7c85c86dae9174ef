/* label_encoder.c - label_encoder(x, keys, values, default): the value of each element's key.
 *
 * Keys and values are constants of one length: numbers or strings; keys have the type of x. */
#include "runtime/graph/op.h"
#include "runtime/ops/lookup.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { X, KEYS, VALUES, DEFAULT, N_INPUTS };

static ingot_status infer(ig_infer *c)
{
    const ingot_dtype x = c->in[X]->dtype, key = c->in[KEYS]->dtype;
    const ingot_dtype value = c->in[VALUES]->dtype, other = c->in[DEFAULT]->dtype;
    if (x != INGOT_NONE && key != INGOT_NONE && x != key)
        return ig_infer_fail(c, "x is %s but the keys are %s", ig_dtype(x)->name,
                             ig_dtype(key)->name);
    if (value != INGOT_NONE && other != INGOT_NONE && value != other)
        return ig_infer_fail(c, "the values are %s but the default is %s", ig_dtype(value)->name,
                             ig_dtype(other)->name);
    c->out[0] = *c->in[X];
    c->out[0].dtype = value;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_lookup *l = ig_new(b->arena, ig_lookup);
    for (size_t i = KEYS; i < N_INPUTS; i++)
        if (!b->known[i]) return ig_bind_fail(b, "input %zu must be constant", i);
    const size_t n = ig_tensor_elements(b->known[KEYS]);
    if (n != ig_tensor_elements(b->known[VALUES]) || ig_tensor_elements(b->known[DEFAULT]) < 1)
        return ig_bind_fail(b, "%zu keys, %zu values", n, ig_tensor_elements(b->known[VALUES]));
    ig_tensor *keys = ig_new(b->arena, ig_tensor);
    if (keys) *keys = *b->known[KEYS];
    if (!l || !keys || !ig_lookup_open(l, keys, b->arena))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for %zu keys", n);
    b->state = l;
    return INGOT_OK;
}

typedef struct {
    const ig_lookup *l;
    const void *x;
    const char *values, *other;
    char *out;
    size_t bytes;
} job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t i = begin; i < end; i++) {
        const int64_t at = ig_lookup_find(j->l, j->x, i);
        memcpy(j->out + i * j->bytes, at < 0 ? j->other : j->values + (size_t)at * j->bytes,
               j->bytes);
    }
}

static ingot_status run(ig_run *r)
{
    enum { GRAIN = 8192 };
    job j = {r->state,
             r->in[X]->data,
             r->in[VALUES]->data,
             r->in[DEFAULT]->data,
             r->out[0]->data,
             ig_dtype(r->out[0]->dtype)->bytes};
    ig_parallel(r->pool, ig_tensor_elements(r->in[X]), GRAIN, 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_label_encoder = {
    .name = "label_encoder",
    .min_in = N_INPUTS,
    .max_in = N_INPUTS,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
