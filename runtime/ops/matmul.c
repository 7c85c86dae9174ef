/* matmul.c - y = act(alpha * a b + bias + residual): NumPy's matmul with transposes of the last two
 * dims, broadcast batches, and what passes fuse behind it.
 *
 * b may be a constant in panels (IG_P16); else it is packed into scratch, a few batches at a time.
 * A batched `a` against one `b` is a single tall product. Floats of 16 bits and fewer compute in
 * f32, and the result is rounded once; b of f16 or bf16 stays in 16 bits until it is multiplied,
 * and may meet an `a` of f32 (weights that are stored in half). Integers are exact, wrapping. */
#include "runtime/ops/batches.h"
#include "runtime/ops/blas.h"
#include "runtime/ops/product.h"
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t trans_a, trans_b;
    double alpha;
    int act;
    double act_a, act_b;
} matmul_attrs;

static const ig_attr attrs[] = {
    IG_INT(matmul_attrs, trans_a, 0),
    IG_INT(matmul_attrs, trans_b, 0),
    IG_FLOAT(matmul_attrs, alpha, 1),
    IG_ENUM(matmul_attrs, act, 0, ig_act_names),
    IG_FLOAT(matmul_attrs, act_a, 0),
    IG_FLOAT(matmul_attrs, act_b, 0),
    {0},
};

enum { A, B, BIAS, RESIDUAL };

/* An operand's matrix, with a vector seen as a matrix of one row (a) or one column (b). */
typedef struct {
    int batch_rank;
    int64_t rows, cols;
    bool vector, transposed; /* transposed: memory has [cols, rows] */
} operand;

static operand operand_of(const ig_type *t, bool trans, bool right)
{
    const int r = t->rank;
    if (r == 1)
        return (operand){
            .rows = right ? t->dims[0] : 1, .cols = right ? 1 : t->dims[0], .vector = true};
    operand o = {.batch_rank = r - 2, .transposed = trans};
    o.rows = t->dims[trans ? r - 1 : r - 2];
    o.cols = t->dims[trans ? r - 2 : r - 1];
    return o;
}

static ingot_status check_extra(ig_infer *c, const ig_type *y)
{
    if (ig_has(c, BIAS)) {
        const ig_type *t = c->in[BIAS];
        if (t->rank >= 0 && t->rank != 1)
            return ig_infer_fail(c, "the bias has rank %d, not 1", t->rank);
        if (t->rank == 1 && y->rank > 0 && ig_dim_differ(t->dims[0], y->dims[y->rank - 1]))
            return ig_infer_fail(c, "the bias has %lld elements for %lld columns",
                                 (long long)t->dims[0], (long long)y->dims[y->rank - 1]);
    }
    if (!ig_has(c, RESIDUAL) || c->in[RESIDUAL]->rank < 0) return INGOT_OK;
    const ig_type *t = c->in[RESIDUAL];
    bool same = t->rank == y->rank;
    for (int d = 0; same && d < t->rank; d++) same = !ig_dim_differ(t->dims[d], y->dims[d]);
    return same ? INGOT_OK : ig_infer_fail(c, "the residual is not shaped like the result");
}

static ingot_status check_types(ig_infer *c)
{
    const matmul_attrs *m = c->attrs;
    ingot_dtype dtype = INGOT_NONE;
    const bool halved = c->in[A]->dtype == INGOT_F32 &&
                        (c->in[B]->dtype == INGOT_F16 || c->in[B]->dtype == INGOT_BF16);
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!c->in[i] || c->in[i]->dtype == INGOT_NONE || (i == B && halved)) continue;
        if (dtype != INGOT_NONE && c->in[i]->dtype != dtype)
            return ig_infer_fail(c, "multiplies %s by %s", ig_dtype(dtype)->name,
                                 ig_dtype(c->in[i]->dtype)->name);
        dtype = c->in[i]->dtype;
    }
    c->out[0].dtype = dtype;
    if (dtype == INGOT_NONE) return INGOT_OK;
    const ig_calc calc = ig_calc_of(dtype);
    if (calc == IG_CALC_NONE) return ig_infer_fail(c, "no product of %s", ig_dtype(dtype)->name);
    const bool plain = m->alpha == 1 && !m->act && !ig_has(c, BIAS) && !ig_has(c, RESIDUAL);
    if (calc != IG_CALC_F32 && calc != IG_CALC_F64 && !plain)
        return ig_infer_fail(c, "integers take no alpha, bias, residual or activation");
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const matmul_attrs *m = c->attrs;
    const ig_type *a = c->in[A], *b = c->in[B];
    ig_type *y = &c->out[0];
    IG_TRY(check_types(c));
    if (a->rank < 0 || b->rank < 0) return INGOT_OK;
    if (a->rank == 0 || b->rank == 0) return ig_infer_fail(c, "an operand is a scalar");
    const operand x = operand_of(a, m->trans_a, false), w = operand_of(b, m->trans_b, true);
    if (ig_dim_differ(x.cols, w.rows))
        return ig_infer_fail(c, "%lld columns of the left operand meet %lld rows of the right one",
                             (long long)x.cols, (long long)w.rows);
    ig_type lead[2] = {*a, *b};
    lead[0].rank = x.batch_rank;
    lead[1].rank = w.batch_rank;
    IG_TRY(ig_infer_broadcast(c, y, (const ig_type *[]){&lead[0], &lead[1]}, 2));
    if (!x.vector) y->dims[y->rank++] = x.rows;
    if (!w.vector) y->dims[y->rank++] = w.cols;
    return check_extra(c, y);
}

/* ---- bind ---- */

typedef struct {
    ig_product_kernels kernels;
    ig_wide a, b, bias, residual, y;
    transpose_fn *transpose;
    size_t batch, m, n, k;
    size_t a_batches, b_batches; /* in memory */
    ig_batches batches;
    size_t a_step[IG_MAX_RANK], b_step[IG_MAX_RANK]; /* 0 where repeated */
    bool a_turned, b_turned, packed;
    size_t at_a, at_b; /* scratch: a transposed; panels of `chunk` batches */
    size_t panels, chunk;
    bool blas;            /* math=fast: OpenBLAS multiplies, the epilogue follows */
    const void *constant; /* a plain constant b, packed when it was bound; NULL: another b */
} state;

static void measure(state *s, const ig_bind *b)
{
    const matmul_attrs *m = b->attrs;
    const operand x = operand_of(b->in[A], m->trans_a, false);
    const operand w = operand_of(b->in[B], m->trans_b, true);
    s->m = (size_t)x.rows, s->k = (size_t)x.cols, s->n = (size_t)w.cols;
    s->a_turned = x.transposed, s->b_turned = w.transposed;
    s->batches.rank = IG_MAX(x.batch_rank, w.batch_rank);
    memcpy(s->batches.dims, b->out[0]->dims, (size_t)s->batches.rank * sizeof *s->batches.dims);
    s->batch = ig_dims_product(s->batches.dims, 0, s->batches.rank);
    s->a_batches = ig_dims_product(b->in[A]->dims, 0, x.batch_rank);
    s->b_batches = ig_dims_product(b->in[B]->dims, 0, w.batch_rank);
    ig_batches_steps(s->a_step, &s->batches, b->in[A], x.batch_rank);
    ig_batches_steps(s->b_step, &s->batches, b->in[B], w.batch_rank);
    if (s->b_batches == 1 && !s->a_turned && s->a_batches == s->batch) {
        s->m *= s->batch; /* one tall product */
        s->batch = s->a_batches = 1;
        s->batches.rank = 0;
    }
}

/* How many batches of B are packed at a time: a few megabytes, but enough for all threads. */
static size_t chunk_of(const ig_bind *b, const state *s)
{
    enum { CHUNK_BYTES = 4 << 20 };
    if (s->b_batches == 1) return 1;
    const size_t one = s->panels * ig_product_b_bytes(&s->kernels) + 1;
    return IG_MIN(s->batch, IG_MAX(CHUNK_BYTES / one, 2 * b->n_threads));
}

/* Files keep constants in panels; one that is plain is packed once a plan. */
static ingot_status pack_constant(state *s, ig_bind *b)
{
    const size_t each = ig_product_b_bytes(&s->kernels);
    size_t bytes;
    if (!ig_mul_ok(s->panels, s->b_batches, &bytes) || !ig_mul_ok(bytes, each, &bytes))
        return ig_bind_fail(b, "too large to pack");
    char *to = ig_arena_take(b->arena, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (!to) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
    const char *from = b->known[B]->data;
    for (size_t i = 0; i < s->b_batches; i++)
        ig_product_pack(&s->kernels, to + i * s->panels * each, from + i * s->k * s->n * each, s->k,
                        s->n, s->b_turned ? 1 : s->n, s->b_turned ? s->k : 1, 0,
                        ig_gemm_panels(s->n));
    s->constant = to;
    s->packed = true;
    return INGOT_OK;
}

/* math=fast: bf16 by bf16 goes through the CPU's dot product of pairs, a is not widened. */
static bool pairs_do(const state *s, const ig_bind *b)
{
    return b->math == IG_MATH_FAST && b->in[A]->dtype == INGOT_BF16 && s->k % 2 == 0 &&
           !s->a_turned && ig_gemm_bf16_fast();
}

static ingot_status bind(ig_bind *b)
{
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    ig_calc calc = ig_calc_of(b->in[A]->dtype);
    if (calc == IG_CALC_U64) calc = IG_CALC_I64;
    s->kernels = ig_product_choose_b(calc, b->in[B]->dtype);
    s->transpose = ig_transpose(ig_calc_bytes(calc));
    measure(s, b);
    s->packed = b->in_layout[B] != IG_PLAIN;
    if (s->packed && b->in_layout[B] != IG_P16)
        return ig_bind_fail(b, "the right operand's layout is not that of a product");
    size_t n_b;
    if (!ig_product_packed(ig_product_depth(&s->kernels, s->k), s->n, &s->panels) ||
        !ig_type_elements(b->in[B], &n_b) ||
        (s->packed && !ig_mul_ok(s->panels, s->b_batches, &n_b)))
        return ig_bind_fail(b, "the right operand is too large");
    if (s->packed && s->b_turned) return ig_bind_fail(b, "a packed operand is not transposed");
    if (pairs_do(s, b))
        s->kernels.pairs = ig_gemm_bf16_fast();
    else
        IG_TRY(ig_wide_bind(&s->a, b, b->in[A], calc));
    if (ig_product_half(&s->kernels))
        b->kernel = s->kernels.pairs            ? "gemm_bf16_fast"
                    : s->kernels.b == INGOT_F16 ? "gemm_f16"
                                                : "gemm_bf16";
    else
        IG_TRY(ig_wide_bind_n(&s->b, b, b->in[B], calc, n_b));
    if (b->n_in > BIAS) IG_TRY(ig_wide_bind(&s->bias, b, b->in[BIAS], calc));
    if (b->n_in > RESIDUAL) IG_TRY(ig_wide_bind(&s->residual, b, b->in[RESIDUAL], calc));
    IG_TRY(ig_wide_bind(&s->y, b, b->out[0], calc));
    s->blas = b->math == IG_MATH_FAST && b->in[A]->dtype == INGOT_F32 &&
              b->in[B]->dtype == INGOT_F32 && !s->packed && !b->known[B] &&
              ig_blas_worth(s->m, s->n, s->k);
    if (s->blas) {
        b->kernel = "openblas_sgemm";
        return INGOT_OK;
    }
    if (s->a_turned)
        IG_TRY(ig_scratch_add(b, s->a_batches * s->m * s->k, ig_calc_bytes(calc), &s->at_a));
    s->chunk = chunk_of(b, s);
    if (!s->packed && b->known[B] && !s->b.copied) return pack_constant(s, b);
    if (s->packed) return INGOT_OK;
    size_t n;
    if (!ig_mul_ok(s->panels, s->chunk, &n)) return ig_bind_fail(b, "too large to pack");
    return ig_scratch_add(b, n, ig_product_b_bytes(&s->kernels), &s->at_b);
}

/* ---- run ---- */

typedef struct {
    const state *s;
    const char *a, *b, *residual;
    char *panels, *y;
    size_t each, a_each, b_each; /* bytes of an element: computed, of a, of b */
    size_t first;                /* batch of the chunk */
} job;

static ig_pack_pair pack_at(const void *arg, size_t i)
{
    const job *j = arg;
    const state *s = j->s;
    const size_t from = ig_batches_at(&s->batches, s->b_step, j->first + i);
    return (ig_pack_pair){j->panels + i * s->panels * j->b_each,
                          j->b + from * s->k * s->n * j->b_each};
}

static void product_at(const void *arg, size_t i, ig_product *p)
{
    const job *j = arg;
    const state *s = j->s;
    const size_t at = j->first + i;
    p->a = j->a + ig_batches_at(&s->batches, s->a_step, at) * s->m * s->k * j->a_each;
    if (s->packed)
        p->b = j->b + ig_batches_at(&s->batches, s->b_step, at) * s->panels * j->b_each;
    else
        p->b = j->panels + (s->b_batches == 1 ? 0 : i) * s->panels * j->b_each;
    p->c = j->y + at * s->m * s->n * j->each;
    if (j->residual) p->residual = j->residual + at * s->m * s->n * j->each;
}

static const void *turned(const state *s, const ig_run *r, const void *a)
{
    if (!s->a_turned) return a;
    const transpose_shape t = {.batch = s->a_batches,
                               .rows = s->k,
                               .cols = s->m,
                               .x_batch = s->m * s->k,
                               .x_row = s->m,
                               .y_batch = s->m * s->k,
                               .y_row = s->k};
    s->transpose(ig_piece(r, s->at_a), a, &t);
    return ig_piece(r, s->at_a);
}

static const float *data_of(const ig_run *r, uint32_t i)
{
    return i < r->n_in && r->in[i] ? r->in[i]->data : NULL;
}

static ingot_status run_blas(const state *s, ig_run *r)
{
    const matmul_attrs *m = r->attrs;
    const float *a = r->in[A]->data, *b = r->in[B]->data, *residual = data_of(r, RESIDUAL);
    ig_epilogue e = {.bias = data_of(r, BIAS), .ld_residual = s->n};
    ig_act_set(&e, m->act, m->act_a, m->act_b);
    for (size_t i = 0; i < s->batch && !ig_run_cancelled(r); i++) {
        float *c = (float *)r->out[0]->data + i * s->m * s->n;
        ig_blas_gemm(c, a + ig_batches_at(&s->batches, s->a_step, i) * s->m * s->k,
                     b + ig_batches_at(&s->batches, s->b_step, i) * s->k * s->n, s->m, s->n, s->k,
                     s->a_turned, s->b_turned, (float)m->alpha, ig_pool_threads(r->pool));
        e.residual = residual ? residual + i * s->m * s->n : NULL;
        if (e.bias || e.residual || m->act) ig_act_rows(c, s->m, s->n, s->n, 1, &e);
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const matmul_attrs *m = r->attrs;
    const state *s = r->state;
    if (s->blas) return run_blas(s, r);
    const ig_tensor *residual = r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    job j = {.s = s,
             .each = ig_calc_bytes(s->kernels.calc),
             .a_each = s->kernels.pairs ? 2 : ig_calc_bytes(s->kernels.calc),
             .b_each = ig_product_b_bytes(&s->kernels),
             .panels = ig_piece(r, s->at_b)};
    j.a = turned(s, r, ig_wide_in(&s->a, r, r->in[A]));
    j.b = s->constant ? s->constant : ig_wide_in(&s->b, r, r->in[B]);
    j.residual = ig_wide_in(&s->residual, r, residual);
    j.y = ig_wide_room(&s->y, r, r->out[0]);
    ig_product p = {.m = s->m,
                    .n = s->n,
                    .k = s->k,
                    .ldc = s->n,
                    .lda = s->k,
                    .ld_residual = s->n,
                    .scale = m->alpha,
                    .act = m->act,
                    .act_a = m->act_a,
                    .act_b = m->act_b};
    p.bias = ig_wide_in(&s->bias, r, r->n_in > BIAS ? r->in[BIAS] : NULL);
    if (!s->packed && s->b_batches == 1 && s->batch)
        ig_product_pack_all(&s->kernels, r->pool, s->k, s->n, s->b_turned ? 1 : s->n,
                            s->b_turned ? s->k : 1, 1, pack_at, &j);
    const size_t chunk = s->packed || s->b_batches == 1 ? s->batch : s->chunk;
    for (; j.first < s->batch; j.first += chunk) {
        if (ig_run_cancelled(r)) break;
        const size_t n = IG_MIN(chunk, s->batch - j.first);
        if (!s->packed && s->b_batches != 1)
            ig_product_pack_all(&s->kernels, r->pool, s->k, s->n, s->b_turned ? 1 : s->n,
                                s->b_turned ? s->k : 1, n, pack_at, &j);
        ig_product_run(&s->kernels, r->pool, &p, n, product_at, &j);
    }
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const matmul_attrs *m = b->attrs;
    const operand x = operand_of(b->in[A], m->trans_a, false);
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 2.0 * (double)n * (double)x.cols;
}

const ig_op ig_op_matmul = {
    .name = "matmul",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(matmul_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
