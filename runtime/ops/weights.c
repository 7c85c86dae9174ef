/* weights.c - see weights.h. Floats, and low bits with x in f32, are one list of tasks over
 * (matrix, rows, panels), the same with x rounded to e4m3 before; low bits with x in 8 bits go to
 * q_product.h. */
#include "runtime/ops/weights.h"
#include "kernels/gemm/glu.h"
#include "kernels/gemm/grouped.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { TILE_ROWS = 256 }; /* of a tile whose panels are widened once */

/* ---- infer ---- */

static ingot_status check_low(ig_infer *c, const ig_weights_spec *s, const ig_type *w,
                              int64_t matrices, const char *what)
{
    const ig_q_format *f = ig_q_format_named(s->format);
    const int64_t columns = ig_weights_columns(s);
    ig_q_layout l;
    size_t bytes;
    if (!f) return ig_infer_fail(c, "%s: no weight format is named %s", what, s->format);
    if (!ig_acts_fit(s->acts, f))
        return ig_infer_fail(c, "%s: activations cannot be %s beside weights of %s", what,
                             ig_acts_names[s->acts], f->name);
    if (!ig_q_layout_of(&l, f, (size_t)s->k) ||
        !ig_q_bytes(f, (size_t)columns, (size_t)s->k, &bytes))
        return ig_infer_fail(c, "%s cannot be %lld by %lld", what, (long long)columns,
                             (long long)s->k);
    if (w->dtype == INGOT_NONE || w->rank < 0) return INGOT_OK;
    const int lead = matrices < 0 ? 0 : 1;
    if (w->dtype != INGOT_U8 || w->rank != 2 + lead || (lead && w->dims[0] != matrices) ||
        w->dims[lead] != (int64_t)ig_q_panels((size_t)columns) ||
        w->dims[lead + 1] != (int64_t)l.panel_bytes)
        return ig_infer_fail(c, "%s of %lld by %lld in %s: u8 [%s%zu, %zu] expected", what,
                             (long long)columns, (long long)s->k, f->name, lead ? "experts, " : "",
                             ig_q_panels((size_t)columns), l.panel_bytes);
    return INGOT_OK;
}

static ingot_status check_floats(ig_infer *c, const ig_weights_spec *s, const ig_type *w,
                                 int64_t matrices, const char *what)
{
    if (w->dtype == INGOT_NONE || w->rank < 0) return INGOT_OK;
    const int lead = matrices < 0 ? 0 : 1;
    if (w->dtype != INGOT_F32 && w->dtype != INGOT_F16 && w->dtype != INGOT_BF16)
        return ig_infer_fail(c, "%s cannot be %s", what, ig_dtype(w->dtype)->name);
    if (s->acts != IG_ACTS_F32) return ig_infer_fail(c, "%s of floats meet x in f32 only", what);
    if (w->rank != 2 + lead || (lead && w->dims[0] != matrices) || w->dims[lead] != s->k ||
        w->dims[lead + 1] != ig_weights_columns(s))
        return ig_infer_fail(c, "%s are not [%s%lld, %lld]", what, lead ? "experts, " : "",
                             (long long)s->k, (long long)ig_weights_columns(s));
    return INGOT_OK;
}

ingot_status ig_weights_infer(ig_infer *c, const ig_weights_spec *s, const ig_type *w,
                              const ig_type *bias, int64_t matrices, const char *what)
{
    enum { MOST = 1 << 30 };
    if (s->n < 1 || s->n > MOST || s->k < 1 || s->k > MOST)
        return ig_infer_fail(c, "%s cannot be %lld by %lld", what, (long long)s->n,
                             (long long)s->k);
    IG_TRY(s->format ? check_low(c, s, w, matrices, what) : check_floats(c, s, w, matrices, what));
    if (!bias) return INGOT_OK;
    const int lead = matrices < 0 ? 0 : 1;
    if (bias->dtype != INGOT_NONE && bias->dtype != INGOT_F32)
        return ig_infer_fail(c, "the bias of %s is %s, not f32", what, ig_dtype(bias->dtype)->name);
    if (bias->rank >= 0 && (bias->rank != 1 + lead || (lead && bias->dims[0] != matrices) ||
                            bias->dims[lead] != ig_weights_columns(s)))
        return ig_infer_fail(c, "the bias of %s is not [%s%lld]", what, lead ? "experts, " : "",
                             (long long)ig_weights_columns(s));
    return INGOT_OK;
}

/* ---- bind ---- */

static gemm_f32_fn *gemm_of(ingot_dtype dtype)
{
    return dtype == INGOT_F32 ? ig_gemm_f32() : dtype == INGOT_F16 ? ig_gemm_f16() : ig_gemm_bf16();
}

static bool padded(const ig_weights *w)
{
    return w->acts == IG_ACTS_A8 && w->gated && w->n % IG_GLU_COLS;
}

/* Panels widened to f32 and, gated, a tile of sums: what a thread needs. */
static size_t wide_floats(const ig_weights *w)
{
    return ig_q_wide_panels(w->k) * IG_Q_PANEL * w->k;
}
static size_t tile_floats(const ig_weights *w)
{
    return w->gated ? (size_t)TILE_ROWS * IG_Q_MOST_WIDE * IG_Q_PANEL : 0;
}

static ingot_status bind_scratch(ig_weights *w, ig_bind *b, bool ordered)
{
    const size_t threads = IG_MAX(b->n_threads, (size_t)1);
    size_t n;
    if (w->acts == IG_ACTS_A8) {
        if (!ig_q_acts_bytes(w->m, w->k, &n)) return ig_bind_fail(b, "too many rows");
        IG_TRY(ig_scratch_add(b, n, 1, &w->at_acts));
        if (!padded(w)) return INGOT_OK;
        if (!ig_mul_ok(w->m, w->columns / 2, &n)) return ig_bind_fail(b, "too many rows");
        return ig_scratch_add(b, n, sizeof(float), &w->at_padded);
    }
    if (ordered || w->acts == IG_ACTS_F8) {
        if (!ig_mul_ok(w->m, w->k, &n)) return ig_bind_fail(b, "too many rows");
        IG_TRY(ig_scratch_add(b, n, sizeof(float), &w->at_rows));
    }
    if (!w->format) return INGOT_OK;
    if (!ig_mul_ok(w->k, ig_q_wide_panels(w->k) * IG_Q_PANEL, &n) ||
        !ig_add_ok(n, tile_floats(w), &n) || !ig_mul_ok(n, sizeof(float), &n) ||
        !ig_align_ok(n, (size_t)IG_ALIGN, &w->worker_bytes))
        return ig_bind_fail(b, "the weights are too large");
    return ig_scratch_add(b, threads, w->worker_bytes, &w->at_worker);
}

ingot_status ig_weights_bind(ig_weights *w, ig_bind *b, const ig_weights_spec *s,
                             const ig_type *type, ig_layout layout, size_t m, bool ordered)
{
    *w = (ig_weights){.format = s->format ? ig_q_format_named(s->format) : NULL,
                      .gated = s->gated,
                      .acts = s->acts,
                      .m = m,
                      .n = (size_t)s->n,
                      .k = (size_t)s->k,
                      .columns = (size_t)ig_weights_columns(s),
                      .low = ig_q_choose()};
    w->panels = ig_gemm_panels(w->columns);
    if (s->gated) ig_act_set_map(&w->activate, s->act, s->act_a, s->act_b);
    if (w->format) {
        ig_q_layout l;
        if (!ig_q_layout_of(&l, w->format, w->k)) return ig_bind_fail(b, "too large");
        w->panel_bytes = l.panel_bytes;
    } else {
        if (layout != IG_P16) return ig_bind_fail(b, "weights of floats must lie in panels (p16)");
        w->gemm = gemm_of(type->dtype);
        const size_t depth = type->dtype == INGOT_BF16 ? ig_gemm_even(w->k) : w->k;
        w->panel_bytes = depth * IG_PANEL * ig_dtype(type->dtype)->bytes;
    }
    return bind_scratch(w, b, ordered);
}

/* ---- run ---- */

typedef struct {
    const ig_weights *w;
    const ig_run *r;
    const ig_weights_args *a;
    const float *x; /* rows in the order of y's */
    size_t ldx;
    ig_grouped tasks;
} job;

/* What ig_grouped_run calls back with: the job and the scratch of this thread. */
typedef struct {
    const job *j;
    float *scratch;
} part_job;

static const void *matrix(const job *j, size_t i)
{
    return (const char *)j->a->w + j->a->which[i] * j->w->panels * j->w->panel_bytes;
}

static const float *bias_of(const job *j, size_t i)
{
    return j->a->bias ? j->a->bias + j->a->which[i] * j->w->columns : NULL;
}

static ig_glu_args gated_args(const job *j, size_t i)
{
    const ig_weights *w = j->w;
    return (ig_glu_args){.kernel = w->gemm,
                         .panel_bytes = w->panel_bytes,
                         .y = j->a->y,
                         .a = j->x,
                         .b = matrix(j, i),
                         .ldy = w->n,
                         .lda = j->ldx,
                         .n = w->n,
                         .k = w->k,
                         .bias = bias_of(j, i),
                         .activate = w->activate};
}

static void part_of_floats(const void *arg, size_t i, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const job *j = ((const part_job *)arg)->j;
    const ig_weights *w = j->w;
    if (w->gated) {
        const ig_glu_args g = gated_args(j, i);
        ig_glu(&g, m0, m1, p0, p1);
        return;
    }
    const ig_gemm_f32_args g = {.c = j->a->y,
                                .a = j->x,
                                .b = matrix(j, i),
                                .ldc = w->n,
                                .lda = j->ldx,
                                .n = w->n,
                                .k = w->k,
                                .epilogue = {.bias = bias_of(j, i)}};
    w->gemm(&g, m0, m1, p0, p1);
}

/* Gated: a tile of sums at a time, whose panels are widened once. */
static void part_of_gated_low(const part_job *p, size_t i, size_t m0, size_t m1, size_t p0,
                              size_t p1)
{
    const job *j = p->j;
    const ig_weights *w = j->w;
    const ig_glu_args gate = gated_args(j, i);
    const size_t most = ig_q_wide_panels(w->k);
    float *tile = p->scratch + wide_floats(w);
    for (size_t at = p0, n; at < p1; at += n) {
        n = IG_MIN(most, p1 - at);
        for (size_t m = m0, rows; m < m1; m += rows) {
            rows = IG_MIN(m1 - m, (size_t)TILE_ROWS);
            const ig_gemm_q_f32_args g = {
                .c = tile,
                .a = j->x + m * j->ldx,
                .ldc = n * IG_PANEL,
                .lda = j->ldx,
                .panels = (const uint8_t *)gate.b + at * w->panel_bytes,
                .format = w->format,
                .n = n * IG_PANEL,
                .k = w->k,
                .epilogue = {.bias = gate.bias ? gate.bias + at * IG_PANEL : NULL},
                .scratch = p->scratch};
            w->low.product_f32(&g, 0, rows, 0, n);
            ig_glu_combine(&gate, tile, n * IG_PANEL, m, rows, at, n);
        }
    }
}

static void part_of_low(const void *arg, size_t i, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const part_job *p = arg;
    const job *j = p->j;
    const ig_weights *w = j->w;
    if (w->gated) {
        part_of_gated_low(p, i, m0, m1, p0, p1);
        return;
    }
    const ig_gemm_q_f32_args g = {.c = j->a->y,
                                  .a = j->x,
                                  .ldc = w->n,
                                  .lda = j->ldx,
                                  .panels = matrix(j, i),
                                  .format = w->format,
                                  .n = w->n,
                                  .k = w->k,
                                  .epilogue = {.bias = bias_of(j, i)},
                                  .scratch = p->scratch};
    w->low.product_f32(&g, m0, m1, p0, p1);
}

static void range(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const part_job p = {j, (float *)ig_piece(j->r, j->w->at_worker + worker * j->w->worker_bytes)};
    ig_grouped_run(&j->tasks, begin, end, j->w->format ? part_of_low : part_of_floats, &p);
}

/* Rows of x in the order of y's; a single row of x serves for all without a copy. */
static void order_rows(job *j)
{
    const ig_weights *w = j->w;
    const int32_t *order = j->a->order;
    bool same = true;
    for (size_t i = 1; order && i < w->m; i++) same = same && order[i] == order[0];
    if (!order || same) {
        j->x = order && w->m ? j->a->x + (size_t)order[0] * w->k : j->a->x;
        j->ldx = order ? 0 : w->k;
        return;
    }
    float *to = (float *)ig_piece(j->r, w->at_rows);
    for (size_t i = 0; i < w->m; i++)
        memcpy(to + i * w->k, j->a->x + (size_t)order[i] * w->k, w->k * sizeof *to);
    j->x = to;
    j->ldx = w->k;
}

/* Rounds the rows that order_rows left, once each. */
static void round_rows(job *j)
{
    const ig_weights *w = j->w;
    float *to = (float *)ig_piece(j->r, w->at_rows);
    ig_q_round_f8(j->r->pool, to, j->x, j->ldx ? w->m : 1, w->k, w->k, w->format);
    j->x = to;
}

static void run_f32(const ig_weights *w, const ig_run *r, const ig_weights_args *a)
{
    job j = {.w = w, .r = r, .a = a};
    order_rows(&j);
    if (w->acts == IG_ACTS_F8) round_rows(&j);
    ig_grouped_plan(&j.tasks, a->starts, a->first, a->n_used, w->panels, w->k,
                    ig_pool_threads(r->pool));
    const size_t tasks = ig_grouped_tasks(&j.tasks);
    const double work = (double)w->m * (double)w->k * (double)w->columns / (double)(tasks + 1);
    const size_t grain = work >= IG_SPLIT_WORTH ? 1 : (size_t)(IG_SPLIT_WORTH / (work + 1)) + 1;
    ig_parallel(r->pool, tasks, grain, 0, range, &j);
}

static void run_a8(const ig_weights *w, const ig_run *r, const ig_weights_args *a)
{
    const size_t ldy = w->gated ? w->columns / 2 : w->n;
    float *y = padded(w) ? (float *)ig_piece(r, w->at_padded) : a->y;
    ig_gemm_q_args g = {.c = y,
                        .ldc = ldy,
                        .format = w->format,
                        .m = w->m,
                        .n = w->columns,
                        .k = w->k,
                        .epilogue = w->activate,
                        .gated = w->gated};
    const job j = {.w = w, .a = a};
    if (a->n_used == 1 && !a->order) {
        g.panels = matrix(&j, 0);
        g.epilogue.bias = bias_of(&j, 0);
        ig_q_product(&w->low, r->pool, &g, ig_piece(r, w->at_acts), a->x, w->k);
    } else {
        for (size_t i = 0; i < a->n_used; i++)
            a->experts[i] =
                (ig_q_expert){matrix(&j, i), a->first[i], a->first[i + 1], bias_of(&j, i)};
        ig_q_grouped(&w->low, r->pool, &g, ig_piece(r, w->at_acts), a->x, w->k, a->order,
                     a->experts, a->n_used);
    }
    for (size_t i = 0; padded(w) && i < w->m; i++)
        memcpy(a->y + i * w->n, y + i * ldy, w->n * sizeof *y);
}

void ig_weights_run(const ig_weights *w, const ig_run *r, const ig_weights_args *a)
{
    if (!w->m) return;
    if (w->acts == IG_ACTS_A8)
        run_a8(w, r, a);
    else
        run_f32(w, r, a);
}
