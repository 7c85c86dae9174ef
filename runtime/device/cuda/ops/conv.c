/* conv.c - conv and conv_nhwc on the device.
 *
 * Images of one and two dims go through matrix units: x is brought into 16-bit floats with channels
 * last (kernels/gemm/gemm_cuda.h, cu_gemm_cast), f32 as three planes of bf16 or, with math=fast, as
 * bf16; weights are packed likewise when the node is bound, where they are constant. The result
 * leaves the kernel in the layout of the op. Depthwise layers, f64 and more dims have kernels of
 * their own (kernels/conv/conv_cuda.h). */
#include "runtime/device/cuda/ops/conv.h"
#include "runtime/device/cuda/conv_cudnn.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/half.h"

#include <stdio.h>
#include <string.h>

enum { X, W, BIAS, RESIDUAL };

bool ig_cu_window(cu_conv_window *o, const ig_window *w, int64_t batch)
{
    const int y = w->n - 2, x = w->n - 1; /* y: -1 where there is one dim */
#define PICK(field, none)                         \
    {                                             \
        y < 0 ? (none) : w->field[y], w->field[x] \
    }
    const int64_t in[] = PICK(in, 1), out[] = PICK(out, 1), kernel[] = PICK(kernel, 1);
    const int64_t stride[] = PICK(stride, 1), dilation[] = PICK(dilation, 1),
                  begin[] = PICK(begin, 0);
#undef PICK
    int64_t all = batch;
    for (int i = 0; i < 2; i++) {
        const int64_t reach = kernel[i] * dilation[i] + begin[i];
        if (reach > CU_MOST / 4 || stride[i] > CU_MOST / 4 || in[i] > CU_MOST / 4 ||
            out[i] * stride[i] > CU_MOST / 4 || !ig_mul_ok(all, IG_MAX(in[i], out[i]), &all))
            return false;
    }
    if (all > CU_MOST) return false;
    *o = (cu_conv_window){.batch = (int)batch,
                          .in_h = (int)in[0],
                          .in_w = (int)in[1],
                          .out_h = (int)out[0],
                          .out_w = (int)out[1],
                          .kh = (int)kernel[0],
                          .kw = (int)kernel[1],
                          .stride_h = (int)stride[0],
                          .stride_w = (int)stride[1],
                          .dilation_h = (int)dilation[0],
                          .dilation_w = (int)dilation[1],
                          .pad_top = (int)begin[0],
                          .pad_left = (int)begin[1]};
    return true;
}

typedef struct {
    enum { UNITS, DEPTHWISE, DIRECT, CUDNN } way;
    ig_cudnn_conv *cudnn;
    cu_conv_args units;
    cu_conv_dw_args depthwise;
    cu_conv_direct_args direct;
    cu_gemm_cast_args cast_x, cast_w; /* cast_w: weights that are no constant */
    void *packed;                     /* those that are */
    size_t x_at, w_at, room_at;
    bool has_room;
} conv_state;

/* ---- constant weights: [groups * out_c][taps][planes][in_c rounded up to 8] ---- */

typedef struct {
    const void *w;
    const cu_conv_args *a;
    ingot_dtype dtype;
    int64_t in_c, taps;               /* channels that there are */
    enum { OIHW, KN, PANELS } layout; /* KN: [groups][taps * in_c][out_c]; PANELS: that in panels */
} weights;

static float weight(const weights *s, int64_t m, int64_t tap, int64_t c)
{
    const int64_t out_c = s->a->out_c, k = s->taps * s->in_c, row = tap * s->in_c + c;
    const int64_t group = m / out_c, n = m % out_c;
    int64_t at = (m * s->in_c + c) * s->taps + tap;
    if (s->layout == KN) at = (group * k + row) * out_c + n;
    if (s->layout == PANELS)
        at = group * (int64_t)ig_gemm_packed((size_t)k, (size_t)out_c) +
             (n / IG_PANEL * k + row) * IG_PANEL + n % IG_PANEL;
    if (s->dtype == INGOT_F32) return ((const float *)s->w)[at];
    const uint16_t h = ((const uint16_t *)s->w)[at];
    return s->dtype == INGOT_F16 ? ig_f16_to_f32(h) : ig_bf16_to_f32(h);
}

/* An element in the planes `step` apart; three truncate, so that their sum is exact. */
static void put_weight(uint16_t *to, const cu_conv_args *a, float v)
{
    if (a->type == CU_F16) {
        to[0] = ig_f32_to_f16(v);
    } else if (!a->split) {
        to[0] = ig_f32_to_bf16(v);
    } else {
        const uint32_t bits = ig_f32_bits(v);
        const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
        if (!finite) {
            to[0] = ig_f32_to_bf16(v);
            return;
        }
        for (int plane = 0; plane < 3; plane++, to += a->in_c) {
            to[0] = (uint16_t)(ig_f32_bits(v) >> 16);
            v -= ig_bf16_to_f32(to[0]);
        }
    }
}

static ingot_status fill_weights(const void *ud, void *dst, ingot_error *err)
{
    const weights *s = ud;
    const cu_conv_args *a = s->a;
    const int64_t planes = a->split ? 3 : 1, channels = (int64_t)a->groups * a->out_c;
    uint16_t *to = dst;
    (void)err;
    memset(dst, 0, (size_t)(channels * s->taps * planes * a->in_c) * sizeof *to);
    for (int64_t m = 0; m < channels; m++)
        for (int64_t t = 0; t < s->taps; t++, to += planes * a->in_c)
            for (int64_t c = 0; c < s->in_c; c++) put_weight(to + c, a, weight(s, m, t, c));
    return INGOT_OK;
}

/* [groups * out_c][taps][in_c] in f32, as cuDNN reads them with channels last. */
static ingot_status fill_plain(const void *ud, void *dst, ingot_error *err)
{
    const weights *s = ud;
    const int64_t channels = (int64_t)s->a->groups * s->a->out_c;
    float *to = dst;
    (void)err;
    for (int64_t m = 0; m < channels; m++)
        for (int64_t t = 0; t < s->taps; t++)
            for (int64_t c = 0; c < s->in_c; c++) *to++ = weight(s, m, t, c);
    return INGOT_OK;
}

/* ---- by cuDNN ---- */

/* After the matrix units' kernel was bound: cuDNN instead of it, where it may be. */
static ingot_status bind_cudnn(ig_device *d, ig_device_bind *b, conv_state *s, const weights *w)
{
    const cu_conv_args *a = &s->units;
    const bool relu = a->out.act == CU_ACT_relu;
    const ig_cudnn_shape shape = {.window = a->window,
                                  .type = a->c_type,
                                  .groups = a->groups,
                                  .in_c = (int)w->in_c,
                                  .out_c = a->out_c,
                                  .channels_last = !a->planes,
                                  .relu = relu,
                                  .bias = ig_cu_has(b, BIAS),
                                  .residual = ig_cu_has(b, RESIDUAL),
                                  .fast = b->fast};
    size_t room = 0;
    if (!ig_cudnn() || (!relu && a->out.act != CU_ACT_none) || (!a->planes && !w->w))
        return INGOT_OK;
    s->cudnn = ig_cudnn()->open(&shape, &room);
    if (!s->cudnn) return INGOT_OK;
    s->way = CUDNN;
    b->kernel = "cudnn";
    if (room > PTRDIFF_MAX || !ig_cu_room(b, (int64_t)room, 1, &s->room_at))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (a->planes) return INGOT_OK;
    b->taken |= UINT64_C(1) << W;
    return ig_cu_pack(d, w->w, "f32 [m, taps, c]",
                      (size_t)a->groups * (size_t)a->out_c * (size_t)(w->taps * w->in_c) *
                          sizeof(float),
                      fill_plain, w, &s->packed, b->err);
}

static int launch_cudnn(const conv_state *s, const ig_device_run *r, cu_stream st)
{
    const void *bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    const void *residual = r->node->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    return ig_cudnn()->run(s->cudnn, st, r->in[X], s->packed ? s->packed : r->in[W], bias, residual,
                           r->out[0], ig_cu_piece(r, s->room_at));
}

/* ---- on matrix units ---- */

static ingot_status bind_weights(ig_device *d, ig_device_bind *b, conv_state *s, const weights *w)
{
    const cu_conv_args *a = &s->units;
    const int64_t taps = w->taps, planes = a->split ? 3 : 1;
    const int64_t rows = (int64_t)a->groups * a->out_c;
    if (!b->known[W]) { /* [m, in_c, taps], turned */
        s->cast_w = (cu_gemm_cast_args){.to = a->type,
                                        .batch = rows,
                                        .rows = (int)taps,
                                        .cols = (int)w->in_c,
                                        .ld = a->in_c,
                                        .turned = true,
                                        .split = a->split};
        (void)ig_cu_operand(&s->cast_w.from, w->dtype);
        if (!ig_cu_room(b, rows * taps * planes * a->in_c, 2, &s->w_at))
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
        return INGOT_OK;
    }
    char form[64];
    size_t bytes;
    snprintf(form, sizeof form, "conv %d x%d, %lld groups of %lld taps", (int)a->type, (int)planes,
             (long long)a->groups, (long long)taps);
    if (!ig_mul_ok((size_t)rows, (size_t)(taps * planes * a->in_c) * 2, &bytes))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->taken |= UINT64_C(1) << W;
    return ig_cu_pack(d, b->known[W]->data, form, bytes, fill_weights, w, &s->packed, b->err);
}

/* planes: x and y are [n, c, pixels]. in_c, out_c: of a group. */
static ingot_status bind_units(ig_device *d, ig_device_bind *b, conv_state *s, const ig_window *win,
                               bool planes, int64_t groups, weights *w)
{
    const ig_type *x = b->in[X];
    const int64_t in_c = w->in_c, out_c = b->out[0]->dims[planes ? 1 : x->rank - 1] / groups;
    const int64_t ld = (in_c + 7) / 8 * 8;
    cu_conv_args *a = &s->units;
    if (in_c > CU_MOST / 8 || out_c > CU_MOST / 8 || groups > CU_MOST ||
        !ig_cu_window(&a->window, win, x->dims[0]))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const int64_t pixels = (int64_t)a->window.in_h * a->window.in_w;
    s->way = UNITS;
    a->type = x->dtype == INGOT_F16 ? CU_F16 : CU_BF16;
    (void)ig_cu_operand(&a->c_type, x->dtype);
    a->split = x->dtype == INGOT_F32 && !b->fast;
    a->planes = planes;
    a->groups = (int)groups;
    a->in_c = (int)ld;
    a->out_c = (int)out_c;
    const int64_t row = (a->split ? 3 : 1) * ld;
    a->x_pixel = planes ? row : groups * row;
    a->x_group = planes ? pixels * row : row;
    a->x_image = groups * pixels * row;
    a->out.act = ig_cu_act(ig_cu_text(b, "act"));
    a->out.act_a = (float)ig_cu_float(b, "act_a");
    a->out.act_b = (float)ig_cu_float(b, "act_b");
    if (a->out.act < 0) return IG_CU_DECLINE(b, "an activation that the device lacks");
    w->a = a;
    w->w = b->known[W] ? b->known[W]->data : NULL;
    w->dtype = b->in[W]->dtype;
    IG_TRY(bind_cudnn(d, b, s, w));
    if (s->way == CUDNN || b->declined) return INGOT_OK;
    int64_t all;
    if (!ig_mul_ok(a->x_image, x->dims[0], &all) || all / 8 > CU_MOST ||
        (int64_t)a->window.kh * a->window.kw * ld > CU_MOST || !ig_cu_room(b, all, 2, &s->x_at))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->cast_x = (cu_gemm_cast_args){.from = a->c_type,
                                    .to = a->type,
                                    .batch = planes ? x->dims[0] * groups : 1,
                                    .rows = (int)(planes ? pixels : x->dims[0] * pixels * groups),
                                    .cols = (int)in_c,
                                    .ld = (int)ld,
                                    .turned = planes,
                                    .split = a->split};
    const size_t room = cu_conv_room(a);
    s->has_room = room > 0;
    if (room > PTRDIFF_MAX || !ig_cu_room(b, (int64_t)room, 1, &s->room_at))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = a->split ? "conv_bf16x3" : a->type == CU_F16 ? "conv_f16" : "conv_bf16";
    return bind_weights(d, b, s, w);
}

static int launch_units(const conv_state *s, const ig_device_run *r, cu_stream st)
{
    cu_conv_args a = s->units;
    cu_gemm_cast_args x = s->cast_x, w = s->cast_w;
    x.x = r->in[X];
    a.x = x.y = ig_cu_piece(r, s->x_at);
    a.w = s->packed;
    a.room = s->has_room ? ig_cu_piece(r, s->room_at) : NULL;
    a.out.c = r->out[0];
    a.out.bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    a.out.residual = r->node->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    int e = cu_gemm_cast(&x, st);
    if (!e && !s->packed) {
        w.x = r->in[W];
        a.w = w.y = ig_cu_piece(r, s->w_at);
        e = cu_gemm_cast(&w, st);
    }
    return e ? e : cu_conv(&a, st);
}

static int launch_depthwise(const conv_state *s, const ig_device_run *r, cu_stream st)
{
    cu_conv_dw_args a = s->depthwise;
    a.x = r->in[X];
    a.w = r->in[W];
    a.bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    a.residual = r->node->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    a.y = r->out[0];
    return cu_conv_dw(&a, st);
}

static int launch_direct(const conv_state *s, const ig_device_run *r, cu_stream st)
{
    cu_conv_direct_args a = s->direct;
    a.x = r->in[X];
    a.w = r->in[W];
    a.bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    a.residual = r->node->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    a.y = r->out[0];
    return cu_conv_direct(&a, st);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const conv_state *s = r->state;
    const cu_stream st = ig_cu_stream(stream);
    return ig_cu_done(stream, r,
                      s->way == UNITS       ? launch_units(s, r, st)
                      : s->way == CUDNN     ? launch_cudnn(s, r, st)
                      : s->way == DEPTHWISE ? launch_depthwise(s, r, st)
                                            : launch_direct(s, r, st));
}

static void unbind(ig_device *d, void *state)
{
    const conv_state *s = state;
    if (s && s->packed) ig_cu_unpack(d, s->packed);
    if (s && s->cudnn) ig_cudnn()->close(s->cudnn);
}

/* ---- conv: [n, c, spatial..] ---- */

enum { FEW = 64 /* products of channels in a group that leave matrix units idle */ };

static ingot_status bind_direct(ig_device_bind *b, conv_state *s, const ig_window *w,
                                int64_t groups)
{
    const ig_type *x = b->in[X], *y = b->out[0];
    cu_conv_direct_args *a = &s->direct;
    int64_t pixels = 1, taps = 1;
    s->way = DIRECT;
    *a = (cu_conv_direct_args){.type = ig_cu_float_type(x->dtype),
                               .spatial = w->n,
                               .images = x->dims[0],
                               .groups = groups,
                               .in_c = b->in[W]->dims[1],
                               .out_c = y->dims[1] / groups};
    for (int i = 0; i < w->n; i++) {
        const int at = w->n - 1 - i; /* innermost first */
        a->in[at] = w->in[i], a->out[at] = w->out[i], a->kernel[at] = w->kernel[i];
        a->stride[at] = w->stride[i], a->dilation[at] = w->dilation[i], a->before[at] = w->begin[i];
        if (!ig_mul_ok(pixels, w->in[i], &pixels) || pixels > CU_MOST ||
            !ig_mul_ok(taps, w->kernel[i], &taps) || taps > CU_MOST ||
            w->out[i] * w->stride[i] + w->kernel[i] * w->dilation[i] > CU_MOST / 2)
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    }
    if (ig_cu_elements(y) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    a->act = ig_cu_act(ig_cu_text(b, "act"));
    a->act_a = ig_cu_float(b, "act_a");
    a->act_b = ig_cu_float(b, "act_b");
    if (a->act < 0) return IG_CU_DECLINE(b, "an activation that the device lacks");
    b->kernel = "conv_direct";
    return INGOT_OK;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[X], *w = b->in[W];
    const int64_t groups = ig_cu_int(b, "group");
    conv_state *s = IG_CU_STATE(b, conv_state);
    ig_window win;
    if (!s) return INGOT_E_NOMEM;
    if (ig_cu_float_type(x->dtype) < 0) return IG_CU_DECLINE(b, "floats of this type");
    if (ig_cu_elements(x) > CU_MOST || ig_cu_elements(b->out[0]) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    IG_TRY(ig_window_make(&win, b->node->attrs, x->rank - 2, x->dims + 2, w->dims + 2, b->node,
                          b->err));
    if (x->dtype == INGOT_F64 || win.n > 2 || w->dims[1] * (w->dims[0] / groups) < FEW)
        return bind_direct(b, s, &win, groups);
    weights source = {.in_c = w->dims[1], .taps = ig_cu_count(w->dims, 2, w->rank), .layout = OIHW};
    const ingot_status status = bind_units(d, b, s, &win, true, groups, &source);
    if (status || b->declined) unbind(d, s);
    return status;
}

/* ---- conv_nhwc: [n, h, w, c] of f32 ---- */

static ingot_status bind_depthwise(ig_device_bind *b, conv_state *s, const ig_window *win)
{
    const ig_type *x = b->in[X];
    cu_conv_dw_args *a = &s->depthwise;
    s->way = DEPTHWISE;
    if (!ig_cu_window(&a->window, win, x->dims[0]) || x->dims[3] > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    a->channels = (int)x->dims[3];
    a->act = ig_cu_act(ig_cu_text(b, "act"));
    a->act_a = (float)ig_cu_float(b, "act_a");
    a->act_b = (float)ig_cu_float(b, "act_b");
    if (a->act < 0) return IG_CU_DECLINE(b, "an activation that the device lacks");
    b->kernel = "conv_dw_f32";
    return INGOT_OK;
}

static ingot_status bind_nhwc(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[X], *w = b->in[W];
    const int64_t groups = ig_cu_int(b, "group");
    conv_state *s = IG_CU_STATE(b, conv_state);
    ig_window win;
    if (!s) return INGOT_E_NOMEM;
    if (ig_cu_elements(x) > CU_MOST || ig_cu_elements(b->out[0]) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    IG_TRY(ig_window_make(&win, b->node->attrs, 2, x->dims + 1, NULL, b->node, b->err));
    if (w->rank == 2) return bind_depthwise(b, s, &win);
    if (!b->known[W]) return IG_CU_DECLINE(b, "weights that are no constant");
    const int64_t taps = win.kernel[0] * win.kernel[1];
    weights source = {
        .in_c = w->dims[1] / taps, .taps = taps, .layout = b->in_layout[W] == IG_P16 ? PANELS : KN};
    const ingot_status status = bind_units(d, b, s, &win, false, groups, &source);
    if (status || b->declined) unbind(d, s);
    return status;
}

const ig_cu_op ig_cu_op_conv = {.name = "conv", .bind = bind, .launch = launch, .unbind = unbind};
const ig_cu_op ig_cu_op_conv_nhwc = {
    .name = "conv_nhwc", .bind = bind_nhwc, .launch = launch, .unbind = unbind};
