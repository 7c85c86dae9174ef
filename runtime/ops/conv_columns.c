/* conv_columns.c - see conv_columns.h.
 *
 * Gathering goes output row by output row: for each tap the inputs of a row are a stretch of one
 * input row, `stride` apart, and what falls outside stays zero. */
#include "runtime/ops/conv_columns.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { X, W, BIAS, RESIDUAL };
enum { ROOM = 64 << 10, MOST_PIXELS = 256, WORTH = 1 << 17 };

ingot_status ig_conv_columns_bind(ig_conv_columns *s, ig_bind *b, const ig_window *w,
                                  int64_t groups, int act, double act_a, double act_b)
{
    const ig_calc calc = ig_calc_float(b->in[X]->dtype);
    const ig_type *x = b->in[X], *y = b->out[0];
    *s = (ig_conv_columns){.kernels = ig_product_choose(calc),
                           .window = *w,
                           .batch = (size_t)x->dims[0],
                           .groups = (size_t)groups,
                           .c = (size_t)(x->dims[1] / groups),
                           .m = (size_t)(y->dims[1] / groups),
                           .act = act,
                           .act_a = act_a,
                           .act_b = act_b};
    size_t k, n;
    if (!ig_dims_elements(w->n, w->kernel, &s->taps) ||
        !ig_dims_elements(w->n, w->out, &s->pixels) ||
        !ig_dims_elements(w->n, w->in, &s->pixels_in) || !ig_mul_ok(s->c, s->taps, &k))
        return ig_bind_fail(b, "too large for scratch");
    const size_t fit = ROOM / IG_MAX(k, (size_t)1) / IG_PANEL * IG_PANEL;
    s->block = IG_MIN(IG_MAX(fit, (size_t)IG_PANEL), (size_t)MOST_PIXELS);
    if (!ig_product_packed(k, s->block, &s->columns) || !ig_mul_ok(s->columns, b->n_threads, &n))
        return ig_bind_fail(b, "too large for scratch");
    IG_TRY(ig_wide_bind(&s->x, b, x, calc));
    IG_TRY(ig_wide_bind(&s->w, b, b->in[W], calc));
    if (b->n_in > BIAS) IG_TRY(ig_wide_bind(&s->bias, b, b->in[BIAS], calc));
    if (b->n_in > RESIDUAL) IG_TRY(ig_wide_bind(&s->residual, b, b->in[RESIDUAL], calc));
    IG_TRY(ig_wide_bind(&s->y, b, y, calc));
    return ig_scratch_add(b, n, ig_calc_bytes(calc), &s->at_columns);
}

/* ---- gathering ---- */

/* A stretch of one output row: pixels `to` .. to + n of the block. */
typedef struct {
    int64_t index[IG_SPATIAL]; /* of its first pixel */
    size_t to, n;
} stretch;

/* Element k of pixels to .. to + n of panels k_all deep, from inputs `step` apart. */
static inline void put_as(uint32_t each, void *panels, size_t k_all, size_t k, size_t to,
                          const void *from, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t p = to + i;
        char *at = (char *)panels + ((p / IG_PANEL * k_all + k) * IG_PANEL + p % IG_PANEL) * each;
        memcpy(at, (const char *)from + i * step * each, each);
    }
}

/* The same where inputs are neighbours: panel by panel. */
static inline void copy_as(uint32_t each, void *panels, size_t k_all, size_t k, size_t to,
                           const void *from, size_t n)
{
    for (size_t some; n; n -= some, to += some) {
        some = IG_MIN(n, IG_PANEL - to % IG_PANEL);
        char *at = (char *)panels + ((to / IG_PANEL * k_all + k) * IG_PANEL + to % IG_PANEL) * each;
        if (some == IG_PANEL)
            memcpy(at, from, IG_PANEL * each);
        else
            memcpy(at, from, some * each);
        from = (const char *)from + some * each;
    }
}

static void put(size_t each, void *panels, size_t k_all, size_t k, size_t to, const void *from,
                size_t step, size_t n)
{
    if (step == 1 && each == sizeof(float))
        copy_as(sizeof(float), panels, k_all, k, to, from, n);
    else if (step == 1)
        copy_as(sizeof(double), panels, k_all, k, to, from, n);
    else if (each == sizeof(float))
        put_as(sizeof(float), panels, k_all, k, to, from, step, n);
    else
        put_as(sizeof(double), panels, k_all, k, to, from, step, n);
}

/* The input row under tap row t (all dims but the last) of a stretch; false: in the padding. */
static bool input_row(const ig_window *w, const stretch *s, size_t t, size_t *row)
{
    size_t at = 0, span = 1;
    for (int i = w->n - 2; i >= 0; i--) {
        const int64_t tap = (int64_t)(t % (size_t)w->kernel[i]);
        const int64_t index = s->index[i] * w->stride[i] - w->begin[i] + tap * w->dilation[i];
        if (index < 0 || index >= w->in[i]) return false;
        t /= (size_t)w->kernel[i];
        at += (size_t)index * span;
        span *= (size_t)w->in[i];
    }
    *row = at;
    return true;
}

/* All columns of a stretch; x is [c, spatial] of one image and group. */
static void gather_stretch(const ig_conv_columns *s, void *panels, const char *x, const stretch *p)
{
    const ig_window *w = &s->window;
    const int last = w->n - 1;
    const size_t each = ig_calc_bytes(s->kernels.calc), width = (size_t)w->in[last];
    const size_t taps = (size_t)w->kernel[last], k_all = s->c * s->taps;
    const int64_t stride = w->stride[last], in = w->in[last];
    for (size_t t = 0; t < s->taps / taps; t++) {
        size_t row;
        if (!input_row(w, p, t, &row)) continue;
        for (size_t kx = 0; kx < taps; kx++) {
            const int64_t at = p->index[last] * stride - w->begin[last] +
                               (int64_t)kx * w->dilation[last]; /* under the first pixel */
            const int64_t skip = at < 0 ? (-at + stride - 1) / stride : 0;
            const int64_t end = at < in ? IG_MIN((in - 1 - at) / stride + 1, (int64_t)p->n) : 0;
            if (skip >= end) continue;
            const size_t first = row * width + (size_t)(at + skip * stride);
            for (size_t c = 0; c < s->c; c++)
                put(each, panels, k_all, c * s->taps + t * taps + kx, p->to + (size_t)skip,
                    x + (c * s->pixels_in + first) * each, (size_t)stride, (size_t)(end - skip));
        }
    }
}

static void gather(const ig_conv_columns *s, void *panels, const char *x, size_t pixel, size_t n)
{
    const ig_window *w = &s->window;
    const int last = w->n - 1;
    const size_t used = ig_gemm_panels(n) * IG_PANEL * s->c * s->taps;
    memset(panels, 0, used * ig_calc_bytes(s->kernels.calc));
    for (size_t to = 0, rest; to < n; to += rest) {
        stretch p = {.to = to};
        size_t at = pixel + to;
        for (int i = last; i >= 0; i--) {
            p.index[i] = (int64_t)(at % (size_t)w->out[i]);
            at /= (size_t)w->out[i];
        }
        rest = IG_MIN(n - to, (size_t)(w->out[last] - p.index[last]));
        p.n = rest;
        gather_stretch(s, panels, x, &p);
    }
}

/* ---- run ---- */

typedef struct {
    const ig_conv_columns *s;
    const ig_run *r;
    const char *x, *w, *bias, *residual;
    char *y, *columns;
    size_t blocks; /* of an image */
} job;

/* y[m, n] = act(y + bias[m] + residual), rows `pixels` apart. */
static void finish(const ig_conv_columns *s, char *y, const char *bias, const char *residual,
                   size_t n)
{
    if (!bias && !residual && !s->act) return;
    if (s->kernels.calc == IG_CALC_F64) {
        const ig_epilogue_f64 e = {NULL,    (const double *)residual, s->pixels, s->act, s->act_a,
                                   s->act_b};
        for (size_t o = 0; bias && o < s->m; o++)
            for (size_t i = 0; i < n; i++)
                ((double *)y)[o * s->pixels + i] += ((const double *)bias)[o];
        if (residual || s->act) ig_act_rows_f64((double *)y, s->m, n, s->pixels, 1, &e);
        return;
    }
    ig_epilogue e = {.residual = (const float *)residual, .ld_residual = s->pixels};
    ig_act_set(&e, s->act, s->act_a, s->act_b);
    for (size_t o = 0; bias && o < s->m; o++)
        for (size_t i = 0; i < n; i++) ((float *)y)[o * s->pixels + i] += ((const float *)bias)[o];
    if (residual || s->act) ig_act_rows((float *)y, s->m, n, s->pixels, 1, &e);
}

/* Items are blocks of pixels, image after image (of one group each). */
static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const ig_conv_columns *s = j->s;
    const size_t each = ig_calc_bytes(s->kernels.calc), k = s->c * s->taps;
    char *columns = j->columns + worker * s->columns * each;
    for (size_t i = begin; i < end && !ig_run_cancelled(j->r); i++) {
        const size_t image = i / j->blocks, g = image % s->groups;
        const size_t pixel = i % j->blocks * s->block, n = IG_MIN(s->block, s->pixels - pixel);
        const size_t out = (image * s->m * s->pixels + pixel) * each;
        const ig_product p = {.c = j->y + out,
                              .a = j->w + g * s->m * k * each,
                              .b = columns,
                              .m = s->m,
                              .n = n,
                              .k = k,
                              .ldc = s->pixels,
                              .lda = k,
                              .scale = 1};
        gather(s, columns, j->x + image * s->c * s->pixels_in * each, pixel, n);
        ig_product_part(&s->kernels, &p, 0, s->m, 0, ig_gemm_panels(n));
        finish(s, j->y + out, j->bias ? j->bias + g * s->m * each : NULL,
               j->residual ? j->residual + out : NULL, n);
    }
}

ingot_status ig_conv_columns_run(const ig_conv_columns *s, ig_run *r)
{
    job j = {.s = s,
             .r = r,
             .x = ig_wide_in(&s->x, r, r->in[X]),
             .w = ig_wide_in(&s->w, r, r->in[W]),
             .bias = ig_wide_in(&s->bias, r, r->n_in > BIAS ? r->in[BIAS] : NULL),
             .residual = ig_wide_in(&s->residual, r, r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL),
             .y = ig_wide_room(&s->y, r, r->out[0]),
             .columns = ig_piece(r, s->at_columns)};
    if (s->pixels) {
        j.blocks = (s->pixels - 1) / s->block + 1;
        const double work = (double)s->block * (double)s->m * (double)(s->c * s->taps);
        const size_t grain = (size_t)(WORTH / (work + 1)) + 1;
        ig_parallel(r->pool, s->batch * s->groups * j.blocks, grain, 0, part, &j);
    }
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}
