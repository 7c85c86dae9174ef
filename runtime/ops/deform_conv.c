/* deform_conv.c - deformable convolution of images (Dai et al. 2017; the mask: Zhu et al. 2019):
 *
 *     x [N, C, H, W]   w [M, C / group, kh, kw]   offset [N, 2 offset_group kh kw, oh, ow]
 *     bias [M]?   mask [N, offset_group kh kw, oh, ow]?   y [N, M, oh, ow]
 *
 * Element (i, j) of the kernel reads x at (row, column) + offset, between pixels bilinearly, 0
 * outside, times the mask. offset holds, for each offset group and kernel element, a plane of row
 * offsets and one of column offsets. A task samples a stretch of positions straight into the panels
 * of a product [channels, kernel] x [kernel, positions]. */
#include "runtime/ops/product.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { X, W, OFFSET, BIAS, MASK, N_IN };
enum { PANELS = 8 /* of positions in a task */ };

typedef struct {
    int64_t group, offset_group;
    ig_ints dilations, kernel_shape, pads, strides;
} deform_attrs;

static const ig_attr attrs[] = {
    IG_INTS(deform_attrs, dilations),
    IG_INT(deform_attrs, group, 1),
    IG_INTS(deform_attrs, kernel_shape),
    IG_INT(deform_attrs, offset_group, 1),
    IG_INTS(deform_attrs, pads),
    IG_INTS(deform_attrs, strides),
    {0},
};

/* ---- types ---- */

static const char *check_attrs(const deform_attrs *a)
{
    const ig_ints *const lists[] = {&a->dilations, &a->kernel_shape, &a->strides};
    if (a->group < 1 || a->offset_group < 1) return "group and offset_group must be 1 or more";
    for (size_t i = 0; i < IG_LEN(lists); i++) {
        if (lists[i]->n != 0 && lists[i]->n != 2)
            return "dilations, kernel_shape and strides must have two values";
        for (size_t d = 0; d < lists[i]->n; d++)
            if (lists[i]->v[d] < 1) return "dilations, kernel_shape and strides must be 1 or more";
    }
    if (a->pads.n != 0 && a->pads.n != 4) return "pads must have four values";
    for (size_t d = 0; d < a->pads.n; d++)
        if (a->pads.v[d] < 0) return "pads must not be negative";
    return NULL;
}

/* Dimension d of the result: a size, unknown, or (false) nothing that fits. */
static bool out_size(int64_t *out, const deform_attrs *a, int d, int64_t in, int64_t kernel)
{
    int64_t reach, whole = in;
    *out = IG_DIM_UNKNOWN;
    if (in < 0 || kernel < 0) return true;
    if (kernel < 1 || !ig_mul_ok(a->dilations.n ? a->dilations.v[d] : 1, kernel - 1, &reach))
        return false;
    if (a->pads.n &&
        (!ig_add_ok(whole, a->pads.v[d], &whole) || !ig_add_ok(whole, a->pads.v[2 + d], &whole)))
        return false;
    if (reach >= whole) return false;
    *out = (whole - reach - 1) / (a->strides.n ? a->strides.v[d] : 1) + 1;
    return true;
}

static ingot_status check_dims(ig_infer *c, uint32_t i, const char *name, int64_t channels,
                               const ig_type *y)
{
    if (!ig_has(c, i) || c->in[i]->rank < 0) return INGOT_OK;
    const ig_type *t = c->in[i];
    if (t->rank != 4) return ig_infer_fail(c, "%s has rank %d, not 4", name, t->rank);
    const int64_t want[4] = {y->dims[0], channels, y->dims[2], y->dims[3]};
    for (int d = 0; d < 4; d++)
        if (ig_dim_differ(t->dims[d], want[d]))
            return ig_infer_fail(c, "dimension %d of %s is %lld, not %lld", d, name,
                                 (long long)t->dims[d], (long long)want[d]);
    return INGOT_OK;
}

static ingot_status check_channels(ig_infer *c, const ig_type *x, const ig_type *w)
{
    const deform_attrs *a = c->attrs;
    int64_t takes;
    if (x->dims[1] >= 0 && x->dims[1] % a->offset_group)
        return ig_infer_fail(c, "%lld channels do not fall in %lld offset groups",
                             (long long)x->dims[1], (long long)a->offset_group);
    if (w->dims[0] >= 0 && w->dims[0] % a->group)
        return ig_infer_fail(c, "%lld results do not fall in %lld groups", (long long)w->dims[0],
                             (long long)a->group);
    if (w->dims[1] < 0) return INGOT_OK;
    if (!ig_mul_ok(w->dims[1], a->group, &takes) || ig_dim_differ(x->dims[1], takes))
        return ig_infer_fail(c, "x has %lld channels, w takes %lld in each of %lld groups",
                             (long long)x->dims[1], (long long)w->dims[1], (long long)a->group);
    const ig_type *bias = ig_has(c, BIAS) ? c->in[BIAS] : NULL;
    if (bias && bias->rank >= 0 && (bias->rank != 1 || ig_dim_differ(bias->dims[0], w->dims[0])))
        return ig_infer_fail(c, "bias must have rank 1 and %lld elements", (long long)w->dims[0]);
    return INGOT_OK;
}

static ingot_status check_dtypes(ig_infer *c)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        const ingot_dtype own = ig_has(c, i) ? c->in[i]->dtype : INGOT_NONE;
        if (own == INGOT_NONE) continue;
        if (ig_dtype(own)->class_ != IG_CLASS_FLOAT)
            return ig_infer_fail(c, "not defined for %s", ig_dtype(own)->name);
        if (c->in[X]->dtype != INGOT_NONE && own != c->in[X]->dtype)
            return ig_infer_fail(c, "input %u is %s, x is %s", (unsigned)i, ig_dtype(own)->name,
                                 ig_dtype(c->in[X]->dtype)->name);
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const deform_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    const char *wrong = check_attrs(a);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    IG_TRY(check_dtypes(c));
    c->out[0].dtype = x->dtype;
    if ((x->rank >= 0 && x->rank != 4) || (w->rank >= 0 && w->rank != 4))
        return ig_infer_fail(c, "x has rank %d and w %d; images of rank 4 are defined", x->rank,
                             w->rank);
    if (x->rank < 0 || w->rank < 0) return INGOT_OK;
    IG_TRY(check_channels(c, x, w));
    int64_t y[4] = {x->dims[0], w->dims[0]}, taps = a->offset_group, both = IG_DIM_UNKNOWN;
    for (int d = 0; d < 2; d++) {
        const int64_t kernel = w->dims[2 + d];
        if (a->kernel_shape.n && ig_dim_differ(kernel, a->kernel_shape.v[d]))
            return ig_infer_fail(c, "kernel_shape says %lld, w has %lld",
                                 (long long)a->kernel_shape.v[d], (long long)kernel);
        if (!out_size(&y[2 + d], a, d, x->dims[2 + d], kernel))
            return ig_infer_fail(c, "the kernel does not fit the padded image");
        if (kernel < 0 || taps < 0)
            taps = IG_DIM_UNKNOWN;
        else if (!ig_mul_ok(taps, kernel, &taps))
            return ig_infer_fail(c, "the kernel is too large");
    }
    if (taps >= 0 && !ig_mul_ok(taps, 2, &both)) return ig_infer_fail(c, "the kernel is too large");
    c->out[0] = ig_type_tensor(x->dtype, 4, y);
    IG_TRY(check_dims(c, OFFSET, "offset", both, &c->out[0]));
    return check_dims(c, MASK, "mask", taps, &c->out[0]);
}

/* ---- bind ---- */

typedef struct {
    ig_calc calc;
    ig_product_kernels kernels;
    size_t channels, results;                        /* of a group */
    size_t groups, offset_groups, kernel, kw, depth; /* depth: channels * kernel */
    size_t height, width, out_w, out, stretches;     /* stretches of positions in an image */
    ig_wide x, w, offset, bias, mask, y;
    size_t panels_at, slice;
} deform_state;

static const ig_type *type_of(const ig_bind *b, uint32_t i)
{
    return i < b->n_in ? b->in[i] : NULL;
}

static ingot_status bind(ig_bind *b)
{
    const deform_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    deform_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->calc = ig_calc_float(x->dtype);
    s->kernels = ig_product_choose(s->calc);
    s->groups = (size_t)a->group;
    s->offset_groups = (size_t)a->offset_group;
    s->channels = (size_t)w->dims[1];
    s->results = (size_t)w->dims[0] / s->groups;
    s->kw = (size_t)w->dims[3];
    s->kernel = ig_dims_product(w->dims, 2, 4);
    s->depth = s->channels * s->kernel;
    s->height = (size_t)x->dims[2];
    s->width = (size_t)x->dims[3];
    s->out_w = (size_t)y->dims[3];
    s->out = ig_dims_product(y->dims, 2, 4);
    s->stretches = (s->out + PANELS * IG_PANEL - 1) / (PANELS * IG_PANEL);
    b->kernel = "sampled panels";
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    IG_TRY(ig_wide_bind(&s->w, b, w, s->calc));
    IG_TRY(ig_wide_bind(&s->offset, b, b->in[OFFSET], s->calc));
    IG_TRY(ig_wide_bind(&s->bias, b, type_of(b, BIAS), s->calc));
    IG_TRY(ig_wide_bind(&s->mask, b, type_of(b, MASK), s->calc));
    IG_TRY(ig_wide_bind(&s->y, b, y, s->calc));
    size_t all;
    if (!ig_mul_ok(s->depth, (size_t)(PANELS * IG_PANEL), &s->slice) ||
        !ig_mul_ok(s->slice, b->n_threads, &all))
        return ig_bind_fail(b, "the kernel is too large");
    return ig_scratch_add(b, all, ig_calc_bytes(s->calc), &s->panels_at);
}

/* ---- run ---- */

typedef struct {
    const deform_state *s;
    const void *x, *w, *offset, *bias, *mask;
    void *y, *panels;
    int64_t stride[2], dilation[2], before[2];
} job;

#define REAL     float
#define FN(name) name##_f32
#define FLOOR(x) floorf(x)
#include "runtime/ops/deform_conv_body.inc"
#undef REAL
#undef FN
#undef FLOOR
#define REAL     double
#define FN(name) name##_f64
#define FLOOR(x) floor(x)
#include "runtime/ops/deform_conv_body.inc"
#undef REAL
#undef FN
#undef FLOOR

/* Item: a stretch of positions of one group of one sample. */
static void stretch(const job *j, size_t item, void *panels)
{
    const deform_state *s = j->s;
    const size_t each = ig_calc_bytes(s->calc), image = item / s->stretches;
    const size_t p = item % s->stretches * PANELS * IG_PANEL;
    const size_t n = IG_MIN(s->out - p, (size_t)(PANELS * IG_PANEL)), group = image % s->groups;
    for (size_t i = 0; i * IG_PANEL < n; i++) {
        const size_t at = p + i * IG_PANEL, cols = IG_MIN(s->out - at, (size_t)IG_PANEL);
        char *panel = (char *)panels + i * IG_PANEL * s->depth * each;
        if (s->calc == IG_CALC_F32)
            sample_panel_f32(j, (float *)panel, image / s->groups, group, at, cols);
        else
            sample_panel_f64(j, (double *)panel, image / s->groups, group, at, cols);
    }
    const ig_product product = {
        .c = (char *)j->y + (image * s->results * s->out + p) * each,
        .a = (const char *)j->w + group * s->results * s->depth * each,
        .b = panels,
        .m = s->results,
        .n = n,
        .k = s->depth,
        .ldc = s->out,
        .lda = s->depth,
        .scale = 1,
    };
    ig_product_part(&s->kernels, &product, 0, s->results, 0, ig_gemm_panels(n));
    for (size_t m = 0; j->bias && m < s->results; m++) {
        if (s->calc == IG_CALC_F32)
            add_bias_f32((float *)product.c + m * s->out, n,
                         ((const float *)j->bias)[group * s->results + m]);
        else
            add_bias_f64((double *)product.c + m * s->out, n,
                         ((const double *)j->bias)[group * s->results + m]);
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    void *panels = (char *)j->panels + worker * j->s->slice * ig_calc_bytes(j->s->calc);
    for (size_t i = begin; i < end; i++) stretch(j, i, panels);
}

static const ig_tensor *given(const ig_run *r, uint32_t i) { return i < r->n_in ? r->in[i] : NULL; }

static ingot_status run(ig_run *r)
{
    const deform_attrs *a = r->attrs;
    const deform_state *s = r->state;
    if (ig_tensor_elements(r->out[0]) == 0) return INGOT_OK;
    job j = {
        .s = s,
        .x = ig_wide_in(&s->x, r, r->in[X]),
        .w = ig_wide_in(&s->w, r, r->in[W]),
        .offset = ig_wide_in(&s->offset, r, r->in[OFFSET]),
        .bias = ig_wide_in(&s->bias, r, given(r, BIAS)),
        .mask = ig_wide_in(&s->mask, r, given(r, MASK)),
        .y = ig_wide_room(&s->y, r, r->out[0]),
        .panels = ig_piece(r, s->panels_at),
    };
    for (int d = 0; d < 2; d++) {
        j.stride[d] = a->strides.n ? a->strides.v[d] : 1;
        j.dilation[d] = a->dilations.n ? a->dilations.v[d] : 1;
        j.before[d] = a->pads.n ? a->pads.v[d] : 0;
    }
    const size_t images = (size_t)r->in[X]->dims[0] * s->groups;
    ig_parallel(r->pool, images * s->stretches, IG_GRAIN / (s->slice + 1) + 1, 0, work, &j);
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    const ig_type *w = b->in[W], *y = b->out[0];
    size_t nx = 0, nw = 0, ny = 0, no = 0;
    if (!ig_type_elements(b->in[X], &nx) || !ig_type_elements(w, &nw) ||
        !ig_type_elements(y, &ny) || !ig_type_elements(b->in[OFFSET], &no) || !w->dims[0])
        return;
    out->flops = 2 * (double)ny * ((double)nw / (double)w->dims[0]);
    out->bytes =
        ((double)nx + (double)nw + (double)ny + (double)no) * (double)ig_dtype(y->dtype)->bytes;
}

const ig_op ig_op_deform_conv = {
    .name = "deform_conv",
    .min_in = 3,
    .max_in = N_IN,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(deform_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
