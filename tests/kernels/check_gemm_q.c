/* check_gemm_q.c - every format against double sums over the plain values, every variant bit for
 * bit against the scalar truth. */
#include "tests/kernels/kernel_check.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_panel.h"
#include "runtime/base/dtype.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct {
    const ig_q_format *f;
    size_t m, n, k;
    int kind; /* of values */
    bool bias, residual, act, gated;
} q_case;
enum { USUAL, EXTREME, WILD, KINDS };

static size_t groups_of(const ig_q_format *f, size_t k)
{
    return f->group ? (k + f->group - 1) / f->group : 1;
}

/* The plain matrix, and its panels. */
typedef struct {
    uint8_t *q, *panels;
    float *scale, *offset; /* of two levels: of 256 k */
    int8_t *s, *t;         /* of two levels */
    size_t groups;         /* that have a scale, or of two levels an s */
    size_t tables;         /* that have a scale */
} weights;

static bool is_e4m3(const ig_q_format *f) { return f->offset == IG_Q_E4M3; }
static bool two_levels(const ig_q_format *f) { return f->scale_bytes == IG_Q_TWO_LEVELS; }

static float rounded(const ig_q_format *f, float x)
{
    return f->scale_bytes <= 2 ? ig_f16_to_f32(ig_f32_to_f16(x)) : x;
}

static weights make_weights(const q_case *c)
{
    const ig_q_format *f = c->f;
    weights w = {.groups = groups_of(f, c->k)};
    size_t bytes;
    check_true(ig_q_bytes(f, c->n, c->k, &bytes), "bytes");
    w.tables = two_levels(f) ? (c->k + IG_Q_SUPER - 1) / IG_Q_SUPER : w.groups;
    w.q = check_bytes(c->n * c->k);
    w.s = (int8_t *)check_bytes(c->n * w.groups);
    w.t = (int8_t *)check_bytes(c->n * w.groups);
    w.panels = check_bytes(bytes);
    w.scale = check_f32(c->n * w.tables, -1, 1);
    w.offset = f->offset == IG_Q_MIN ? check_f32(c->n * w.tables, -2, 2)
                                     : check_f32(c->n * w.tables, 0, f->bits == 4 ? 15 : 255);
    const uint8_t most = f->bits == 4 ? 15 : 255;
    for (size_t i = 0; i < c->n * c->k; i++) {
        w.q[i] &= most;
        if (c->kind == EXTREME) w.q[i] = w.q[i] & 1 ? 0 : most;
        if (is_e4m3(f) && (w.q[i] & 0x7f) == 0x7f) w.q[i] ^= 1; /* NaN */
    }
    for (size_t i = 0; i < c->n * w.groups && c->kind == EXTREME; i++) {
        w.s[i] = i % 3 ? -128 : 127;
        w.t[i] = i % 2 ? -128 : 127;
    }
    for (size_t i = 0; i < c->n * w.tables; i++) {
        if (c->kind == EXTREME) w.scale[i] = i % 3 ? 0 : i % 2 ? 60000 : -6e-8f;
        if (f->offset == IG_Q_ZERO) w.offset[i] = rintf(w.offset[i]);
        w.scale[i] = rounded(f, w.scale[i]);
        w.offset[i] = rounded(f, w.offset[i]);
    }
    const ig_q_source from = {.q = w.q,
                              .q_n = c->k,
                              .q_k = 1,
                              .scale = w.scale,
                              .scale_n = w.tables,
                              .scale_g = 1,
                              .offset = w.offset,
                              .offset_n = w.tables,
                              .offset_g = 1,
                              .s = w.s,
                              .t = w.t,
                              .sub_n = w.groups,
                              .sub_g = 1};
    const size_t half = ig_q_panels(c->n) / 2;
    ig_q_pack(w.panels, f, &from, c->n, c->k, half, ig_q_panels(c->n));
    ig_q_pack(w.panels, f, &from, c->n, c->k, 0, half);
    return w;
}

/* The scale and the offset of a weight: exact as floats. */
static void numbers_at(float *d, float *offset, const q_case *c, const weights *w, size_t n,
                       size_t k)
{
    const ig_q_format *f = c->f;
    const size_t sub = n * w->groups + (f->group ? k / f->group : 0);
    const size_t at = two_levels(f) ? n * w->tables + k / IG_Q_SUPER : sub;
    *d = two_levels(f) ? w->scale[at] * w->s[sub] : w->scale[at];
    *offset = is_e4m3(f)                  ? 0
              : f->offset == IG_Q_CENTRED ? (f->bits == 4 ? 8 : 128)
              : two_levels(f)             ? w->offset[at] * w->t[sub]
                                          : w->offset[at];
}

static float number_of(const ig_q_format *f, uint8_t q)
{
    return is_e4m3(f) ? ig_f8_to_f32(q, INGOT_F8E4M3FN) : q;
}

static double weight_at(const q_case *c, const weights *w, size_t n, size_t k)
{
    float d, offset;
    numbers_at(&d, &offset, c, w, n, k);
    const double q = number_of(c->f, w->q[n * c->k + k]);
    return c->f->offset == IG_Q_MIN ? d * q + offset : d * (q - offset);
}

static float *make_x(const q_case *c, size_t ldx)
{
    float *x = c->kind == WILD ? check_f32_wild(c->m * ldx) : check_f32(c->m * ldx, -3, 3);
    for (size_t i = 0; i < c->m * ldx && c->kind == EXTREME; i++) x[i] = x[i] < 0 ? -1e9f : 1e9f;
    return x;
}

/* The scalar product against double sums: of rounded activations, so that only the f32 sums err.
 * Each group adds at most three roundings of numbers that are at most the sum of the sizes. */
static void check_truth(const q_case *c, const weights *w, const ig_q_act *acts, const float *y)
{
    const size_t groups = ig_q_groups(c->k);
    for (size_t m = 0; m < c->m; m++)
        for (size_t n = 0; n < c->n; n++) {
            double sum = 0, size = 0, x_size = 0;
            for (size_t k = 0; k < c->k; k++) {
                const ig_q_act *a = acts + ig_q_act_at(c->m, groups, m, k / IG_Q_GROUP);
                const double p = weight_at(c, w, n, k) * a->d * a->q[k % IG_Q_GROUP];
                float d, offset;
                numbers_at(&d, &offset, c, w, n, k);
                sum += p;
                x_size += fabs((double)a->d * a->q[k % IG_Q_GROUP]);
                size += fabs(p) + fabs((double)a->d * a->q[k % IG_Q_GROUP] * d *
                                       (c->f->bits == 4 ? 16 : 256));
            }
            /* f32 overflows, or a NaN came in */
            if (!(size < FLT_MAX) || !(x_size < FLT_MAX)) continue;
            const double may = (3.0 * (double)groups + 3) * FLT_EPSILON * size + FLT_MIN;
            const double off = fabs(sum - y[m * c->n + n]);
            check_true(off <= may, "[%zu, %zu]: want %.9g, got %.9g", m, n, sum,
                       (double)y[m * c->n + n]);
        }
}

static void halve(float *y, const float *x, size_t n, float a, float b)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * a + b;
}

static void check_product(gemm_q_fn *fn, const q_case *c)
{
    const size_t ldx = c->k + 1, ldc = c->n + 3;
    size_t bytes;
    check_true(ig_q_acts_bytes(c->m, c->k, &bytes), "act bytes");
    const weights w = make_weights(c);
    const float *x = make_x(c, ldx);
    ig_q_act *acts = (ig_q_act *)check_i32(bytes / 4, 0, 0);
    gemm_q_acts_ref(acts, x, c->m, c->k, ldx, NULL, 0, c->m);
    const float *bias = check_f32(c->n, -1, 1), *residual = check_f32(c->m * ldc, -1, 1);
    float *want = check_out_f32(c->m * ldc), *got = check_out_f32(c->m * ldc);
    float *plain = check_out_f32(c->m * c->n);
    ig_gemm_q_args g = {.c = plain,
                        .ldc = c->n,
                        .acts = acts,
                        .panels = w.panels,
                        .format = c->f,
                        .m = c->m,
                        .n = c->n,
                        .k = c->k};
    const size_t panels = ig_q_panels(c->n), panel = panels / 2, row = c->m / 3;
    gemm_q_ref(&g, 0, c->m, 0, panels);
    check_truth(c, &w, acts, plain);
    g.ldc = ldc;
    g.epilogue = (ig_epilogue){.bias = c->bias ? bias : NULL,
                               .residual = c->residual ? residual : NULL,
                               .ld_residual = ldc,
                               .act = (ig_act)(c->act ? c->m % (IG_ACT_MAP + 1) : IG_ACT_NONE),
                               .a = 0.25f,
                               .b = 3,
                               .map = halve};
    if (c->gated) {
        g.gated = true;
        g.epilogue.act = IG_ACT_MAP;
        g.epilogue.residual = NULL;
    }
    g.c = want;
    gemm_q_ref(&g, 0, c->m, 0, panels);
    g.c = got;
    fn(&g, 0, row, 0, panel); /* in four parts */
    fn(&g, row, c->m, 0, panel);
    fn(&g, 0, row, panel, panels);
    fn(&g, row, c->m, panel, panels);
    check_same_f32(want, got, c->m * ldc);
}

static void check_one(gemm_q_fn *fn, const char *name, uint32_t needs)
{
    size_t n_formats;
    const ig_q_format *formats = ig_q_formats(&n_formats);
    for (size_t i = 0; i < 12 * n_formats; i++) {
        q_case c = {.f = &formats[i % n_formats],
                    .m = i < 60 ? i % 20 : check_pick(1, check_pick(0, 9) ? 20 : 150),
                    .n = check_pick(0, 90),
                    .k = check_pick(0, 3) ? check_pick(0, 300) : check_pick(0, 2200),
                    .kind = (int)check_pick(0, KINDS - 1),
                    .bias = check_pick(0, 1),
                    .residual = check_pick(0, 1),
                    .act = check_pick(0, 1),
                    .gated = !check_pick(0, 3)};
        if (is_e4m3(c.f)) continue; /* meets x in f32 alone */
        if (c.gated) c.n = c.n / IG_Q_PANEL * IG_Q_PANEL;
        if (check_next(needs, name, "%s %zux%zux%zu %s%s%s%s%s", c.f->name, c.m, c.n, c.k,
                       c.kind == USUAL     ? "usual"
                       : c.kind == EXTREME ? "extreme"
                                           : "wild",
                       c.bias ? " bias" : "", c.residual ? " residual" : "", c.act ? " act" : "",
                       c.gated ? " gated" : ""))
            check_product(fn, &c);
    }
}

/* With x in f32: the bits of gemm_f32 on weights that were widened beforehand. */
static void check_f32_product(gemm_q_f32_fn *fn, const q_case *c)
{
    const size_t ldx = c->k + 1, ldc = c->n + 3, panels = ig_q_panels(c->n);
    const weights w = make_weights(c);
    const float *bias = check_f32(c->n, -1, 1), *residual = check_f32(c->m * ldc, -1, 1);
    float *wide = check_f32(panels * IG_Q_PANEL * c->k, 0, 0);
    float *scratch = check_f32(ig_q_wide_panels(c->k) * IG_Q_PANEL * c->k, 0, 0);
    float *want = check_out_f32(c->m * ldc), *got = check_out_f32(c->m * ldc);
    const ig_gemm_f32_args plain = {
        .c = want,
        .a = make_x(c, ldx),
        .b = wide,
        .ldc = ldc,
        .lda = ldx,
        .n = c->n,
        .k = c->k,
        .epilogue = {.bias = c->bias ? bias : NULL,
                     .residual = c->residual ? residual : NULL,
                     .ld_residual = ldc,
                     .act = (ig_act)(c->act ? c->m % (IG_ACT_MAP + 1) : IG_ACT_NONE),
                     .a = 0.25f,
                     .b = 3,
                     .map = halve}};
    for (size_t n = 0; n < c->n; n++)
        for (size_t k = 0; k < c->k; k++) {
            const float q = number_of(c->f, w.q[n * c->k + k]);
            float d, offset;
            numbers_at(&d, &offset, c, &w, n, k);
            wide[n / 16 * 16 * c->k + k * 16 + n % 16] =
                c->f->offset == IG_Q_MIN ? fmaf(d, q, offset) : (q - offset) * d;
        }
    gemm_f32_ref(&plain, 0, c->m, 0, panels);
    const ig_gemm_q_f32_args g = {.c = got,
                                  .a = plain.a,
                                  .ldc = ldc,
                                  .lda = ldx,
                                  .panels = w.panels,
                                  .format = c->f,
                                  .n = c->n,
                                  .k = c->k,
                                  .epilogue = plain.epilogue,
                                  .scratch = c->m > IG_Q_DIRECT ? scratch : NULL};
    const size_t panel = panels / 2, row = c->m / 3; /* in four parts */
    fn(&g, 0, row, 0, panel);
    fn(&g, row, c->m, 0, panel);
    fn(&g, 0, row, panel, panels);
    fn(&g, row, c->m, panel, panels);
    check_same_f32(want, got, c->m * ldc);
    float *back = check_f32(c->n * c->k, 0, 0);
    ig_q_unpack(back, c->n, 1, w.panels, c->f, c->n, c->k, panel, panels);
    ig_q_unpack(back, c->n, 1, w.panels, c->f, c->n, c->k, 0, panel);
    for (size_t n = 0; n < c->n; n++)
        for (size_t k = 0; k < c->k; k++)
            check_same_f32(&wide[n / 16 * 16 * c->k + k * 16 + n % 16], &back[k * c->n + n], 1);
}

static void check_f32_one(gemm_q_f32_fn *fn, const char *name, uint32_t needs)
{
    size_t n_formats;
    const ig_q_format *formats = ig_q_formats(&n_formats);
    for (size_t i = 0; i < 8 * n_formats; i++) {
        const q_case c = {.f = &formats[i % n_formats],
                          .m = i < 60 ? i % 20 : check_pick(1, 20),
                          .n = check_pick(0, 70),
                          .k = check_pick(0, 3) ? check_pick(0, 300) : check_pick(0, 1200),
                          .kind = (int)check_pick(0, KINDS - 1),
                          .bias = check_pick(0, 1),
                          .residual = check_pick(0, 1),
                          .act = check_pick(0, 1)};
        if (check_next(needs, name, "%s %zux%zux%zu %d%s%s%s", c.f->name, c.m, c.n, c.k, c.kind,
                       c.bias ? " bias" : "", c.residual ? " residual" : "", c.act ? " act" : ""))
            check_f32_product(fn, &c);
    }
}

/* check_acts - the bytes of the scalar truth, for rows in another order too. */
static void check_acts(gemm_q_acts_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 80; i++) {
        const size_t m = check_pick(1, 70), k = i < 40 ? i : check_pick(40, 300), ldx = k + 2;
        const bool wild = check_pick(0, 1);
        if (!check_next(needs, name, "%zux%zu%s", m, k, wild ? " wild" : "")) continue;
        size_t bytes;
        check_true(ig_q_acts_bytes(m, k, &bytes), "bytes");
        const float *x = wild ? check_f32_wild(m * ldx) : check_f32(m * ldx, -1, 1);
        const int32_t *order = check_i32(m, 0, (int32_t)m - 1);
        ig_q_act *want = (ig_q_act *)check_i32(bytes / 4, 1, 1);
        ig_q_act *got = (ig_q_act *)check_i32(bytes / 4, 2, 2);
        gemm_q_acts_ref(want, x, m, k, ldx, i % 2 ? order : NULL, 0, m);
        fn(got, x, m, k, ldx, i % 2 ? order : NULL, m / 2, m);
        fn(got, x, m, k, ldx, i % 2 ? order : NULL, 0, m / 2);
        check_same_f32((const float *)want, (const float *)got, bytes / 4); /* any NaN is one */
        for (size_t g = 0; g < bytes / sizeof *want; g++) check_same(want[g].q, got[g].q, 32);
    }
}

/* check_rounding - ig_q_quantise stays within half a step, and packing gives back what it took. */
static void check_rounding(void)
{
    size_t n_formats;
    const ig_q_format *formats = ig_q_formats(&n_formats);
    for (size_t i = 0; i < n_formats; i++) {
        const ig_q_format *f = &formats[i];
        if (two_levels(f) || !check_next(IG_CPU_REF, "gemm_q_ref", "rounds %s", f->name)) continue;
        const size_t n = 77;
        const float *w = check_f32(n, -0.3f, 0.9f);
        uint8_t *q = check_bytes(n);
        float d, offset;
        ig_q_quantise(q, &d, &offset, f, w, n, 1);
        for (size_t k = 0; k < n; k++) {
            const float x = number_of(f, q[k]);
            const float back = f->offset == IG_Q_MIN ? d * x + offset : d * (x - offset);
            if (is_e4m3(f)) /* four bits, or steps of 2^-9 where the exponent ends */
                check_true(fabsf(back - w[k]) <= fabsf(w[k]) / 15 + d * 0x1p-10f,
                           "%zu: %g became %g", k, (double)w[k], (double)back);
            check_true(is_e4m3(f) || fabsf(back - w[k]) <= fabsf(d) * 1.01f + 1e-3f,
                       "%zu: %g became %g", k, (double)w[k], (double)back);
        }
        ig_q_quantise(q, &d, &offset, f, (const float[4]){0}, 4, 1);
        check_true(d == 0, "zeros: d = %g", (double)d);
    }
}

/* check_e4m3 - codes and numbers as runtime/base has them, but for NaN. */
static void check_e4m3(void)
{
    if (!check_next(IG_CPU_REF, "gemm_q_ref", "e4m3")) return;
    for (unsigned q = 0; q < 256; q++) {
        const float want = ig_f8_to_f32((uint8_t)q, INGOT_F8E4M3FN), got = q_from_e4m3((uint8_t)q);
        check_true((q & 0x7f) == 0x7f ? fabsf(got) == 480 : want == got, "%02x is %g", q,
                   (double)got);
    }
    for (uint32_t bits = 0; bits < 0xfff00000; bits += 0x1357) {
        const float x = ig_f32_from_bits(bits);
        const uint8_t want = ig_f32_to_f8(x, INGOT_F8E4M3FN, true);
        if (!isnan(x))
            check_true(q_to_e4m3(x) == want, "%a: want %02x, got %02x", (double)x, want,
                       q_to_e4m3(x));
    }
}

/* check_e4m3_rows - x as e4m3 of whole rows and of groups, against sums of its own definition. */
static void check_e4m3_rows(const char *name)
{
    const ig_q_format *f = ig_q_format_named(name);
    if (!check_next(IG_CPU_REF, "gemm_q_ref", "rows of %s", name)) return;
    const size_t k = 300, group = f->group ? f->group : k;
    float *x = check_f32(k, -3, 3), *y = check_out_f32(k);
    for (size_t i = 128; i < 256; i++) x[i] *= 0x1p-110f; /* nearly nothing */
    ig_q_e4m3_row(y, x, k, f);
    for (size_t at = 0; at < k; at += group) {
        float top = 0;
        for (size_t i = at; i < k && i < at + group; i++) top = fmaxf(top, fabsf(x[i]));
        for (size_t i = at; i < k && i < at + group; i++) {
            const float d = top / 448,
                        q = ig_f8_to_f32(ig_f32_to_f8(x[i] * (448 / top), INGOT_F8E4M3FN, true),
                                         INGOT_F8E4M3FN);
            const float want = top < 0x1p-100f ? 0 : q * d;
            check_true(y[i] == want, "%zu: want %g, got %g", i, (double)want, (double)y[i]);
        }
    }
    x[5] = INFINITY;
    ig_q_e4m3_row(y, x, k, f);
    for (size_t i = 0; i < k; i++)
        check_true(isnan(y[i]) == (i < group), "%zu: %g beside an infinity", i, (double)y[i]);
}

void check_gemm_q(void);
void check_gemm_q(void)
{
    check_e4m3();
    check_e4m3_rows("f8c");
    check_e4m3_rows("f8g128");
    check_rounding();
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/gemm_q/gemm_q.kern"
#undef K
#define K(family, fn, needs) check_f32_one(fn, #fn, needs);
#include "kernels/gemm_q/gemm_q_f32.kern"
#undef K
#define K(family, fn, needs) check_acts(fn, #fn, needs);
#include "kernels/gemm_q/gemm_q_acts.kern"
#undef K
}
