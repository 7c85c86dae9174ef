/* reverse_sequence.c - reverse the first lens[b] steps of each sequence of a batch. */
#include "runtime/ops/move.h"

typedef struct {
    int64_t batch_axis, time_axis;
} reverse_attrs;

static const ig_attr fields[] = {
    IG_INT(reverse_attrs, batch_axis, 1), IG_INT(reverse_attrs, time_axis, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    const reverse_attrs *a = c->attrs;
    const ig_type *in = c->in[0], *lens = c->in[1];
    IG_TRY(ig_infer_ints(c, 1));
    if (in->rank < 0) return ig_infer_same(c);
    int batch, time;
    if (in->rank < 2) return ig_infer_fail(c, "the input has rank %d, not 2 or more", in->rank);
    IG_TRY(ig_infer_axis(c, a->batch_axis, in->rank, &batch));
    IG_TRY(ig_infer_axis(c, a->time_axis, in->rank, &time));
    if (batch + time != 1)
        return ig_infer_fail(c, "batch_axis and time_axis must be 0 and 1 or 1 and 0");
    if (lens->rank > 1 || (lens->rank == 1 && ig_dim_differ(lens->dims[0], in->dims[batch])))
        return ig_infer_fail(c, "sequence_lens must have one length for each of the batch");
    return ig_infer_same(c);
}

typedef struct {
    const ig_tensor *x, *lens;
    char *y;
    bool time_first;
    size_t bytes; /* of one step */
} reverse_task;

static void steps_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const reverse_task *t = arg;
    const size_t inner = (size_t)t->x->dims[1];
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        size_t batch = i / inner, time = i % inner;
        if (t->time_first) {
            batch = i % inner;
            time = i / inner;
        }
        const size_t len = (size_t)ig_index_at(t->lens, batch);
        if (time < len) time = len - 1 - time;
        const size_t from = t->time_first ? time * inner + batch : batch * inner + time;
        memcpy(t->y + i * t->bytes, (const char *)t->x->data + from * t->bytes, t->bytes);
    }
}

static ingot_status run(ig_run *r)
{
    const reverse_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    reverse_task t = {.x = x, .lens = r->in[1], .y = r->out[0]->data};
    const size_t all = ig_tensor_elements(x);
    t.time_first = a->time_axis == 0 || a->time_axis == -x->rank;
    const int64_t limit = x->dims[t.time_first ? 0 : 1];
    if (all == 0) return INGOT_OK;
    for (int64_t b = 0; b < x->dims[t.time_first ? 1 : 0]; b++) {
        const int64_t len = ig_index_at(t.lens, (size_t)b);
        if (len < 0 || len > limit)
            return ig_run_fail(r, "sequence %lld has length %lld, outside 0..%lld", (long long)b,
                               (long long)len, (long long)limit);
    }
    const size_t steps = (size_t)(x->dims[0] * x->dims[1]);
    t.bytes = all / steps * ig_elem(x->dtype);
    ig_parallel(r->pool, steps, ig_grain(t.bytes), 0, steps_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_reverse_sequence = {
    .name = "reverse_sequence",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(reverse_attrs),
    .infer = infer,
    .run = run,
};
