/* conv_nhwc.c - y = act(conv(x, w) + bias + residual) on NHWC images, fp32; made by the layout
 * pass.
 *
 * x [N, H, W, C]; w [G, kh * kw * C/G, M/G] in panels (IG_P16) or plain, or [kh * kw, C] for a
 * depthwise convolution; bias [M]; residual like y. */
#include "runtime/ops/conv_image.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/act.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

enum { X, W, BIAS, RESIDUAL };

typedef struct {
    ig_window_attrs window;
    int64_t group;
    int act;
    double act_a, act_b;
} conv_attrs;

static const ig_attr attrs[] = {
    IG_WINDOW_FIELDS,
    IG_INT(conv_attrs, group, 1),
    IG_ENUM(conv_attrs, act, 0, ig_act_names),
    IG_FLOAT(conv_attrs, act_a, 0),
    IG_FLOAT(conv_attrs, act_b, 0),
    {0},
};

static bool depthwise(const ig_type *w) { return w->rank == 2; }

/* Channels by the weights; E_FORMAT when they do not fit the window. */
static ingot_status channels(const ig_node *node, const conv_attrs *a, const ig_type *w,
                             int64_t *in_c, int64_t *out_c, ingot_error *err)
{
    const ig_ints k = a->window.kernel_shape;
    if (k.n != 2 || k.v[0] < 1 || k.v[1] < 1 || k.v[0] > 1 << 20 || k.v[1] > 1 << 20)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "kernel_shape needs two positive entries");
    const int64_t taps = k.v[0] * k.v[1];
    const bool fits = depthwise(w) ? w->dims[0] == taps && a->group == w->dims[1]
                                   : w->rank == 3 && a->group > 0 && w->dims[0] == a->group &&
                                         w->dims[1] > 0 && w->dims[1] % taps == 0;
    if (!fits || w->dtype != INGOT_F32)
        return ig_node_fail(err, INGOT_E_FORMAT, node,
                            "the weights do not fit the window and groups");
    if (depthwise(w)) {
        *in_c = *out_c = w->dims[1];
    } else if (!ig_mul_ok(w->dims[1] / taps, a->group, in_c) ||
               !ig_mul_ok(w->dims[2], a->group, out_c)) {
        return ig_node_fail(err, INGOT_E_FORMAT, node, "too many channels");
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const conv_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    ig_type *y = &c->out[0];
    int64_t in_c = 0, out_c = 0;
    *y = (ig_type){.dtype = INGOT_F32, .rank = 4};
    if (!ig_type_static(w) || x->rank != 4 || x->dtype != INGOT_F32)
        return ig_infer_fail(c, "needs f32 images and constant weights");
    IG_TRY(channels(c->node, a, w, &in_c, &out_c, c->err));
    if (ig_dim_differ(x->dims[3], in_c))
        return ig_infer_fail(c, "%lld channels meet weights for %lld", (long long)x->dims[3],
                             (long long)in_c);
    ig_window window;
    IG_TRY(ig_window_make(&window, &a->window, 2, x->dims + 1, NULL, c->node, c->err));
    y->dims[0] = x->dims[0];
    y->dims[1] = window.out[0];
    y->dims[2] = window.out[1];
    y->dims[3] = out_c;
    if (ig_has(c, BIAS) && (c->in[BIAS]->rank != 1 || c->in[BIAS]->dims[0] != out_c ||
                            c->in[BIAS]->dtype != INGOT_F32))
        return ig_infer_fail(c, "the bias does not have one element a channel");
    if (!ig_has(c, RESIDUAL)) return INGOT_OK;
    const ig_type *r = c->in[RESIDUAL];
    bool same = r->rank == 4 && r->dtype == INGOT_F32;
    for (int d = 0; same && d < 4; d++) same = !ig_dim_differ(r->dims[d], y->dims[d]);
    return same ? INGOT_OK : ig_infer_fail(c, "the residual is not shaped like the result");
}

typedef struct {
    ig_conv_image conv;
    ig_conv_winograd winograd; /* math=fast */
    size_t at;
    const float *packed; /* made here when the weights are plain; NULL: use them as they are */
} state;

/* Plain dense weights, [G, K, N]: panels in plan memory. */
static ingot_status pack_plain(state *s, ig_bind *b)
{
    const ig_conv_f32_args *a = &s->conv.args;
    if (depthwise(b->in[W]) || b->in_layout[W] == IG_P16) return INGOT_OK;
    if (!b->known[W]) return ig_bind_fail(b, "the weights must be constant");
    const size_t k = ig_conv_depth(a), n = a->out_c / a->groups, each = ig_gemm_packed(k, n);
    float *p = ig_arena_array(b->arena, ig_conv_weights_elements(&s->conv), sizeof *p);
    if (!p) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
    const float *w = b->known[W]->data;
    for (size_t g = 0; g < a->groups; g++)
        ig_gemm_pack_f32()(p + g * each, w + g * k * n, k, n, n, 1, 0, ig_gemm_panels(n));
    s->packed = p;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const conv_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *y = b->out[0];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    ig_window window;
    IG_TRY(ig_window_make(&window, &a->window, 2, x->dims + 1, NULL, b->node, b->err));
    const bool dw = depthwise(b->in[W]);
    if (b->in_layout[W] != IG_PLAIN && (dw || b->in_layout[W] != IG_P16))
        return ig_bind_fail(b, "the weights' layout is not that of this convolution");
    IG_TRY(ig_conv_image_bind(&s->conv, b, &window, x->dims[0], x->dims[3], y->dims[3], a->group,
                              dw, a->act, a->act_a, a->act_b));
    if (b->math == IG_MATH_FAST && b->known[W] && !dw && ig_conv_winograd_fits(&s->conv.args)) {
        b->kernel = "winograd_f32";
        return ig_conv_winograd_bind(&s->winograd, b, &s->conv.args, b->known[W]->data,
                                     b->in_layout[W] == IG_P16, &s->at);
    }
    b->kernel = dw ? "conv_dw_f32" : s->conv.few ? "conv_few_f32" : "conv_f32";
    IG_TRY(ig_conv_image_room(&s->conv, b, &s->at));
    return pack_plain(s, b);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    const ig_tensor *bias = r->n_in > BIAS ? r->in[BIAS] : NULL;
    const ig_tensor *residual = r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    if (s->winograd.in) {
        ig_conv_f32_args args = s->conv.args;
        args.y = r->out[0]->data, args.x = r->in[X]->data;
        args.epilogue.bias = bias ? bias->data : NULL;
        args.epilogue.residual = residual ? residual->data : NULL;
        ig_conv_winograd_run(&s->winograd, r->pool, ig_piece(r, s->at), &args);
        return INGOT_OK;
    }
    ig_conv_image_run(&s->conv, r->pool, ig_piece(r, s->at), r->out[0]->data, r->in[X]->data,
                      s->packed ? s->packed : r->in[W]->data, bias ? bias->data : NULL,
                      residual ? residual->data : NULL);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const ig_type *w = b->in[W];
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 2.0 * (double)n * (double)w->dims[depthwise(w) ? 0 : 1];
}

const ig_op ig_op_conv_nhwc = {
    .name = "conv_nhwc",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(conv_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
