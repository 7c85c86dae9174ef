/* binary.c - functions of broadcast operands on the device: binary, where, binary_i8. */
#include "kernels/binary/binary_cuda.h"
#include "kernels/convert/convert_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/elementwise.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    CU_BINARY_FNS(X)
#undef X
};

int ig_el_binary_fn(const char *name)
{
    for (int i = 0; i < CU_BINARY_FNS_N; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

/* ---- binary ---- */

/* Powers of two dtypes are computed in a third: operands are converted to it, and so is the
 * result. */
typedef struct {
    cu_binary_args args;
    bool converts;
    ingot_dtype in[2], out;
    int64_t n[2], n_out;
    size_t piece[3];
} binary_state;

static ingot_dtype wide_dtype(ingot_dtype d)
{
    const ig_dtype_class k = ig_dtype(d)->class_;
    if (k == IG_CLASS_FLOAT) return d == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    return k == IG_CLASS_INT ? INGOT_I64 : INGOT_U64;
}

/* In what a^b is computed, as runtime/ops/binary.c has it. */
static ingot_dtype pow_dtype(ingot_dtype a, ingot_dtype b)
{
    const bool real_a = ig_el_float(a), real_b = ig_el_float(b);
    if (!real_a && !real_b) return wide_dtype(a);
    return real_a && real_b && a != INGOT_F64 && b != INGOT_F64 ? INGOT_F32 : INGOT_F64;
}

static ingot_status reserve(ig_device_bind *b, binary_state *s)
{
    const size_t bytes = ig_dtype((ingot_dtype)s->args.dtype)->bytes;
    const ig_type *types[3] = {b->in[0], b->in[1], b->out[0]};
    for (int i = 0; i < 3; i++) {
        int64_t n;
        if (!ig_el_count(types[i], &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
        if (i < 2) s->in[i] = types[i]->dtype, s->n[i] = n;
        if (i == 2) s->out = types[i]->dtype, s->n_out = n;
        if (!ig_el_piece(b, n, bytes, &s->piece[i])) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    }
    return INGOT_OK;
}

static ingot_status bind_binary(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ingot_dtype a = b->in[0]->dtype, second = b->in[1]->dtype;
    if (!ig_el_number(a) || !ig_el_number(second)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    binary_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->args.fn = ig_el_binary_fn(ig_cu_text(b, "fn"));
    if (s->args.fn < 0) return IG_CU_DECLINE(b, "a function without a kernel");
    if (!ig_el_walk(&s->args.walk, b->out[0], b->in, 2)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    s->converts = a != second;
    s->args.dtype = (int)(s->converts ? pow_dtype(a, second) : a);
    s->args.bits = (int)ig_dtype(a)->bits;
    b->kernel = names[s->args.fn];
    return s->converts ? reserve(b, s) : INGOT_OK;
}

static ingot_status launch_converted(ig_device_stream *s, const ig_device_run *r)
{
    const binary_state *state = r->state;
    cu_binary_args a = state->args;
    cu_stream stream = ig_cu_stream(s);
    void *piece[3];
    int status = 0;
    for (int i = 0; i < 3; i++) piece[i] = (char *)r->scratch + state->piece[i];
    for (int i = 0; i < 2 && !status; i++)
        status = cu_cast(&(cu_cast_args){.x = r->in[i],
                                         .y = piece[i],
                                         .n = state->n[i],
                                         .from = state->in[i],
                                         .to = a.dtype},
                         stream);
    a.a = piece[0], a.b = piece[1], a.y = piece[2];
    if (!status) status = cu_binary(&a, stream);
    if (!status)
        status = cu_cast(&(cu_cast_args){.x = piece[2],
                                         .y = r->out[0],
                                         .n = state->n_out,
                                         .from = a.dtype,
                                         .to = state->out,
                                         .saturate = true},
                         stream);
    return ig_cu_done(s, r, status);
}

static ingot_status launch_binary(ig_device_stream *s, const ig_device_run *r)
{
    const binary_state *state = r->state;
    if (state->converts) return launch_converted(s, r);
    cu_binary_args a = state->args;
    a.a = r->in[0], a.b = r->in[1], a.y = r->out[0];
    return ig_cu_done(s, r, cu_binary(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_binary = {.name = "binary", .bind = bind_binary, .launch = launch_binary};

/* ---- where ---- */

static ingot_status bind_where(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const size_t bytes = ig_dtype(b->out[0]->dtype)->bytes;
    if (bytes > 8 || b->out[0]->dtype == INGOT_STR)
        return IG_CU_DECLINE(b, "elements of more than 8 bytes");
    cu_where_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    a->bytes = (int)bytes;
    if (!ig_el_walk(&a->walk, b->out[0], b->in, 3)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "where";
    return INGOT_OK;
}

static ingot_status launch_where(ig_device_stream *s, const ig_device_run *r)
{
    cu_where_args a = *(const cu_where_args *)r->state;
    a.condition = r->in[0], a.a = r->in[1], a.b = r->in[2], a.y = r->out[0];
    return ig_cu_done(s, r, cu_where(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_where = {.name = "where", .bind = bind_where, .launch = launch_where};

/* ---- binary_i8 ---- */

static ingot_status bind_binary_i8(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_binary_i8_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    const int64_t least = b->out[0]->dtype == INGOT_I8 ? -128 : 0, zero = ig_cu_int(b, "y_zero");
    *a = (cu_binary_i8_args){
        .fn = (int)ig_cu_int(b, "fn"), /* add, sub, mul: the kernel's order */
        .a_zero = (int)ig_cu_int(b, "a_zero"),
        .b_zero = (int)ig_cu_int(b, "b_zero"),
        .y_zero = (int)zero,
        .a_signed = b->in[0]->dtype == INGOT_I8,
        .b_signed = b->in[1]->dtype == INGOT_I8,
        .a_scale = (float)ig_cu_float(b, "a_scale"),
        .b_scale = (float)ig_cu_float(b, "b_scale"),
        .y_scale = (float)ig_cu_float(b, "y_scale"),
        .low = (float)(IG_MAX(ig_cu_int(b, "low"), least) - zero),
        .high = (float)(IG_MIN(ig_cu_int(b, "high"), least + 255) - zero),
    };
    if (!ig_el_walk(&a->walk, b->out[0], b->in, 2)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "binary_i8";
    return INGOT_OK;
}

static ingot_status launch_binary_i8(ig_device_stream *s, const ig_device_run *r)
{
    cu_binary_i8_args a = *(const cu_binary_i8_args *)r->state;
    a.a = r->in[0], a.b = r->in[1], a.y = r->out[0];
    return ig_cu_done(s, r, cu_binary_i8(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_binary_i8 = {
    .name = "binary_i8", .bind = bind_binary_i8, .launch = launch_binary_i8};
