/* conv_integer.c - convolution of bytes on the device, exact: x goes to s8 with channels last, the
 * kernel finishes its sums, and a result whose channels come first is turned. Weights are constants
 * whose values less their zero points fit s8; other ones stay on the CPU. */
#include "kernels/conv_i8/conv_i8_cuda.h"
#include "kernels/copy/copy_cuda.h"
#include "kernels/gemm_i8/gemm_i8.h"
#include "runtime/device/cuda/ops/conv.h"

#include <stdio.h>
#include <string.h>

enum { X, W, X_ZERO, W_ZERO, SCALE, BIAS, Y_ZERO };

typedef struct {
    cu_conv_i8_args conv;
    cu_conv_i8_cast_args cast;
    cu_move_args turn; /* of the result */
    bool turns;
    void *packed; /* weights, then their sums */
    size_t sums_at, x_at, y_at, border_at;
} conv_state;

/* ---- weights: [groups * out_c][taps][ld] of s8, then i32 [groups * out_c] ---- */

typedef struct {
    const ig_tensor *w, *zero;
    ig_layout layout;
    int64_t channels, in_c, taps, ld;
    size_t sums_at;
} weights;

/* Weight less its zero point; may not fit a byte. */
static int64_t weight(const weights *s, int64_t m, int64_t tap, int64_t c)
{
    const int shift = s->w->dtype == INGOT_U8 ? 128 : 0;
    int64_t zero = 0, v;
    if (s->zero) {
        const bool each = ig_cu_count(s->zero->dims, 0, s->zero->rank) > 1;
        zero = ig_to_int(s->zero->data, s->zero->dtype, each ? (size_t)m : 0);
    }
    if (s->layout == IG_PLAIN) {
        v = ig_to_int(s->w->data, s->w->dtype, (size_t)((m * s->in_c + c) * s->taps + tap));
    } else { /* panels of 16, k interleaved by 4, taps first; u8 less 128 */
        const int64_t k = tap * s->in_c + c, k4 = (s->taps * s->in_c + 3) / 4 * 4;
        const int64_t at = m / GEMM_I8_PANEL * (GEMM_I8_PANEL * k4) + k / 4 * (GEMM_I8_PANEL * 4) +
                           m % GEMM_I8_PANEL * 4 + k % 4;
        v = ((const int8_t *)s->w->data)[at] + shift;
    }
    return v - zero;
}

static bool fit_bytes(const weights *s)
{
    for (int64_t m = 0; m < s->channels; m++)
        for (int64_t t = 0; t < s->taps; t++)
            for (int64_t c = 0; c < s->in_c; c++) {
                const int64_t v = weight(s, m, t, c);
                if (v < -128 || v > 127) return false;
            }
    return true;
}

static ingot_status fill_weights(const void *ud, void *dst, ingot_error *err)
{
    const weights *s = ud;
    int8_t *to = dst;
    int32_t *sums = (int32_t *)(void *)((char *)dst + s->sums_at);
    (void)err;
    memset(dst, 0, s->sums_at + (size_t)s->channels * sizeof *sums);
    for (int64_t m = 0; m < s->channels; m++)
        for (int64_t t = 0; t < s->taps; t++, to += s->ld)
            for (int64_t c = 0; c < s->in_c; c++) {
                to[c] = (int8_t)weight(s, m, t, c);
                sums[m] += to[c];
            }
    return INGOT_OK;
}

static ingot_status pack(ig_device *d, ig_device_bind *b, conv_state *s, const weights *w)
{
    char form[64];
    const size_t bytes = w->sums_at + (size_t)w->channels * sizeof(int32_t);
    snprintf(form, sizeof form, "conv s8 %p, %lld taps", w->zero ? w->zero->data : NULL,
             (long long)w->taps);
    b->taken |= UINT64_C(1) << W;
    s->sums_at = w->sums_at;
    return ig_cu_pack(d, w->w->data, form, bytes, fill_weights, w, &s->packed, b->err);
}

/* ---- bind ---- */

static const char *check(const ig_device_bind *b)
{
    if (!b->known[W]) return "weights that are no constant";
    if (ig_cu_has(b, W_ZERO) && !b->known[W_ZERO]) return "a zero point that is no constant";
    if (b->in[X]->rank > 4) return "images of three and more dims";
    if (b->in_layout[W] != IG_PLAIN && b->in_layout[W] != IG_P16_CONV) return "this layout";
    if (ig_cu_has(b, SCALE) && b->in[SCALE]->dtype != INGOT_F32) return "a scale that is not f32";
    if (ig_cu_has(b, BIAS) && b->in[BIAS]->dtype != INGOT_F32 && b->in[BIAS]->dtype != INGOT_I32)
        return "a bias of this type";
    return NULL;
}

/* Scale, bias and zero point of the result. */
static void set_finish(const ig_device_bind *b, cu_conv_i8_args *a)
{
    if (ig_cu_has(b, SCALE)) a->scales = (int)ig_cu_elements(b->in[SCALE]);
    a->bias_is_int = ig_cu_has(b, BIAS) && b->in[BIAS]->dtype == INGOT_I32;
    a->to_bytes = ig_dtype(b->out[0]->dtype)->bytes == 1;
    a->y_signed = b->out[0]->dtype == INGOT_I8;
    a->low = (int)IG_MAX(ig_cu_int(b, "low"), (int64_t)(a->y_signed ? -128 : 0));
    a->high = (int)IG_MIN(ig_cu_int(b, "high"), (int64_t)(a->y_signed ? 127 : 255));
}

/* The result as [n, m, pixels] from [n, pixels, m]. */
static bool set_turn(conv_state *s, const ig_type *y, int64_t pixels)
{
    const int64_t m = y->dims[1], n[3] = {y->dims[0], m, pixels};
    const int64_t to[3] = {m * pixels, pixels, 1}, from[3] = {m * pixels, 1, m};
    const int64_t *strides[] = {to, from};
    s->turn.bytes = (int)ig_dtype(y->dtype)->bytes;
    s->turns = true;
    return ig_cu_walk(&s->turn.walk, 3, n, 2, strides);
}

static ingot_status bind_state(ig_device *d, ig_device_bind *b, conv_state *s)
{
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    const bool last = ig_cu_int(b, "channels_last") != 0;
    const int64_t groups = ig_cu_int(b, "group"), ld = (w->dims[1] + 15) / 16 * 16;
    ig_window win;
    cu_conv_i8_args *a = &s->conv;
    IG_TRY(ig_window_make(&win, b->node->attrs, x->rank - 2, x->dims + (last ? 1 : 2), w->dims + 2,
                          b->node, b->err));
    const int64_t taps = ig_cu_count(w->dims, 2, w->rank);
    int64_t all;
    if (!ig_cu_window(&a->window, &win, x->dims[0]) || !ig_mul_ok(taps, ld, &all) ||
        all > CU_MOST || !ig_mul_ok(all, w->dims[0], &all) || all > CU_MOST ||
        ig_cu_elements(y) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    a->groups = (int)groups;
    a->in_c = (int)ld;
    a->out_c = (int)(w->dims[0] / groups);
    a->x_signed = x->dtype == INGOT_I8;
    set_finish(b, a);
    const int64_t pixels = (int64_t)a->window.in_h * a->window.in_w;
    s->cast = (cu_conv_i8_cast_args){.batch = x->dims[0],
                                     .pixels = pixels,
                                     .groups = (int)groups,
                                     .in_c = (int)w->dims[1],
                                     .ld = (int)ld,
                                     .planes = !last,
                                     .is_signed = a->x_signed};
    if (x->dims[0] * pixels * groups * ld > CU_MOST ||
        !ig_cu_room(b, x->dims[0] * pixels * groups * ld, 1, &s->x_at) ||
        !ig_cu_room(b, 16, 1, &s->border_at))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (!last && (!set_turn(s, y, (int64_t)a->window.out_h * a->window.out_w) ||
                  !ig_cu_room(b, ig_cu_elements(y), (size_t)s->turn.bytes, &s->y_at)))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const weights from = {.w = b->known[W],
                          .zero = ig_cu_known(b, W_ZERO),
                          .layout = b->in_layout[W],
                          .channels = w->dims[0],
                          .in_c = w->dims[1],
                          .taps = taps,
                          .ld = ld,
                          .sums_at = (size_t)((w->dims[0] * taps * ld + 255) / 256 * 256)};
    if (!fit_bytes(&from)) return IG_CU_DECLINE(b, "weights that do not fit a byte");
    if (ig_cu_has(b, W_ZERO)) b->taken |= UINT64_C(1) << W_ZERO;
    b->kernel = "conv_i8";
    return pack(d, b, s, &from);
}

static void unbind(ig_device *d, void *state)
{
    const conv_state *s = state;
    if (s && s->packed) ig_cu_unpack(d, s->packed);
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    conv_state *s = IG_CU_STATE(b, conv_state);
    const char *why = check(b);
    if (!s) return INGOT_E_NOMEM;
    if (why) return IG_CU_DECLINE(b, why);
    const ingot_status status = bind_state(d, b, s);
    if (status || b->declined) unbind(d, s);
    return status;
}

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const conv_state *s = r->state;
    const cu_stream st = ig_cu_stream(stream);
    cu_conv_i8_args a = s->conv;
    cu_conv_i8_cast_args cast = s->cast;
    cu_move_args turn = s->turn;
    cast.x = r->in[X];
    a.x = cast.y = ig_cu_piece(r, s->x_at);
    a.w = s->packed;
    a.w_sum = (const int32_t *)(const void *)((const char *)s->packed + s->sums_at);
    a.x_zero = input(r, X_ZERO);
    a.border = ig_cu_piece(r, s->border_at);
    a.scale = input(r, SCALE);
    a.bias = input(r, BIAS);
    a.y_zero = input(r, Y_ZERO);
    turn.to = r->out[0];
    turn.from = a.y = s->turns ? ig_cu_piece(r, s->y_at) : r->out[0];
    int e = cu_conv_i8_cast(&cast, st);
    if (!e) e = cu_conv_i8(&a, st);
    if (!e && s->turns) e = cu_move(&turn, st);
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_conv_integer = {
    .name = "conv_integer", .bind = bind, .launch = launch, .unbind = unbind};
