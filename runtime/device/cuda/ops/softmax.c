/* softmax.c - softmax, log softmax and hardmax on the device. */
#include "kernels/softmax/softmax_cuda.h"
#include "kernels/convert/convert_cuda.h"
#include "kernels/reduce/reduce_cuda.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

typedef struct {
    cu_softmax_args args;
    bool hard;   /* an index of the largest, and a 1 there */
    size_t room; /* of the index, or of x widened to f32 (floats of a byte) */
    ingot_dtype dtype;
    int64_t n;
} softmax_state;

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    ig_el_lines l = {1, 1, 1};
    softmax_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_el_float(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &s->n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (x->rank > 0 && !ig_el_split(&l, x, ig_cu_int(b, "axis")))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (ig_cu_int(b, "to_end")) l.n *= l.inner, l.inner = 1;
    const char *fn = ig_cu_text(b, "fn");
    const bool narrow = ig_dtype(x->dtype)->bytes == 1;
    s->dtype = x->dtype;
    s->hard = !strcmp(fn, "hardmax");
    s->args = (cu_softmax_args){.outer = l.outer,
                                .n = l.n,
                                .inner = l.inner,
                                .dtype = (int)(narrow ? INGOT_F32 : x->dtype),
                                .log = !strcmp(fn, "log_softmax")};
    b->kernel = fn;
    if (!s->hard && !narrow) return INGOT_OK;
    const int64_t n = s->hard ? l.outer * l.inner : s->n;
    if (!ig_el_piece(b, n, s->hard ? sizeof(int64_t) : sizeof(float), &s->room))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    return INGOT_OK;
}

static int launch_hardmax(const softmax_state *s, const ig_device_run *r, cu_stream stream)
{
    const cu_softmax_args *a = &s->args;
    int64_t *place = (int64_t *)(void *)((char *)r->scratch + s->room);
    const uint64_t ones[] = {
        [INGOT_F32] = 0x3f800000, [INGOT_F64] = 0x3ff0000000000000, [INGOT_F16] = 0x3c00,
        [INGOT_BF16] = 0x3f80,    [INGOT_F8E4M3FN] = 0x38,          [INGOT_F8E4M3FNUZ] = 0x40,
        [INGOT_F8E5M2] = 0x3c,    [INGOT_F8E5M2FNUZ] = 0x40,        [INGOT_F8E8M0] = 0x7f,
        [INGOT_F4E2M1] = 0x02,
    };
    if (s->n == 0) return 0;
    const int status = cu_arg_reduce(&(cu_arg_reduce_args){.x = r->in[0],
                                                           .y = place,
                                                           .outer = a->outer,
                                                           .n = a->n,
                                                           .inner = a->inner,
                                                           .dtype = (int)s->dtype},
                                     stream);
    if (status) return status;
    return cu_one_hot(&(cu_one_hot_args){.index = place,
                                         .y = r->out[0],
                                         .outer = a->outer,
                                         .depth = a->n,
                                         .inner = a->inner,
                                         .on = ones[s->dtype],
                                         .dtype = INGOT_I64,
                                         .bytes = (int)ig_dtype(s->dtype)->bytes},
                      stream);
}

static int launch_narrow(const softmax_state *s, const ig_device_run *r, cu_stream stream)
{
    cu_softmax_args a = s->args;
    a.x = a.y = (char *)r->scratch + s->room;
    cu_cast_args cast = {
        .x = r->in[0], .y = a.y, .n = s->n, .from = (int)s->dtype, .to = INGOT_F32};
    int status = cu_cast(&cast, stream);
    if (!status) status = cu_softmax(&a, stream);
    cast = (cu_cast_args){.x = a.y,
                          .y = r->out[0],
                          .n = s->n,
                          .from = INGOT_F32,
                          .to = (int)s->dtype,
                          .saturate = true};
    return status ? status : cu_cast(&cast, stream);
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const softmax_state *state = r->state;
    cu_stream stream = ig_cu_stream(s);
    cu_softmax_args a = state->args;
    if (state->hard) return ig_cu_done(s, r, launch_hardmax(state, r, stream));
    if (a.dtype != (int)state->dtype) return ig_cu_done(s, r, launch_narrow(state, r, stream));
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_softmax(&a, stream));
}

const ig_cu_op ig_cu_op_softmax = {.name = "softmax", .bind = bind, .launch = launch};
