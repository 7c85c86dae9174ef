/* where.c - choose between two tensors, element by element: where(condition, x, y). Any dtype. */
#include "runtime/ops/block.h"
#include "runtime/ops/broadcast.h"

#include <string.h>

static ingot_status infer(ig_infer *c)
{
    const ingot_dtype cond = c->in[0]->dtype, x = c->in[1]->dtype, y = c->in[2]->dtype;
    if (cond != INGOT_NONE && cond != INGOT_BOOL)
        return ig_infer_fail(c, "the condition is %s, not bool", ig_dtype(cond)->name);
    if (x != INGOT_NONE && y != INGOT_NONE && x != y)
        return ig_infer_fail(c, "x is %s but y is %s", ig_dtype(x)->name, ig_dtype(y)->name);
    IG_TRY(ig_infer_broadcast(c, &c->out[0], c->in, 3));
    c->out[0].dtype = x != INGOT_NONE ? x : y;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_broadcast *walk = ig_new(b->arena, ig_broadcast);
    if (!walk) return ig_fail(b->err, INGOT_E_NOMEM, "where: no memory for a plan");
    if (!ig_broadcast_make(walk, b->out[0], b->in, 3))
        return ig_bind_fail(b, "the inputs do not broadcast to the output");
    b->state = walk;
    return INGOT_OK;
}

typedef struct {
    const uint8_t *cond;
    const char *x, *y;
    char *out;
    size_t bytes;
} where_job;

#define CHOOSE(type)                                                               \
    {                                                                              \
        const type *x = (const type *)(const void *)job->x + p->in[1];             \
        const type *y = (const type *)(const void *)job->y + p->in[2];             \
        type *out = (type *)(void *)job->out + p->at;                              \
        for (size_t i = 0; i < p->n; i++)                                          \
            out[i] = cond[i * p->step[0]] ? x[i * p->step[1]] : y[i * p->step[2]]; \
    }

static void work(void *arg, const ig_broadcast_part *p)
{
    const where_job *job = arg;
    const uint8_t *cond = job->cond + p->in[0];
    if (job->bytes == 1)
        CHOOSE(uint8_t)
    else if (job->bytes == 2)
        CHOOSE(uint16_t)
    else if (job->bytes == 4)
        CHOOSE(uint32_t)
    else if (job->bytes == 8)
        CHOOSE(uint64_t)
    else
        CHOOSE(ingot_str) /* strings and c128: 16 bytes */
}

static ingot_status run(ig_run *r)
{
    where_job job = {r->in[0]->data, r->in[1]->data, r->in[2]->data, r->out[0]->data,
                     ig_dtype(r->out[0]->dtype)->bytes};
    ig_broadcast_run(r->state, r->pool, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_where = {
    .name = "where",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
