/* conv_columns.c - see conv_columns.h.
 *
 * Columns [pixels, c * taps] of one image and group, times the packed weights [c * taps, m], give
 * [pixels, m], which is written back as [m, pixels]. The order of a sum is (c, taps) here, whatever
 * the threads. */
#include "runtime/ops/conv_columns.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { X, W, BIAS, RESIDUAL };

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
    size_t k, n, result, panels;
    if (!ig_dims_elements(w->n, w->kernel, &s->taps) ||
        !ig_dims_elements(w->n, w->out, &s->pixels) ||
        !ig_dims_elements(w->n, w->in, &s->pixels_in) || !ig_mul_ok(s->c, s->taps, &k) ||
        !ig_mul_ok(k, s->pixels, &n) || !ig_mul_ok(s->m, s->pixels, &result) ||
        !ig_product_packed(k, s->m, &s->panels) || !ig_mul_ok(s->panels, s->groups, &panels))
        return ig_bind_fail(b, "too large for scratch");
    IG_TRY(ig_wide_bind(&s->x, b, x, calc));
    IG_TRY(ig_wide_bind(&s->w, b, b->in[W], calc));
    if (b->n_in > BIAS) IG_TRY(ig_wide_bind(&s->bias, b, b->in[BIAS], calc));
    if (b->n_in > RESIDUAL) IG_TRY(ig_wide_bind(&s->residual, b, b->in[RESIDUAL], calc));
    IG_TRY(ig_wide_bind(&s->y, b, y, calc));
    IG_TRY(ig_scratch_add(b, n, ig_calc_bytes(calc), &s->at_columns));
    IG_TRY(ig_scratch_add(b, result, ig_calc_bytes(calc), &s->at_result));
    return ig_scratch_add(b, panels, ig_calc_bytes(calc), &s->at_panels);
}

typedef struct {
    const ig_conv_columns *s;
    size_t each;
    char *columns;
    const char *x; /* [c, spatial] of this image and group */
} gather_job;

/* Where tap `t` of pixel `p` lies in an image; false: in the padding. */
static bool tap_at(const ig_window *w, size_t p, size_t t, size_t *at)
{
    int64_t index[IG_SPATIAL];
    for (int i = w->n - 1; i >= 0; i--) {
        const int64_t out = (int64_t)(p % (size_t)w->out[i]),
                      tap = (int64_t)(t % (size_t)w->kernel[i]);
        p /= (size_t)w->out[i];
        t /= (size_t)w->kernel[i];
        index[i] = out * w->stride[i] - w->begin[i] + tap * w->dilation[i];
        if (index[i] < 0 || index[i] >= w->in[i]) return false;
    }
    *at = 0;
    for (int i = 0; i < w->n; i++) *at = *at * (size_t)w->in[i] + (size_t)index[i];
    return true;
}

static void gather(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const gather_job *j = arg;
    const ig_conv_columns *s = j->s;
    const size_t row = s->c * s->taps;
    for (size_t p = begin; p < end; p++)
        for (size_t t = 0; t < s->taps; t++) {
            size_t at;
            const bool inside = tap_at(&s->window, p, t, &at);
            for (size_t c = 0; c < s->c; c++) {
                char *to = j->columns + (p * row + c * s->taps + t) * j->each;
                if (inside)
                    memcpy(to, j->x + (c * s->pixels_in + at) * j->each, j->each);
                else
                    memset(to, 0, j->each);
            }
        }
}

typedef struct {
    const ig_conv_columns *s;
    size_t each;
    char *panels;
    const char *w;
} weights;

static ig_pack_pair weights_at(const void *arg, size_t g)
{
    const weights *j = arg;
    const ig_conv_columns *s = j->s;
    return (ig_pack_pair){j->panels + g * s->panels * j->each,
                          j->w + g * s->m * s->c * s->taps * j->each};
}

static void same_product(const void *arg, size_t i, ig_product *p)
{
    (void)i;
    *p = *(const ig_product *)arg;
}

/* y[m, pixels] = act(result[pixels, m] + residual). */
static void write_back(const ig_conv_columns *s, const char *result, char *y, const char *residual)
{
    for (size_t o = 0; o < s->m; o++)
        for (size_t p = 0; p < s->pixels; p++) {
            const size_t from = p * s->m + o, to = o * s->pixels + p;
            if (s->kernels.calc == IG_CALC_F64) {
                double v = ((const double *)result)[from];
                if (residual) v += ((const double *)residual)[to];
                ((double *)y)[to] = v;
            } else {
                float v = ((const float *)result)[from];
                if (residual) v += ((const float *)residual)[to];
                ((float *)y)[to] = v;
            }
        }
}

static void activate(const ig_conv_columns *s, char *y)
{
    const size_t n = s->m * s->pixels;
    if (s->kernels.calc == IG_CALC_F64) {
        for (size_t i = 0; i < n; i++)
            ((double *)y)[i] = ig_act_f64(s->act, s->act_a, s->act_b, ((double *)y)[i]);
        return;
    }
    ig_epilogue e = {0};
    ig_act_set(&e, s->act, s->act_a, s->act_b);
    ig_act_rows((float *)y, 1, n, n, 1, &e);
}

ingot_status ig_conv_columns_run(const ig_conv_columns *s, ig_run *r)
{
    const size_t each = ig_calc_bytes(s->kernels.calc), k = s->c * s->taps;
    const char *x = ig_wide_in(&s->x, r, r->in[X]), *w = ig_wide_in(&s->w, r, r->in[W]);
    const char *bias = ig_wide_in(&s->bias, r, r->n_in > BIAS ? r->in[BIAS] : NULL);
    const char *residual = ig_wide_in(&s->residual, r, r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL);
    char *y = ig_wide_room(&s->y, r, r->out[0]), *result = ig_piece(r, s->at_result);
    weights packed = {s, each, ig_piece(r, s->at_panels), w};
    ig_product_pack_all(&s->kernels, r->pool, k, s->m, 1, k, s->groups, weights_at, &packed);
    for (size_t i = 0; i < s->batch * s->groups && !ig_run_cancelled(r); i++) {
        const size_t g = i % s->groups, out = i * s->m * s->pixels * each;
        gather_job j = {s, each, ig_piece(r, s->at_columns), x + i * s->c * s->pixels_in * each};
        ig_parallel(r->pool, s->pixels, k ? (32u << 10) / k + 1 : 1, 0, gather, &j);
        const ig_product p = {.c = result,
                              .a = j.columns,
                              .b = packed.panels + g * s->panels * each,
                              .m = s->pixels,
                              .n = s->m,
                              .k = k,
                              .ldc = s->m,
                              .lda = k,
                              .scale = 1,
                              .bias = bias ? bias + g * s->m * each : NULL};
        ig_product_run(&s->kernels, r->pool, &p, 1, same_product, &p);
        write_back(s, result, y + out, residual ? residual + out : NULL);
        if (s->act) activate(s, y + out);
    }
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}
