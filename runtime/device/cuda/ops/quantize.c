/* quantize.c - quantisation on the device: quantize, dequantize, dynamic_quantize. */
#include "kernels/quant/quant_cuda.h"
#include "runtime/device/cuda/ops/walk.h"

enum { X, SCALE, ZERO };

/* Which scale belongs to which element, as runtime/ops/quant_grid.c has it. */
static bool grid_of(cu_quant_grid *g, const ig_device_bind *b)
{
    const ig_type *x = b->in[X], *scale = b->in[SCALE];
    int64_t n, axis = ig_cu_int(b, "axis");
    ig_el_lines l;
    *g = (cu_quant_grid){0};
    if (!ig_el_count(scale, &n)) return false;
    if (axis < 0) axis += x->rank;
    if (n == 1 || axis < 0 || axis >= x->rank) return true;
    if (!ig_el_split(&l, x, axis)) return false;
    const int64_t block = ig_cu_int(b, "block_size");
    *g = (cu_quant_grid){.n = l.n, .inner = l.inner, .block = block};
    if (block) g->blocks = l.n / block + (l.n % block != 0);
    return block <= CU_MOST;
}

static bool is_precision(ingot_dtype d)
{
    return d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16 || d == INGOT_F64;
}

static ingot_status bind_quantize(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ingot_dtype x = b->in[X]->dtype, scale = b->in[SCALE]->dtype;
    const int64_t given = ig_cu_int(b, "precision");
    cu_quantize_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_el_count(b->in[X], &a->n) || !grid_of(&a->grid, b))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    a->x_dtype = (int)x, a->scale_dtype = (int)scale, a->y_dtype = (int)b->out[0]->dtype;
    a->saturate = ig_cu_int(b, "saturate") != 0;
    a->precision = (int)(is_precision(scale) ? scale : is_precision(x) ? x : INGOT_F64);
    if (x == INGOT_I32) a->precision = INGOT_F64;
    if (given) a->precision = (int)given;
    b->kernel = "quantize";
    return INGOT_OK;
}

static ingot_status launch_quantize(ig_device_stream *s, const ig_device_run *r)
{
    cu_quantize_args a = *(const cu_quantize_args *)r->state;
    a.x = r->in[X], a.scale = r->in[SCALE], a.y = r->out[0];
    a.zero = r->node->n_in > ZERO ? r->in[ZERO] : NULL;
    return ig_cu_done(s, r, cu_quantize(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_quantize = {
    .name = "quantize", .bind = bind_quantize, .launch = launch_quantize};

static ingot_status bind_dequantize(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_dequantize_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_el_count(b->in[X], &a->n) || !grid_of(&a->grid, b))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    a->x_dtype = (int)b->in[X]->dtype;
    a->scale_dtype = (int)b->in[SCALE]->dtype;
    a->y_dtype = (int)b->out[0]->dtype;
    b->kernel = "dequantize";
    return INGOT_OK;
}

static ingot_status launch_dequantize(ig_device_stream *s, const ig_device_run *r)
{
    cu_dequantize_args a = *(const cu_dequantize_args *)r->state;
    a.x = r->in[X], a.scale = r->in[SCALE], a.y = r->out[0];
    a.zero = r->node->n_in > ZERO ? r->in[ZERO] : NULL;
    return ig_cu_done(s, r, cu_dequantize(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_dequantize = {
    .name = "dequantize", .bind = bind_dequantize, .launch = launch_dequantize};

static ingot_status bind_dynamic(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_dynamic_quantize_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_el_count(b->in[0], &a->n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    for (int i = 0; i < 3; i++)
        if (!b->out[i]) return IG_CU_DECLINE(b, "an output is not wanted");
    b->scratch_bytes = CU_DYNAMIC_SCRATCH;
    b->kernel = "dynamic_quantize";
    return INGOT_OK;
}

static ingot_status launch_dynamic(ig_device_stream *s, const ig_device_run *r)
{
    cu_dynamic_quantize_args a = *(const cu_dynamic_quantize_args *)r->state;
    a.x = r->in[0], a.part = r->scratch;
    a.y = r->out[0], a.scale = r->out[1], a.zero = r->out[2];
    return ig_cu_done(s, r, cu_dynamic_quantize(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_dynamic_quantize = {
    .name = "dynamic_quantize", .bind = bind_dynamic, .launch = launch_dynamic};
