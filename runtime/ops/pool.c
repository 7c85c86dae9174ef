/* pool.c - pool fn=max|average|lp over [N, C, spatial..], any float type and 8-bit integers.
 *
 * Padding never takes part in a maximum; an average counts it with count_include_pad, but never
 * what lies beyond it (ceil_mode). Output 1 of a maximum: where it was found, counted over the
 * whole tensor; of equal ones the first. The layout pass replaces most of these by pool_nhwc. */
#include "runtime/ops/pool.h"
#include "runtime/ops/wide.h"
#include "kernels/reduce/reduce.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { LONG_ROW = 32 /* taps that are worth a call */ };

const char *const ig_pool_names[] = {"max", "average", "lp", NULL};
static const ig_attr attrs[] = {IG_POOL_FIELDS, {0}};

ingot_status ig_pool_window(ig_window *w, const ig_pool_attrs *a, int n, const int64_t *in,
                            const ig_node *node, ingot_error *err)
{
    if (!a->global) return ig_window_make(w, &a->window, n, in, NULL, node, err);
    int64_t kernel[IG_SPATIAL];
    const ig_window_attrs whole = {0};
    bool known = n >= 1 && n <= IG_SPATIAL;
    for (int i = 0; known && i < n; i++) known = (kernel[i] = in[i]) > 0;
    if (known) return ig_window_make(w, &whole, n, in, kernel, node, err);
    if (n < 1 || n > IG_SPATIAL)
        return ig_node_fail(err, INGOT_E_FORMAT, node, "an image of %d spatial dims", n);
    *w = (ig_window){.n = n};
    for (int i = 0; i < n; i++) {
        if (in[i] == 0) return ig_node_fail(err, INGOT_E_FORMAT, node, "an image without pixels");
        w->out[i] = 1;
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_pool_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *y = &c->out[0];
    const ig_dtype_class class_ = ig_dtype(x->dtype)->class_;
    const bool small = ig_dtype(x->dtype)->bytes == 1;
    if (x->dtype != INGOT_NONE && class_ != IG_CLASS_FLOAT &&
        !(a->fn == IG_POOL_MAX && small && (class_ == IG_CLASS_INT || class_ == IG_CLASS_UINT)))
        return ig_infer_fail(c, "no %s pool of %s", ig_pool_names[a->fn], ig_dtype(x->dtype)->name);
    if (c->n_out > 1 && a->fn != IG_POOL_MAX) return ig_infer_fail(c, "only a maximum has indices");
    if (a->p < 1) return ig_infer_fail(c, "p is %lld", (long long)a->p);
    y->dtype = x->dtype;
    y->rank = x->rank;
    if (x->rank >= 0) {
        if (x->rank < 3) return ig_infer_fail(c, "an image of rank %d", x->rank);
        ig_window w;
        IG_TRY(ig_pool_window(&w, a, x->rank - 2, x->dims + 2, c->node, c->err));
        y->dims[0] = x->dims[0];
        y->dims[1] = x->dims[1];
        for (int i = 0; i < w.n; i++) y->dims[2 + i] = w.out[i] >= 0 ? w.out[i] : IG_DIM_UNKNOWN;
    }
    if (c->n_out > 1) {
        c->out[1] = *y;
        c->out[1].dtype = INGOT_I64;
    }
    return INGOT_OK;
}

typedef struct {
    ig_window w;
    ig_wide x, y;
    size_t images, pixels_in, pixels_out, taps;
    bool integer; /* an empty maximum is the type's lowest value */
    double lowest;
    reduce_rows_f32_fn *max_row;
} state;

static ingot_status bind(ig_bind *b)
{
    const ig_type *x = b->in[0];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const ig_calc calc = ig_calc_float(x->dtype);
    IG_TRY(ig_pool_window(&s->w, b->attrs, x->rank - 2, x->dims + 2, b->node, b->err));
    s->images = ig_dims_product(x->dims, 0, 2);
    s->pixels_in = ig_dims_product(s->w.in, 0, s->w.n);
    s->pixels_out = ig_dims_product(s->w.out, 0, s->w.n);
    if (!ig_dims_elements(s->w.n, s->w.kernel, &s->taps))
        return ig_bind_fail(b, "too large a window");
    s->lowest = x->dtype == INGOT_I8 ? -128 : x->dtype == INGOT_U8 ? 0 : -INFINITY;
    s->max_row = ig_max_rows_f32();
    IG_TRY(ig_wide_bind(&s->x, b, x, calc));
    return ig_wide_bind(&s->y, b, b->out[0], calc);
}

/* ---- one output
 * ---------------------------------------------------------------------------------- */

typedef struct {
    const state *s;
    const ig_pool_attrs *a;
    const void *x;
    void *y;
    int64_t *indices;
    bool wide;                   /* f64 */
    reduce_rows_f32_fn *max_row; /* of long rows of f32, where no index is asked; else NULL */
} job;

typedef struct {
    double value;
    int64_t at; /* within the image; -1: no tap inside */
    size_t counted;
} result;

/* A row of taps along the last dim: [0, counted) are not beyond the padding, [from, to) inside. */
typedef struct {
    int64_t at; /* index of the first tap, may be negative */
    int64_t counted, from, to;
} tap_row;

static tap_row row_at(const ig_window *w, int64_t out)
{
    const int i = w->n - 1;
    const int64_t step = w->dilation[i], at = out * w->stride[i] - w->begin[i];
    tap_row r = {.at = at, .from = at < 0 ? (-at + step - 1) / step : 0};
    const int64_t high = w->in[i] - at, beyond = w->in[i] + w->end[i] - at;
    r.to = high > 0 ? IG_MIN((high - 1) / step + 1, w->kernel[i]) : 0;
    r.counted = beyond > 0 ? IG_MIN((beyond - 1) / step + 1, w->kernel[i]) : 0;
    if (r.from > r.to) r.from = r.to;
    return r;
}

/* Where a row of taps lies: inside the image, in its padding, or beyond both. */
typedef enum { INSIDE, PADDING, BEYOND } where;

/* Row t of the taps (all dims but the last) of the output at `out`; *start: its first element. */
static where tap_row_at(const ig_window *w, const int64_t *out, size_t t, size_t *start)
{
    size_t span = (size_t)w->in[w->n - 1];
    where found = INSIDE;
    *start = 0;
    for (int i = w->n - 2; i >= 0; i--) {
        const int64_t k = (int64_t)(t % (size_t)w->kernel[i]);
        const int64_t index = out[i] * w->stride[i] - w->begin[i] + k * w->dilation[i];
        t /= (size_t)w->kernel[i];
        if (index >= w->in[i] + w->end[i]) return BEYOND;
        if (index < 0 || index >= w->in[i]) found = PADDING;
        *start += (size_t)IG_MAX(index, (int64_t)0) * span;
        span *= (size_t)w->in[i];
    }
    return found;
}

static void take(result *r, const ig_pool_attrs *a, double v, size_t at)
{
    switch (a->fn) {
    case IG_POOL_MAX:
        if (r->at < 0 || v > r->value || (v != v && r->value == r->value)) {
            r->value = v;
            r->at = (int64_t)at;
        }
        return;
    case IG_POOL_AVERAGE:
        r->value += v;
        return;
    default:
        r->value += a->p == 1 ? fabs(v) : a->p == 2 ? v * v : pow(fabs(v), (double)a->p);
        return;
    }
}

/* n elements `step` apart, the first at `at` of the image that begins at element `image`. */
static void take_row(result *r, const job *j, size_t image, size_t at, size_t step, size_t n)
{
    r->counted += n;
    if (j->wide) {
        const double *x = (const double *)j->x + image + at;
        for (size_t i = 0; i < n; i++) take(r, j->a, x[i * step], at + i * step);
    } else if (j->max_row && step == 1 && n >= LONG_ROW) {
        float most;
        j->max_row(&most, (const float *)j->x + image + at, 1, n);
        take(r, j->a, (double)most, at);
    } else {
        const float *x = (const float *)j->x + image + at;
        for (size_t i = 0; i < n; i++) take(r, j->a, (double)x[i * step], at + i * step);
    }
}

static result pool_one(const job *j, size_t image, size_t pixel)
{
    const state *s = j->s;
    const ig_window *w = &s->w;
    const int last = w->n - 1;
    int64_t out[IG_SPATIAL];
    for (int i = last; i >= 0; i--) {
        out[i] = (int64_t)(pixel % (size_t)w->out[i]);
        pixel /= (size_t)w->out[i];
    }
    const tap_row row = row_at(w, out[last]);
    const size_t step = (size_t)w->dilation[last], inside = (size_t)(row.to - row.from);
    result r = {.at = -1};
    for (size_t t = 0; t < s->taps / (size_t)w->kernel[last]; t++) {
        size_t start;
        const where found = tap_row_at(w, out, t, &start);
        if (found == BEYOND) continue;
        if (j->a->count_include_pad)
            r.counted += (size_t)row.counted - (found == INSIDE ? inside : 0);
        if (found == INSIDE && inside)
            take_row(&r, j, image * s->pixels_in, start + (size_t)row.at + (size_t)row.from * step,
                     step, inside);
    }
    if (j->a->fn == IG_POOL_MAX && r.at < 0) r.value = s->lowest;
    if (j->a->fn == IG_POOL_AVERAGE) r.value = r.counted ? r.value / (double)r.counted : 0;
    if (j->a->fn == IG_POOL_LP)
        r.value = j->a->p == 1   ? r.value
                  : j->a->p == 2 ? sqrt(r.value)
                                 : pow(r.value, 1 / (double)j->a->p);
    return r;
}

/* The index of a maximum over the whole tensor; storage_order 1 counts an image by columns. */
static int64_t index_of(const job *j, size_t image, int64_t at)
{
    const ig_window *w = &j->s->w;
    if (at < 0) return -1;
    if (!j->a->storage_order) return (int64_t)(image * j->s->pixels_in) + at;
    int64_t column_major = 0, step = 1, index[IG_SPATIAL];
    for (int i = w->n - 1; i >= 0; i--) {
        index[i] = at % w->in[i];
        at /= w->in[i];
    }
    for (int i = 0; i < w->n; i++) {
        column_major += index[i] * step;
        step *= w->in[i];
    }
    return (int64_t)(image * j->s->pixels_in) + column_major;
}

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t i = begin; i < end; i++) {
        const size_t image = i / j->s->pixels_out;
        const result r = pool_one(j, image, i % j->s->pixels_out);
        if (j->wide)
            ((double *)j->y)[i] = r.value;
        else
            ((float *)j->y)[i] = (float)r.value;
        if (j->indices) j->indices[i] = index_of(j, image, r.at);
    }
}

/* One window that is the whole image: a row to reduce. */
static bool is_whole(const job *j)
{
    const ig_window *w = &j->s->w;
    if (j->wide || j->indices || j->a->fn == IG_POOL_LP || !j->s->pixels_in) return false;
    for (int i = 0; i < w->n; i++)
        if (w->out[i] != 1 || w->kernel[i] != w->in[i] || w->dilation[i] != 1 || w->begin[i] ||
            w->end[i])
            return false;
    return true;
}

static void whole_part(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const size_t n = j->s->pixels_in;
    float *y = (float *)j->y + begin;
    const float *x = (const float *)j->x + begin * n;
    if (j->a->fn == IG_POOL_MAX) {
        ig_max_rows_f32()(y, x, end - begin, n);
        return;
    }
    ig_sum_rows_f32()(y, x, end - begin, n);
    for (size_t i = 0; i < end - begin; i++) y[i] /= (float)n;
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s,
             .a = r->attrs,
             .x = ig_wide_in(&s->x, r, r->in[0]),
             .y = ig_wide_room(&s->y, r, r->out[0]),
             .wide = r->in[0]->dtype == INGOT_F64};
    if (r->n_out > 1 && r->out[1]) j.indices = r->out[1]->data;
    if (j.a->fn == IG_POOL_MAX && !j.wide && !j.indices) j.max_row = s->max_row;
    const size_t worth = (32u << 10) / IG_MAX(s->taps, (size_t)1) + 1;
    if (is_whole(&j))
        ig_parallel(r->pool, s->images, 2 * worth, 0, whole_part, &j);
    else
        ig_parallel(r->pool, s->images * s->pixels_out, worth, 0, part, &j);
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

const ig_op ig_op_pool = {
    .name = "pool",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 2,
    .attrs = attrs,
    .attrs_bytes = sizeof(ig_pool_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
