/* string_concat.c - texts of two tensors joined element by element, with broadcasting. */
#include "runtime/graph/op.h"
#include "runtime/ops/broadcast.h"
#include "runtime/base/checked.h"

#include <string.h>

static ingot_status infer(ig_infer *c)
{
    for (size_t i = 0; i < 2; i++)
        if (c->in[i]->dtype != INGOT_STR && c->in[i]->dtype != INGOT_NONE)
            return ig_infer_fail(c, "input %zu is %s, not strings", i,
                                 ig_dtype(c->in[i]->dtype)->name);
    IG_TRY(ig_infer_broadcast(c, &c->out[0], c->in, 2));
    c->out[0].dtype = INGOT_STR;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_broadcast *walk = ig_new(b->arena, ig_broadcast);
    if (!walk) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    if (!ig_broadcast_make(walk, b->out[0], b->in, 2))
        return ig_bind_fail(b, "the inputs do not broadcast to the output");
    b->state = walk;
    return INGOT_OK;
}

typedef struct {
    ig_run *r;
    ingot_str *out;
    bool full;
} job;

static void work(void *arg, const ig_broadcast_part *p)
{
    job *j = arg;
    const ingot_str *a = j->r->in[0]->data, *b = j->r->in[1]->data;
    for (size_t i = 0; i < p->n && !j->full; i++) {
        const ingot_str x = a[p->in[0] + i * p->step[0]], y = b[p->in[1] + i * p->step[1]];
        size_t n;
        char *text =
            ig_add_ok(x.n, y.n, &n) && n < SIZE_MAX ? ig_arena_take(j->r->side, n + 1) : NULL;
        j->full = !text;
        if (!text) return;
        if (x.n) memcpy(text, x.p, x.n);
        if (y.n) memcpy(text + x.n, y.p, y.n);
        j->out[p->at + i] = (ingot_str){text, n};
    }
}

static ingot_status run(ig_run *r)
{
    const ig_broadcast *walk = r->state;
    int64_t dims[IG_MAX_RANK] = {0};
    const int ra = r->in[0]->rank, rb = r->in[1]->rank, rank = IG_MAX(ra, rb);
    for (int d = 0; d < rank; d++) {
        const int at_a = d - (rank - ra), at_b = d - (rank - rb);
        const int64_t a = at_a < 0 ? 1 : r->in[0]->dims[at_a];
        const int64_t b = at_b < 0 ? 1 : r->in[1]->dims[at_b];
        dims[d] = a == 1 ? b : a;
    }
    IG_TRY(ig_run_output(r, 0, INGOT_STR, rank, dims));
    if (!r->out[0]) return INGOT_OK;
    job j = {r, r->out[0]->data, false};
    ig_broadcast_run(walk, NULL, 0, work, &j); /* one thread: the arena has one user */
    return j.full ? ig_node_fail(r->err, INGOT_E_FULL, r->node, "no memory for the texts")
                  : INGOT_OK;
}

const ig_op ig_op_string_concat = {
    .name = "string_concat",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .infer = infer,
    .bind = bind,
    .run = run,
};
