/* unary.c - functions of one element on the device: unary, clip, byte_table. */
#include "kernels/convert/convert_cuda.h"
#include "kernels/unary/unary_cuda.h"
#include "runtime/device/cuda/ops/elementwise.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    CU_UNARY_FNS(X)
#undef X
};

int ig_el_unary_fn(const char *name)
{
    for (int i = 0; i < CU_UNARY_clip; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

/* ---- unary ---- */

static ingot_status bind_unary(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    int64_t n;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    cu_unary_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_unary_args){.n = n,
                         .fn = ig_el_unary_fn(ig_cu_text(b, "fn")),
                         .dtype = x->dtype,
                         .a = ig_cu_float(b, "alpha"),
                         .b = ig_cu_float(b, "beta")};
    if (a->fn < 0) return IG_CU_DECLINE(b, "a function without a kernel");
    b->kernel = names[a->fn];
    return INGOT_OK;
}

static ingot_status launch_unary(ig_device_stream *s, const ig_device_run *r)
{
    cu_unary_args a = *(const cu_unary_args *)r->state;
    a.x = r->in[0];
    a.y = r->out[0];
    return ig_cu_done(s, r, cu_unary(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_unary = {.name = "unary", .bind = bind_unary, .launch = launch_unary};

/* ---- clip ---- */

static ingot_status bind_clip(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    int64_t n, one;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    for (uint32_t i = 1; i < b->node->n_in; i++)
        if (b->in[i] && (!ig_el_count(b->in[i], &one) || one != 1))
            return IG_CU_DECLINE(b, "a limit that is not one element");
    cu_unary_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_unary_args){.n = n, .fn = CU_UNARY_clip, .dtype = x->dtype};
    b->kernel = "clip";
    return INGOT_OK;
}

static ingot_status launch_clip(ig_device_stream *s, const ig_device_run *r)
{
    cu_unary_args a = *(const cu_unary_args *)r->state;
    a.x = r->in[0];
    a.y = r->out[0];
    a.low = r->node->n_in > 1 ? r->in[1] : NULL;
    a.high = r->node->n_in > 2 ? r->in[2] : NULL;
    return ig_cu_done(s, r, cu_unary(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_clip = {.name = "clip", .bind = bind_clip, .launch = launch_clip};

/* ---- byte_table ---- */

static ingot_status bind_byte_table(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_byte_table_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_el_count(b->in[0], &a->n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "byte_table";
    return INGOT_OK;
}

static ingot_status launch_byte_table(ig_device_stream *s, const ig_device_run *r)
{
    cu_byte_table_args a = *(const cu_byte_table_args *)r->state;
    a.x = r->in[0];
    a.table = r->in[1];
    a.y = r->out[0];
    return ig_cu_done(s, r, cu_byte_table(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_byte_table = {
    .name = "byte_table", .bind = bind_byte_table, .launch = launch_byte_table};
