/* collective.c - all_reduce and all_gather: what devices that share a model do together. */
#include "runtime/device/cuda/op.h"
#include "runtime/graph/comm.h"

typedef struct {
    size_t elements, rows;
    ig_ints first; /* of a gather */
} collective;

static ingot_status keep_size(ig_device_bind *b, collective **out)
{
    collective *s = *out = ig_new(b->arena, collective);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    if (!ig_type_elements(b->in[0], &s->elements)) return IG_CU_DECLINE(b, "its size is not known");
    b->state = s;
    return INGOT_OK;
}

static ingot_status no_ranks(const ig_device_run *r)
{
    return ig_fail(r->err, INGOT_E_ARG,
                   "node '%s': this graph is one rank's share, and it runs without the other ranks",
                   r->node->name);
}

/* ---- sum ---- */

static ingot_status bind_sum(ig_device *d, ig_device_bind *b)
{
    collective *s;
    (void)d;
    b->kernel = "all_reduce";
    return keep_size(b, &s);
}

static ingot_status launch_sum(ig_device_stream *s, const ig_device_run *r)
{
    const collective *c = r->state;
    if (!r->comm) return no_ranks(r);
    if (r->out[0] != r->in[0])
        IG_TRY(ig_cu_done(s, r, ig_cu_copy(s, r->out[0], r->in[0], c->elements * sizeof(float))));
    return r->comm->sum(r->comm, r->out[0], c->elements, r->err);
}

const ig_cu_op ig_cu_op_all_reduce = {.name = "all_reduce", .bind = bind_sum, .launch = launch_sum};

/* ---- gather ---- */

static ingot_status bind_gather(ig_device *d, ig_device_bind *b)
{
    collective *s;
    (void)d;
    IG_TRY(keep_size(b, &s));
    const int last = b->in[0]->rank - 1;
    s->first = ig_cu_ints(b, "first");
    s->rows = b->in[0]->dims[last] ? s->elements / (size_t)b->in[0]->dims[last] : 0;
    b->kernel = "all_gather";
    return INGOT_OK;
}

static ingot_status launch_gather(ig_device_stream *s, const ig_device_run *r)
{
    const collective *c = r->state;
    (void)s;
    if (!r->comm || c->first.n != r->comm->n_ranks + 1) return no_ranks(r);
    return r->comm->gather(r->comm, r->out[0], r->in[0], c->rows, c->first.v, r->err);
}

const ig_cu_op ig_cu_op_all_gather = {
    .name = "all_gather", .bind = bind_gather, .launch = launch_gather};
