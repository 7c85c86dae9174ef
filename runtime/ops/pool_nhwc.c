/* pool_nhwc.c - max and average pools of fp32 images [N, H, W, C], and max pools of bytes; made by
 * the layout pass. */
#include "runtime/ops/pool.h"
#include "runtime/ops/wide.h"
#include "kernels/pool/pool.h"
#include "kernels/quant/quant.h"
#include "runtime/base/checked.h"

static const ig_attr attrs[] = {IG_POOL_FIELDS, {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_pool_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *y = &c->out[0];
    const bool bytes = x->dtype == INGOT_U8 || x->dtype == INGOT_I8;
    if (!(x->dtype == INGOT_F32 || (bytes && a->fn == IG_POOL_MAX)) || x->rank != 4 ||
        a->fn == IG_POOL_LP)
        return ig_infer_fail(c, "needs f32 images and a maximum or an average, or bytes and a "
                                "maximum");
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
    if (x->dtype == INGOT_F32) return INGOT_OK;
    size_t taps, at; /* a list of them for each worker: all there is in scratch */
    b->kernel = "max_i8";
    if (!ig_mul_ok(p->kh, p->kw, &taps) || !ig_mul_ok(taps, IG_MAX(b->n_threads, (size_t)1), &taps))
        return ig_bind_fail(b, "the window is too large");
    return ig_scratch_add(b, taps, sizeof(void *), &at);
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

/* ---- bytes ---- */

typedef struct {
    const ig_pool_f32_args *p; /* the window; its x and y are not used */
    max_i8_fn *kernel;
    uint8_t *y;
    const uint8_t *x, **lists; /* of taps, one for each worker */
    bool is_signed;
} byte_job;

/* The taps of output (oy, ox) inside the image. */
static size_t list_taps(const byte_job *j, const uint8_t **taps, const uint8_t *image, size_t oy,
                        size_t ox)
{
    const ig_pool_f32_args *p = j->p;
    size_t n = 0;
    for (size_t ky = 0; ky < p->kh; ky++) { /* before the image, y and x wrap to huge numbers */
        const size_t y = oy * p->stride_h + ky * p->dilation_h - p->pad_top;
        for (size_t kx = 0; kx < p->kw && y < p->in_h; kx++) {
            const size_t x = ox * p->stride_w + kx * p->dilation_w - p->pad_left;
            if (x < p->in_w) taps[n++] = image + (y * p->in_w + x) * p->channels;
        }
    }
    return n;
}

static void byte_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    const byte_job *j = arg;
    const ig_pool_f32_args *p = j->p;
    const uint8_t **taps = j->lists + worker * p->kh * p->kw;
    for (size_t r = begin; r < end; r++) {
        const uint8_t *image = j->x + r / p->out_h * p->in_h * p->in_w * p->channels;
        uint8_t *y = j->y + r * p->out_w * p->channels;
        for (size_t ox = 0; ox < p->out_w; ox++, y += p->channels) {
            const size_t n = list_taps(j, taps, image, r % p->out_h, ox);
            j->kernel(y, taps, n, p->channels, j->is_signed);
        }
    }
}

static ingot_status run_bytes(ig_run *r)
{
    const ig_pool_f32_args *p = r->state;
    byte_job j = {.p = p,
                  .kernel = ig_max_i8(),
                  .y = r->out[0]->data,
                  .x = r->in[0]->data,
                  .lists = r->scratch,
                  .is_signed = r->in[0]->dtype == INGOT_I8};
    const size_t work = p->out_w * p->kh * p->kw * p->channels;
    ig_parallel(r->pool, p->batch * p->out_h, (256u << 10) / IG_MAX(work, (size_t)1) + 1, 0,
                byte_rows, &j);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const ig_pool_attrs *a = r->attrs;
    if (r->in[0]->dtype != INGOT_F32) return run_bytes(r);
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
