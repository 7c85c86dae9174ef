/* matmul_integer.c - products of 8-bit integers on the device (runtime/ops/matmul_integer.c), to
 * the CPU's bits.
 *
 * Everything but the operands is read where it lies on the device: zero points, scales and biases
 * may be results of other steps. A constant right operand is turned into rows along k once; one
 * that is not, in scratch for each run. */
#include "runtime/device/cuda/ops/low_bit.h"
#include "kernels/gemm_i8/gemm_i8.h"
#include "kernels/gemm_i8/gemm_i8_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/tune.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { A, B, A_ZERO, B_ZERO, SCALE, BIAS, Y_ZERO };

typedef struct {
    cu_gemm_i8_args gemm; /* sizes, steps; vectors without their pointers */
    void *weights;        /* ig_cu_pack's: rows, then their sums; NULL: made in scratch */
    int a_matrices, w_matrices, pitch;
    bool copies_a, sums_a, a_was_signed;
    size_t at_a, at_a_sums, at_w, at_w_sums;
} state;

static size_t elements(const ig_device_bind *b, uint32_t i)
{
    size_t n = 0;
    if (i < b->node->n_in && b->in[i]) ig_type_elements(b->in[i], &n);
    return n;
}

/* One number for all, for each of n, or for each of all matrices' n. */
static cu_i8_vector vector(size_t count, size_t n)
{
    return (cu_i8_vector){.step = count > 1, .batch = count > n && n ? (int64_t)n : 0};
}

static void steps(int *step, int rank, const ig_type *t, int batch_rank)
{
    int next = 1;
    for (int d = rank - 1, i = batch_rank - 1; d >= 0; d--, i--) {
        const int size = i >= 0 ? (int)t->dims[i] : 1;
        step[d] = size == 1 ? 0 : next;
        next *= size;
    }
}

/* Sizes; false: they do not fit. */
static bool measure(state *s, const ig_device_bind *b)
{
    const ig_type *a = b->in[A], *w = b->in[B];
    const int ra = a->rank > 1 ? a->rank - 2 : 0, rw = w->rank > 1 ? w->rank - 2 : 0;
    const int64_t k = a->dims[a->rank - 1], m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    const int64_t n = w->rank > 1 ? w->dims[w->rank - 1] : 1;
    size_t na, nw, batch, all;
    cu_gemm_i8_args *g = &s->gemm;
    if (!ig_dims_elements(ra, a->dims, &na) || !ig_dims_elements(rw, w->dims, &nw) ||
        !ig_dims_elements(IG_MAX(ra, rw), b->out[0]->dims, &batch) ||
        !ig_mul_ok(na, (size_t)m, &all) || all > INT_MAX - 16 || batch > INT_MAX ||
        k > UINT16_MAX * 64 || n > INT_MAX - 256 || m > INT_MAX - 256)
        return false;
    g->m = (int)m, g->n = (int)n, g->k = (int)k;
    g->batch = (int)batch;
    g->rank = IG_MAX(ra, rw);
    for (int d = 0; d < g->rank; d++) g->dims[d] = (int)b->out[0]->dims[d];
    steps(g->a_step, g->rank, a, ra);
    steps(g->w_step, g->rank, w, rw);
    const size_t a_zeros = elements(b, A_ZERO);
    if (nw == 1 && na == batch && (a_zeros <= 1 || a_zeros == all)) {
        g->m = (int)all; /* one tall product */
        g->batch = na ? 1 : 0;
        g->rank = 0;
        na = na ? 1 : 0;
    }
    if (na > UINT16_MAX || nw > UINT16_MAX || g->batch > UINT16_MAX) return false; /* a grid's */
    s->a_matrices = (int)na;
    s->w_matrices = (int)nw;
    s->pitch = (g->k + 15) / 16 * 16;
    g->a_zero = vector(a_zeros, (size_t)g->m);
    g->w_zero = vector(elements(b, B_ZERO), (size_t)g->n);
    g->scale = vector(elements(b, SCALE), (size_t)g->n);
    g->bias = vector(elements(b, BIAS), (size_t)g->n);
    return ig_mul_ok((size_t)s->pitch, IG_MAX(all, nw * (size_t)n), &all);
}

static bool result(cu_i8_to *to, ingot_dtype dtype)
{
    static const struct {
        ingot_dtype dtype;
        cu_i8_to to;
    } table[] = {{INGOT_I32, CU_I8_I32},   {INGOT_F32, CU_I8_F32}, {INGOT_F16, CU_I8_F16},
                 {INGOT_BF16, CU_I8_BF16}, {INGOT_I8, CU_I8_S8},   {INGOT_U8, CU_I8_U8}};
    for (size_t i = 0; i < IG_LEN(table); i++)
        if (table[i].dtype == dtype) {
            *to = table[i].to;
            return true;
        }
    return false;
}

/* ---- the right operand ---- */

typedef struct {
    const state *s;
    const uint8_t *from;
    bool panels; /* IG_P16 */
} packing;

/* Element (k, n) of matrix i as a signed number. */
static int8_t element(const packing *p, size_t i, size_t k, size_t n)
{
    const cu_gemm_i8_args *g = &p->s->gemm;
    const size_t deep = (size_t)g->k, wide = (size_t)g->n, k4 = (deep + 3) / 4;
    if (p->panels) {
        const size_t panels = (wide + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL;
        return (int8_t)p->from[((i * panels + n / GEMM_I8_PANEL) * k4 + k / 4) * 64 +
                               n % GEMM_I8_PANEL * 4 + k % 4];
    }
    return (int8_t)(p->from[(i * deep + k) * wide + n] ^ (g->w_signed ? 0 : 0x80));
}

static ingot_status fill(const void *ud, void *dst, ingot_error *err)
{
    (void)err;
    const packing *p = ud;
    const state *s = p->s;
    const size_t rows = (size_t)s->w_matrices * (size_t)s->gemm.n, pitch = (size_t)s->pitch;
    int8_t *to = dst;
    int32_t *sums = (int32_t *)(void *)(to + rows * pitch);
    for (size_t r = 0; r < rows; r++, to += pitch) {
        int32_t sum = 0;
        for (size_t k = 0; k < (size_t)s->gemm.k; k++) {
            to[k] = element(p, r / (size_t)s->gemm.n, k, r % (size_t)s->gemm.n);
            sum += to[k];
        }
        memset(to + s->gemm.k, 0, pitch - (size_t)s->gemm.k);
        sums[r] = sum;
    }
    return INGOT_OK;
}

static ingot_status bind_right(state *s, ig_device *d, ig_device_bind *b)
{
    const size_t rows = (size_t)s->w_matrices * (size_t)s->gemm.n;
    const size_t bytes = rows * (size_t)s->pitch, sums = rows * sizeof(int32_t);
    const int64_t n = (int64_t)rows;
    const ig_tensor *known = b->known[B];
    const packing how = {s, known ? known->data : NULL, b->in_layout[B] == IG_P16};
    char form[96];
    if (!known && (!ig_cu_room(b, n, (size_t)s->pitch, &s->at_w) ||
                   !ig_cu_room(b, n, sizeof(int32_t), &s->at_w_sums)))
        return IG_CU_DECLINE(b, "operands this large");
    if (!known || !rows) return INGOT_OK;
    snprintf(form, sizeof form, "rows of bytes %d %d %d", s->w_matrices, s->gemm.n, s->gemm.k);
    b->taken |= UINT64_C(1) << B;
    return ig_cu_pack(d, known->data, form, bytes + sums, fill, &how, &s->weights, b->err);
}

/* ---- the variant: results are the same, measuring only tells which is faster ---- */

typedef struct {
    const state *s;
    cu_i8_variant variants[IG_CU_TRIALS];
    size_t at_a, at_ready, at_w, at_y, at_sums; /* sums: of a and of w, all the same */
} trial;

/* Rows of a as they come, in the form that the product reads. */
static cu_i8_rows_args rows_of_a(const state *s, const void *a)
{
    const cu_gemm_i8_args *g = &s->gemm;
    return (cu_i8_rows_args){.x = a,
                             .step = (int64_t)g->m * g->k,
                             .x_row = g->k,
                             .x_col = 1,
                             .matrices = s->a_matrices,
                             .rows = g->m,
                             .k = g->k,
                             .pitch = s->pitch,
                             .is_signed = s->a_was_signed};
}

/* Must a be copied for that variant? */
static bool copies(const state *s, cu_i8_variant v)
{
    return s->gemm.k % 16 || (!s->a_was_signed && v == CU_I8_W);
}

static int run_trial(const void *ud, size_t i, char *room, cu_stream stream)
{
    const trial *t = ud;
    cu_gemm_i8_args g = t->s->gemm;
    cu_i8_rows_args rows = rows_of_a(t->s, room + t->at_a);
    g.variant = t->variants[i];
    g.a = rows.x;
    g.a_ready = copies(t->s, g.variant);
    g.w = (const int8_t *)room + t->at_w;
    g.y = room + t->at_y;
    g.a_sum = g.w_sum = (const int32_t *)(const void *)(room + t->at_sums);
    if (g.a_ready) g.a = rows.y = (int8_t *)room + t->at_ready;
    const int status = g.a_ready ? cu_i8_rows(&rows, stream) : 0;
    return status ? status : cu_gemm_i8(&g, stream);
}

/* g.variant: what was measured, or the model's. */
static ingot_status choose(state *s, ig_device *d, ig_device_bind *b)
{
    cu_gemm_i8_args *g = &s->gemm;
    trial t = {.s = s};
    ig_cu_trial all = {.run = run_trial, .ud = &t};
    char name[IG_CU_TUNE_NAME] = "";
    all.n = (size_t)cu_gemm_i8_variants(t.variants, IG_CU_TRIALS, g);
    for (size_t i = 0; i < all.n; i++)
        snprintf(all.names[i], IG_CU_TUNE_NAME, "%s", cu_gemm_i8_name(t.variants[i]));
    snprintf(all.what, IG_CU_TUNE_WHAT, "gemm_i8 to %s %lldx%dx%d batch %lld%s",
             ig_dtype(b->out[0]->dtype)->name, (long long)ig_cu_bucket(g->m), g->n, g->k,
             (long long)ig_cu_bucket(g->batch), s->a_was_signed ? "" : " unsigned");
    const size_t pitch = (size_t)s->pitch, a = (size_t)s->a_matrices * (size_t)g->m,
                 w = (size_t)s->w_matrices * (size_t)g->n, y = (size_t)g->batch * (size_t)g->m;
    if (y && g->n && g->k && ig_cu_trial_room(&all, &t.at_a, a, pitch, 1) &&
        ig_cu_trial_room(&all, &t.at_ready, a, pitch, 1) &&
        ig_cu_trial_room(&all, &t.at_w, w, pitch, 1) &&
        ig_cu_trial_room(&all, &t.at_y, y, (size_t)g->n, 4) &&
        ig_cu_trial_room(&all, &t.at_sums, IG_MAX(a, w), sizeof(int32_t), 1))
        IG_TRY(ig_cu_tune(d, &all, name, b->err));
    const size_t named = ig_cu_trial_named(&all, name);
    g->variant = t.variants[named < all.n ? named : 0];
    b->kernel = cu_gemm_i8_name(g->variant);
    if (named < all.n) b->kernel = ig_cu_tuned_name(b, b->kernel);
    return INGOT_OK;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    state *s = ig_new(b->arena, state);
    if (!s) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    cu_gemm_i8_args *g = &s->gemm;
    b->state = s;
    if (!result(&g->to, b->out[0]->dtype) || !measure(s, b))
        return IG_CU_DECLINE(b, "operands this large");
    s->a_was_signed = b->in[A]->dtype == INGOT_I8;
    g->w_signed = b->in[B]->dtype == INGOT_I8;
    g->low = (int)ig_cu_int(b, "low");
    g->high = (int)ig_cu_int(b, "high");
    g->bias_is_int = b->node->n_in > BIAS && b->in[BIAS] && b->in[BIAS]->dtype == INGOT_I32;
    s->sums_a = !g->w_signed || elements(b, B_ZERO);
    g->a_signed = s->a_was_signed;
    g->lda = g->ldw = s->pitch;
    g->a_matrix = (int64_t)g->m * s->pitch;
    g->w_matrix = (int64_t)g->n * s->pitch;
    IG_TRY(choose(s, d, b));
    g->a_ready = s->copies_a = copies(s, g->variant);
    const int64_t rows = (int64_t)s->a_matrices * g->m;
    if ((s->copies_a && !ig_cu_room(b, rows, (size_t)s->pitch, &s->at_a)) ||
        (s->sums_a && !ig_cu_room(b, rows, sizeof(int32_t), &s->at_a_sums)))
        return IG_CU_DECLINE(b, "operands this large");
    return bind_right(s, d, b);
}

/* ---- run ---- */

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

/* Rows of a, and of a right operand that is no constant, as the product reads them. */
static int prepare(const state *s, cu_gemm_i8_args *g, cu_stream stream, const ig_device_run *r)
{
    char *room = r->scratch;
    int status = 0;
    if (s->copies_a || s->sums_a) {
        cu_i8_rows_args rows = rows_of_a(s, r->in[A]);
        if (s->copies_a) rows.y = (int8_t *)(room + s->at_a);
        if (s->sums_a) rows.sums = (int32_t *)(void *)(room + s->at_a_sums);
        status = cu_i8_rows(&rows, stream);
        if (s->copies_a) g->a = rows.y;
        g->a_sum = rows.sums;
    }
    if (s->weights || status) return status;
    const cu_i8_rows_args rows = {.x = r->in[B],
                                  .step = (int64_t)g->n * g->k,
                                  .x_row = 1,
                                  .x_col = g->n,
                                  .matrices = s->w_matrices,
                                  .rows = g->n,
                                  .k = g->k,
                                  .pitch = s->pitch,
                                  .is_signed = g->w_signed,
                                  .y = (int8_t *)(room + s->at_w),
                                  .sums = (int32_t *)(void *)(room + s->at_w_sums)};
    g->w = rows.y;
    g->w_sum = rows.sums;
    return cu_i8_rows(&rows, stream);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    cu_gemm_i8_args g = s->gemm;
    g.a = r->in[A];
    g.w = s->weights;
    g.w_sum =
        (const int32_t *)(const void *)(g.w +
                                        (s->weights ? (int64_t)s->w_matrices * g.w_matrix : 0));
    g.a_zero.p = input(r, A_ZERO);
    g.w_zero.p = input(r, B_ZERO);
    g.scale.p = input(r, SCALE);
    g.bias.p = input(r, BIAS);
    g.y_zero = input(r, Y_ZERO);
    g.y = r->out[0];
    int status = 0;
    if (g.batch && g.m && g.n) status = prepare(s, &g, ig_cu_stream(stream), r);
    if (!status) status = cu_gemm_i8(&g, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static void unbind(ig_device *d, void *of)
{
    const state *s = of;
    if (s) ig_cu_unpack(d, s->weights);
}

const ig_cu_op ig_cu_op_matmul_integer = {
    .name = "matmul_integer", .bind = bind, .launch = launch, .unbind = unbind};
