/* pool_nhwc.c - max and average pools of fp32 images [N, H, W, C]; made by the layout pass. */
#include "runtime/ops/pool.h"
#include "runtime/ops/wide.h"
#include "kernels/pool/pool.h"
#include "runtime/base/checked.h"

static const ig_attr attrs[] = {IG_POOL_FIELDS, {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_pool_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *y = &c->out[0];
    if (x->dtype != INGOT_F32 || x->rank != 4 || a->fn == IG_POOL_LP)
        return ig_infer_fail(c, "needs f32 images, and a maximum or an average");
    ig_window w;
    IG_TRY(ig_pool_window(&w, a, 2, x->dims + 1, c->node, c->err));
    *y = *x;
    for (int i = 0; i < 2; i++) y->dims[1 + i] = w.out[i] >= 0 ? w.out[i] : IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const ig_pool_attrs *a = b->attrs;
    const ig_type *x = b->in[0];
    ig_pool_f32_args *p = ig_bind_new(b, sizeof *p);
    if (!p) return INGOT_E_NOMEM;
    ig_window w;
    IG_TRY(ig_pool_window(&w, a, 2, x->dims + 1, b->node, b->err));
    *p = (ig_pool_f32_args){.batch = (size_t)x->dims[0],
                            .in_h = (size_t)w.in[0],
                            .in_w = (size_t)w.in[1],
                            .out_h = (size_t)w.out[0],
                            .out_w = (size_t)w.out[1],
                            .channels = (size_t)x->dims[3],
                            .kh = (size_t)w.kernel[0],
                            .kw = (size_t)w.kernel[1],
                            .stride_h = (size_t)w.stride[0],
                            .stride_w = (size_t)w.stride[1],
                            .dilation_h = (size_t)w.dilation[0],
                            .dilation_w = (size_t)w.dilation[1],
                            .pad_top = (size_t)w.begin[0],
                            .pad_left = (size_t)w.begin[1],
                            .pad_bottom = (size_t)w.end[0],
                            .pad_right = (size_t)w.end[1],
                            .count_pad = a->count_include_pad};
    b->kernel = a->fn == IG_POOL_MAX ? "pool_max_f32" : "pool_avg_f32";
    return INGOT_OK;
}

typedef struct {
    ig_pool_f32_args args;
    pool_max_f32_fn *kernel; /* both kinds have this type */
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    j->kernel(&j->args, begin, end);
}

static ingot_status run(ig_run *r)
{
    const ig_pool_attrs *a = r->attrs;
    job j = {*(const ig_pool_f32_args *)r->state,
             a->fn == IG_POOL_MAX ? ig_pool_max_f32() : ig_pool_avg_f32()};
    j.args.y = r->out[0]->data;
    j.args.x = r->in[0]->data;
    const size_t work = j.args.out_w * j.args.kh * j.args.kw * j.args.channels;
    ig_parallel(r->pool, j.args.batch * j.args.out_h, (64u << 10) / IG_MAX(work, (size_t)1) + 1, 0,
                part, &j);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const ig_pool_f32_args *p = b->state;
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    if (p) cost->flops = (double)n * (double)p->kh * (double)p->kw;
}

const ig_op ig_op_pool_nhwc = {
    .name = "pool_nhwc",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(ig_pool_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
