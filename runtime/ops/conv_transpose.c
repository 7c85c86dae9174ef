/* conv_transpose.c - conv_transpose(x [N, C, in...], w [C, M / group, k...], bias [M]?), 1 to 6
 * spatial dimensions:
 *
 *     out = stride (in - 1) + output_padding + (k - 1) dilation + 1 - pads
 *
 * output_shape fixes `out` and thereby the pads; auto_pad SAME_* cuts it to in * stride.
 *
 * A product gives what each input position adds at each element of the kernel, [channels * k, in],
 * and col2im adds it up. A task takes a block of output channels, its product a stretch of
 * positions at a time so that it stays in L2; who computes what depends on the shapes alone, so the
 * order of the additions does too. Where the kernel is as large as its stride and nothing is cut
 * off (twice the size, above all), every output has one term, which is laid in its place. */
#include "runtime/ops/deconv_lay.h"
#include "kernels/transpose/transpose.h"
#include "runtime/ops/product.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { SPATIAL = IG_MAX_RANK - 2, ROWS = 48, STRETCH = 1 << 17 /* products in a task's scratch */ };
enum { X, W, BIAS };

typedef enum { NOTSET, SAME_UPPER, SAME_LOWER, VALID } pad_mode;
static const char *const pad_modes[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

typedef struct {
    int auto_pad;
    int64_t group;
    ig_ints dilations, kernel_shape, output_padding, output_shape, pads, strides;
} conv_transpose_attrs;

static const ig_attr attrs[] = {
    IG_ENUM(conv_transpose_attrs, auto_pad, NOTSET, pad_modes),
    IG_INT(conv_transpose_attrs, group, 1),
    IG_INTS(conv_transpose_attrs, dilations),
    IG_INTS(conv_transpose_attrs, kernel_shape),
    IG_INTS(conv_transpose_attrs, output_padding),
    IG_INTS(conv_transpose_attrs, output_shape),
    IG_INTS(conv_transpose_attrs, pads),
    IG_INTS(conv_transpose_attrs, strides),
    {0},
};

typedef ig_deconv_axis axis;

/* ---- geometry ---- */

/* NULL, or what is wrong with the attributes for n spatial dimensions. */
static const char *check_attrs(const conv_transpose_attrs *a, size_t n)
{
    const ig_ints *const lists[] = {&a->dilations, &a->kernel_shape, &a->output_padding,
                                    &a->strides};
    const int64_t least[] = {1, 1, 0, 1};
    if (a->group < 1) return "group must be 1 or more";
    for (size_t i = 0; i < IG_LEN(lists); i++) {
        if (lists[i]->n && lists[i]->n != n)
            return "dilations, kernel_shape, output_padding and strides must have a value for each "
                   "spatial dimension";
        for (size_t d = 0; d < lists[i]->n; d++)
            if (lists[i]->v[d] < least[i])
                return "dilations, kernel_shape and strides must be 1 or more, output_padding 0 or "
                       "more";
    }
    if (a->pads.n && a->pads.n != 2 * n) return "pads must have two values a spatial dimension";
    for (size_t d = 0; d < a->pads.n; d++)
        if (a->pads.v[d] < 0) return "pads must not be negative";
    if (a->output_shape.n && a->output_shape.n != n && a->output_shape.n != n + 2)
        return "output_shape must have a value for each spatial dimension";
    for (size_t d = 0; d < a->output_shape.n; d++)
        if (a->output_shape.v[d] < 1) return "output_shape must be positive";
    return NULL;
}

/* Dimension d of n; attributes were checked, in and kernel are sizes. */
static const char *fill(axis *x, const conv_transpose_attrs *a, size_t d, size_t n, int64_t in,
                        int64_t kernel)
{
    static const char too_large[] = "the result is too large";
    *x = (axis){.in = in, .kernel = kernel};
    x->stride = a->strides.n ? a->strides.v[d] : 1;
    x->dilation = a->dilations.n ? a->dilations.v[d] : 1;
    int64_t full, reach;
    if (in < 1 || kernel < 1) return "spatial and kernel dimensions must be 1 or more";
    if (!ig_mul_ok(x->stride, in - 1, &full) || !ig_mul_ok(x->dilation, kernel - 1, &reach) ||
        !ig_add_ok(full, reach, &full) || !ig_add_ok(full, (int64_t)1, &full) ||
        !ig_add_ok(full, a->output_padding.n ? a->output_padding.v[d] : 0, &full))
        return too_large;
    const bool same = a->auto_pad == SAME_UPPER || a->auto_pad == SAME_LOWER;
    if (a->output_shape.n || same) {
        if (a->output_shape.n)
            x->out = a->output_shape.v[a->output_shape.n - n + d];
        else if (!ig_mul_ok(in, x->stride, &x->out))
            return too_large;
        int64_t total;
        if (!ig_sub_ok(full, x->out, &total)) return too_large;
        total = IG_MAX(total, (int64_t)0);
        if (!a->output_shape.n) x->out = full - total; /* a small kernel leaves less than asked */
        x->before = a->auto_pad == SAME_UPPER ? total / 2 : total - total / 2;
        return NULL;
    }
    x->out = full;
    if (a->pads.n && a->auto_pad == NOTSET) {
        x->before = a->pads.v[d];
        if (!ig_sub_ok(full, x->before, &full) || !ig_sub_ok(full, a->pads.v[n + d], &x->out))
            return "pads are too large";
    }
    return x->out < 0 ? "pads are larger than the result" : NULL;
}

/* ---- types ---- */

static ingot_status check_types(ig_infer *c)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!ig_has(c, i) || c->in[i]->dtype == INGOT_NONE) continue;
        if (ig_dtype(c->in[i]->dtype)->class_ != IG_CLASS_FLOAT)
            return ig_infer_fail(c, "not defined for %s", ig_dtype(c->in[i]->dtype)->name);
        if (c->in[X]->dtype != INGOT_NONE && c->in[i]->dtype != c->in[X]->dtype)
            return ig_infer_fail(c, "x is %s, input %u %s", ig_dtype(c->in[X]->dtype)->name,
                                 (unsigned)i, ig_dtype(c->in[i]->dtype)->name);
    }
    return INGOT_OK;
}

static ingot_status check_channels(ig_infer *c, int64_t *channels)
{
    const conv_transpose_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    *channels = IG_DIM_UNKNOWN;
    if (w->rank < 0) return INGOT_OK;
    if (x->rank >= 0 && ig_dim_differ(x->dims[1], w->dims[0]))
        return ig_infer_fail(c, "x has %lld channels, w takes %lld", (long long)x->dims[1],
                             (long long)w->dims[0]);
    if (w->dims[0] >= 0 && w->dims[0] % a->group)
        return ig_infer_fail(c, "%lld channels do not fall in %lld groups", (long long)w->dims[0],
                             (long long)a->group);
    if (w->dims[1] >= 0 && !ig_mul_ok(w->dims[1], a->group, channels))
        return ig_infer_fail(c, "there are too many channels");
    const ig_type *bias = ig_has(c, BIAS) ? c->in[BIAS] : NULL;
    if (bias && bias->rank >= 0 && (bias->rank != 1 || ig_dim_differ(bias->dims[0], *channels)))
        return ig_infer_fail(c, "bias must have rank 1 and %lld elements", (long long)*channels);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const conv_transpose_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    ig_type *y = &c->out[0];
    const int rank = x->rank >= 0 ? x->rank : w->rank;
    IG_TRY(check_types(c));
    y->dtype = x->dtype;
    if (rank < 0) return INGOT_OK;
    if (rank < 3 || (w->rank >= 0 && w->rank != rank))
        return ig_infer_fail(c, "x has rank %d and w %d; both must have the same, 3 or more",
                             x->rank, w->rank);
    const size_t n = (size_t)rank - 2;
    const char *wrong = check_attrs(a, n);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    y->rank = rank;
    y->dims[0] = x->rank < 0 ? IG_DIM_UNKNOWN : x->dims[0];
    IG_TRY(check_channels(c, &y->dims[1]));
    for (size_t d = 0; d < n; d++) {
        const int64_t in = x->rank < 0 ? IG_DIM_UNKNOWN : x->dims[2 + d];
        const int64_t listed = a->kernel_shape.n ? a->kernel_shape.v[d] : IG_DIM_UNKNOWN;
        const int64_t kernel = w->rank < 0 ? listed : w->dims[2 + d];
        if (ig_dim_differ(kernel, listed))
            return ig_infer_fail(c, "kernel_shape says %lld, w has %lld", (long long)listed,
                                 (long long)kernel);
        y->dims[2 + d] = IG_DIM_UNKNOWN;
        if (in < 0 || kernel < 0) continue;
        axis one;
        wrong = fill(&one, a, d, n, in, kernel);
        if (wrong) return ig_infer_fail(c, "spatial dimension %zu: %s", d, wrong);
        y->dims[2 + d] = one.out;
    }
    return INGOT_OK;
}

/* ---- bind ---- */

typedef struct {
    axis axes[SPATIAL];
    int n;
    ig_calc calc;
    ig_product_kernels kernels;
    size_t batch, groups, depth, channels; /* depth, channels: of a group, in and out */
    size_t kernel, in, out;                /* elements */
    bool tiled;                            /* f32, every output has one term */
    size_t block, blocks, stretch;         /* channels in a task; tasks a group; positions */
    size_t packed;                         /* elements of the panels of one group of x */
    ig_wide x, y, w;
    const void *turned; /* constant w as [group][channels * kernel, depth], else NULL */
    size_t turned_at, panels_at, slices_at, slice;
} conv_transpose_state;

static void turn(const conv_transpose_state *s, void *to, const void *w)
{
    const size_t rows = s->channels * s->kernel;
    const transpose_shape shape = {.batch = s->groups,
                                   .rows = s->depth,
                                   .cols = rows,
                                   .x_batch = s->depth * rows,
                                   .x_row = rows,
                                   .y_batch = s->depth * rows,
                                   .y_row = s->depth};
    ig_transpose(ig_calc_bytes(s->calc))(to, w, &shape);
}

static ingot_status bind_weights(conv_transpose_state *s, ig_bind *b)
{
    const size_t each = ig_calc_bytes(s->calc);
    const size_t n = s->groups * s->depth * s->channels * s->kernel; /* elements of w */
    if (!b->known[W]) {
        IG_TRY(ig_wide_bind(&s->w, b, b->in[W], s->calc));
        return ig_scratch_add(b, n, each, &s->turned_at);
    }
    const void *w = ig_wide_constant(b, b->known[W], s->calc);
    if (!w) return INGOT_E_NOMEM;
    void *turned = ig_arena_array(b->arena, n, each);
    if (!turned) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for weights");
    turn(s, turned, w);
    s->turned = turned;
    return INGOT_OK;
}

static ingot_status bind_tasks(conv_transpose_state *s, ig_bind *b)
{
    const size_t each = ig_calc_bytes(s->calc);
    size_t all;
    s->block = IG_MIN(IG_MAX(ROWS / s->kernel, (size_t)1), IG_MAX(s->channels, (size_t)1));
    s->blocks = s->channels / s->block + (s->channels % s->block != 0);
    const size_t rows = s->block * s->kernel;
    s->stretch = IG_MAX(STRETCH / rows / IG_PANEL * IG_PANEL, (size_t)IG_PANEL);
    s->stretch = IG_MIN(s->stretch, s->in);
    if (!ig_product_packed(s->depth, s->in, &s->packed) ||
        !ig_mul_ok(s->packed, s->batch * s->groups, &all) ||
        !ig_mul_ok(rows, s->stretch, &s->slice) || !ig_align_ok(s->slice, 16, &s->slice))
        return ig_bind_fail(b, "x is too large");
    IG_TRY(ig_scratch_add(b, all, each, &s->panels_at));
    if (!ig_mul_ok(s->slice, b->n_threads, &all)) return ig_bind_fail(b, "w is too large");
    return ig_scratch_add(b, all, each, &s->slices_at);
}

static ingot_status bind(ig_bind *b)
{
    const conv_transpose_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *w = b->in[W];
    conv_transpose_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->n = x->rank - 2;
    s->calc = ig_calc_float(x->dtype);
    s->kernels = ig_product_choose(s->calc);
    s->batch = (size_t)x->dims[0];
    s->groups = (size_t)a->group;
    s->depth = (size_t)x->dims[1] / s->groups;
    s->channels = (size_t)w->dims[1];
    s->kernel = ig_dims_product(w->dims, 2, w->rank);
    s->in = ig_dims_product(x->dims, 2, x->rank);
    s->out = ig_dims_product(b->out[0]->dims, 2, x->rank);
    for (int d = 0; d < s->n; d++) {
        const char *wrong =
            fill(&s->axes[d], a, (size_t)d, (size_t)s->n, x->dims[2 + d], w->dims[2 + d]);
        if (wrong) return ig_bind_fail(b, "%s", wrong);
    }
    s->tiled = s->calc == IG_CALC_F32 && ig_deconv_one_term(s->axes, s->n);
    b->kernel = s->tiled ? "product" : "product, col2im";
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    IG_TRY(ig_wide_bind(&s->y, b, b->out[0], s->calc));
    IG_TRY(bind_weights(s, b));
    return bind_tasks(s, b);
}

/* ---- run ---- */

typedef struct {
    const conv_transpose_state *s;
    const ig_run *r;
    const void *x, *turned;
    void *y, *panels, *slices;
    const ig_tensor *bias;
} job;

static ig_pack_pair pack_at(const void *arg, size_t i)
{
    const job *j = arg;
    const size_t each = ig_calc_bytes(j->s->calc);
    return (ig_pack_pair){(char *)j->panels + i * j->s->packed * each,
                          (const char *)j->x + i * j->s->depth * j->s->in * each};
}

/* A stretch of one input row: positions [x, x + n) add to the output row at `to`, one element of
 * the kernel. */
static void add_run(const conv_transpose_state *s, void *to, const void *from, size_t x, size_t n,
                    int64_t offset)
{
    const axis *last = &s->axes[s->n - 1];
    const int64_t stride = last->stride;
    int64_t begin = (int64_t)x, end = (int64_t)(x + n);
    if (offset < 0) begin = IG_MAX(begin, (-offset + stride - 1) / stride);
    if (last->out <= offset) return;
    end = IG_MIN(end, (last->out - offset - 1) / stride + 1);
    if (s->calc == IG_CALC_F32) {
        float *y = to;
        const float *v = (const float *)from - x;
        if (stride == 1)
            for (int64_t i = begin; i < end; i++) y[i + offset] += v[i];
        else
            for (int64_t i = begin; i < end; i++) y[i * stride + offset] += v[i];
    } else {
        double *y = to;
        const double *v = (const double *)from - x;
        for (int64_t i = begin; i < end; i++) y[i * stride + offset] += v[i];
    }
}

/* One row of the product: positions [p, p + n) of x at element k of the kernel, into one channel of
 * y. */
static void add_row(const conv_transpose_state *s, void *y, const void *row, size_t k, size_t p,
                    size_t n)
{
    const size_t each = ig_calc_bytes(s->calc), width = (size_t)s->axes[s->n - 1].in;
    int64_t offset[SPATIAL];
    for (int d = s->n - 1; d >= 0; d--) {
        const axis *a = &s->axes[d];
        offset[d] = (int64_t)(k % (size_t)a->kernel) * a->dilation - a->before;
        k /= (size_t)a->kernel;
    }
    for (size_t step; n; p += step, n -= step, row = (const char *)row + step * each) {
        size_t rest = p / width, at = 0, span = (size_t)s->axes[s->n - 1].out;
        bool inside = true;
        step = IG_MIN(width - p % width, n);
        for (int d = s->n - 2; d >= 0; d--) {
            const axis *a = &s->axes[d];
            const int64_t o = (int64_t)(rest % (size_t)a->in) * a->stride + offset[d];
            inside = inside && o >= 0 && o < a->out;
            if (inside) at += (size_t)o * span;
            span *= (size_t)a->out;
            rest /= (size_t)a->in;
        }
        if (inside) add_run(s, (char *)y + at * each, row, p % width, step, offset[s->n - 1]);
    }
}

static void lay_channels(const job *j, const float *slice, size_t first, size_t channels,
                         size_t of_sample, size_t p, size_t cols)
{
    const conv_transpose_state *s = j->s;
    for (size_t c = 0; c < channels; c++) {
        const double bias = j->bias ? ig_load_f64(j->bias->data, j->bias->dtype, of_sample + c) : 0;
        ig_deconv_lay((float *)j->y + (first + c) * s->out, slice + c * s->kernel * cols, s->axes,
                      s->n, p, cols, (float)bias);
    }
}

static void fill_channels(const job *j, size_t first, size_t channels, size_t of_sample)
{
    const conv_transpose_state *s = j->s;
    for (size_t c = 0; c < channels; c++) {
        const double bias = j->bias ? ig_load_f64(j->bias->data, j->bias->dtype, of_sample + c) : 0;
        const size_t at = (first + c) * s->out;
        if (s->calc == IG_CALC_F32)
            for (size_t i = 0; i < s->out; i++) ((float *)j->y)[at + i] = (float)bias;
        else
            for (size_t i = 0; i < s->out; i++) ((double *)j->y)[at + i] = bias;
    }
}

/* Item i: a block of channels of one group of one sample. */
static void block_of_channels(const job *j, size_t i, void *slice)
{
    const conv_transpose_state *s = j->s;
    const size_t each = ig_calc_bytes(s->calc), group = i / s->blocks;
    const size_t first = i % s->blocks * s->block, n = IG_MIN(s->block, s->channels - first);
    const size_t in_sample = group % s->groups;
    const size_t row = (in_sample * s->channels + first) * s->kernel; /* of the turned w */
    const size_t at = group * s->channels + first, of_sample = in_sample * s->channels + first;
    if (!s->tiled) fill_channels(j, at, n, of_sample);
    for (size_t p = 0; p < s->in; p += s->stretch) {
        const size_t cols = IG_MIN(s->stretch, s->in - p);
        const ig_product product = {
            .c = slice,
            .a = (const char *)j->turned + row * s->depth * each,
            .b = (const char *)j->panels + (group * s->packed + p * s->depth) * each,
            .m = n * s->kernel,
            .n = cols,
            .k = s->depth,
            .ldc = cols,
            .lda = s->depth,
            .scale = 1,
        };
        ig_product_part(&s->kernels, &product, 0, product.m, 0, ig_gemm_panels(cols));
        if (s->tiled) lay_channels(j, slice, at, n, of_sample, p, cols);
        for (size_t k = 0; k < product.m && !s->tiled; k++)
            add_row(s, (char *)j->y + (at + k / s->kernel) * s->out * each,
                    (const char *)slice + k * cols * each, k % s->kernel, p, cols);
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    void *slice = (char *)j->slices + worker * j->s->slice * ig_calc_bytes(j->s->calc);
    for (size_t i = begin; i < end; i++) {
        if (ig_run_cancelled(j->r)) return;
        block_of_channels(j, i, slice);
    }
}

static ingot_status run(ig_run *r)
{
    const conv_transpose_state *s = r->state;
    if (ig_tensor_elements(r->out[0]) == 0) return INGOT_OK;
    job j = {
        .s = s,
        .r = r,
        .x = ig_wide_in(&s->x, r, r->in[X]),
        .turned = s->turned,
        .y = ig_wide_room(&s->y, r, r->out[0]),
        .panels = ig_piece(r, s->panels_at),
        .slices = ig_piece(r, s->slices_at),
        .bias = r->n_in > BIAS ? r->in[BIAS] : NULL,
    };
    if (!j.turned) {
        turn(s, ig_piece(r, s->turned_at), ig_wide_in(&s->w, r, r->in[W]));
        j.turned = ig_piece(r, s->turned_at);
    }
    const size_t groups = s->batch * s->groups;
    ig_product_pack_all(&s->kernels, r->pool, s->depth, s->in, s->in, 1, groups, pack_at, &j);
    const double task =
        (double)s->block * (double)s->kernel * (double)s->in * (double)(s->depth + 1);
    const size_t grain = task > IG_GRAIN ? 1 : (size_t)(IG_GRAIN / (task + 1)) + 1;
    ig_parallel(r->pool, groups * s->blocks, grain, 0, work, &j);
    if (ig_run_cancelled(r)) return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled");
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *out, const ig_bind *b)
{
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    size_t nx = 0, nw = 0, ny = 0;
    if (!ig_type_elements(x, &nx) || !ig_type_elements(w, &nw) || !ig_type_elements(y, &ny)) return;
    const double each = w->dims[0] ? (double)nw / (double)w->dims[0] : 0; /* products a position */
    out->flops = 2 * (double)nx * each;
    out->bytes = ((double)nx + (double)nw + (double)ny) * (double)ig_dtype(x->dtype)->bytes;
}

const ig_op ig_op_conv_transpose = {
    .name = "conv_transpose",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(conv_transpose_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
