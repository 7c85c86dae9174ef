/* dynamic_quantize.c - dynamic_quantize(x) -> y u8, scale f32, zero u8: the scale and zero point
 * that fit the range of x, widened to hold 0, to 0 .. 255.
 *
 *     scale = (high - low) / 255, or 1 / 255 for a range of one point
 *     zero  = rint(clip(-low / scale, 0, 255)) */
#include "runtime/ops/block.h"
#include "kernels/quant/quant.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

static ingot_status infer(ig_infer *c)
{
    const ingot_dtype x = c->in[0]->dtype;
    if (x != INGOT_NONE && x != INGOT_F32)
        return ig_infer_fail(c, "quantises f32, not %s", ig_dtype(x)->name);
    c->out[0] = *c->in[0];
    c->out[0].dtype = INGOT_U8;
    c->out[1] = ig_type_tensor(INGOT_F32, 0, NULL);
    c->out[2] = ig_type_tensor(INGOT_U8, 0, NULL);
    return INGOT_OK;
}

/* Each worker's share of the range lies in a cache line of its own. */
typedef struct {
    float low, high, pad[14];
} range;

typedef struct {
    range_f32_fn *range;
    quantize_f32_fn *quantize;
    size_t n_threads;
} state;

static ingot_status bind(ig_bind *b)
{
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "dynamic_quantize: no memory for a plan");
    *s = (state){ig_range_f32(), ig_quantize_f32(), IG_MAX(b->n_threads, (size_t)1)};
    b->scratch_bytes = s->n_threads * sizeof(range);
    b->state = s;
    return INGOT_OK;
}

typedef struct {
    const state *s;
    const float *x;
    uint8_t *y;
    range *ranges;
    float scale;
    int32_t zero;
} job;

static void find_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    range *mine = &j->ranges[worker], found;
    j->s->range(&found.low, &found.high, j->x + begin, end - begin);
    mine->low = fminf(mine->low, found.low);
    mine->high = fmaxf(mine->high, found.high);
}

static void quantize(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    j->s->quantize(j->y + begin, j->x + begin, end - begin, j->scale, j->zero, false);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    const size_t n = ig_tensor_elements(r->in[0]);
    job j = {.s = s, .x = r->in[0]->data, .y = r->out[0]->data, .ranges = r->scratch};
    float low = 0, high = 0;
    for (size_t i = 0; i < s->n_threads; i++) j.ranges[i].low = j.ranges[i].high = 0;
    ig_parallel(r->pool, n, IG_GRAIN, 0, find_range, &j);
    for (size_t i = 0; i < s->n_threads; i++) {
        low = fminf(low, j.ranges[i].low);
        high = fmaxf(high, j.ranges[i].high);
    }
    j.scale = (high == low ? 1 : high - low) / 255;
    const float zero = 0 - low / j.scale; /* 0 and not -0 */
    j.zero = zero > 0 ? (int32_t)rintf(fminf(zero, 255)) : 0;
    *(float *)r->out[1]->data = j.scale;
    *(uint8_t *)r->out[2]->data = (uint8_t)j.zero;
    ig_parallel(r->pool, n, IG_GRAIN, 0, quantize, &j);
    return INGOT_OK;
}

const ig_op ig_op_dynamic_quantize = {
    .name = "dynamic_quantize",
    .min_in = 1,
    .max_in = 1,
    .min_out = 3,
    .max_out = 3,
    .infer = infer,
    .bind = bind,
    .run = run,
};
