/* matmul_integer.c - matmul_integer(a, b, a_zero?, b_zero?, scale?, bias?, y_zero?): NumPy's matmul
 * of 8-bit integers less their zero points, exact in 32 bits, wrapping.
 *
 * With a scale (one, or one a column) the sums become floats, or 8-bit integers when there is a
 * zero point for them; see i8_product.h. a_zero: one, or one a row; b_zero: one, or one a column.
 *
 * A constant b lies in panels (IG_P16), or is packed once, by bind. Rows of a are packed for each
 * run, in blocks of IG_I8_ROWS that belong to one matrix, unless the kernel reads them as they are;
 * a task makes one tile of y.
 */
#include "runtime/ops/batches.h"
#include "runtime/ops/i8_product.h"
#include "runtime/base/checked.h"

#include <string.h>

static const ig_attr attrs[] = {
    IG_INT(ig_i8_out_attrs, dtype, 0),
    IG_INT(ig_i8_out_attrs, low, -128),
    IG_INT(ig_i8_out_attrs, high, 255),
    {0},
};

enum { A, B, A_ZERO, B_ZERO, FINISH, INPUTS = FINISH + 3 };

/* An operand's matrices; a vector is a matrix of one row (a) or one column (b). */
typedef struct {
    int batch_rank;
    int64_t rows, cols;
} operand;

static operand operand_of(const ig_type *t, bool right)
{
    const int r = t->rank;
    if (r == 1) return (operand){0, right ? t->dims[0] : 1, right ? 1 : t->dims[0]};
    return (operand){r - 2, t->dims[r - 2], t->dims[r - 1]};
}

static ingot_status check_zeros(ig_infer *c, uint32_t i, const ig_type *t, int64_t each)
{
    size_t n, all;
    if (!ig_has(c, i) || each < 0 || !ig_type_elements(c->in[i], &n) || n == 1 || n == (size_t)each)
        return INGOT_OK;
    const operand o = operand_of(t, i == B_ZERO);
    const ig_type lead = {.dtype = INGOT_U8, .rank = o.batch_rank};
    ig_type whole = lead;
    memcpy(whole.dims, t->dims, sizeof whole.dims);
    if (!ig_type_elements(&whole, &all)) return INGOT_OK;
    if (ig_mul_ok(all, (size_t)each, &all) && n == all) return INGOT_OK;
    return ig_infer_fail(c, "input %u has %zu zero points, expected 1 or %lld", i, n,
                         (long long)each);
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *a = c->in[A], *b = c->in[B];
    ig_type *y = &c->out[0];
    ingot_dtype to;
    IG_TRY(ig_i8_infer_pair(c, A, B, A_ZERO, B_ZERO));
    if (a->rank == 0 || b->rank == 0) return ig_infer_fail(c, "an operand is a scalar");
    const int64_t n = b->rank > 0 ? operand_of(b, true).cols : -1;
    IG_TRY(ig_i8_finish_infer(c, FINISH, c->attrs, n, &to));
    y->dtype = to;
    if (a->rank < 0 || b->rank < 0) return INGOT_OK;
    const operand x = operand_of(a, false), w = operand_of(b, true);
    if (ig_dim_differ(x.cols, w.rows))
        return ig_infer_fail(c, "%lld columns of the left operand meet %lld rows of the right one",
                             (long long)x.cols, (long long)w.rows);
    IG_TRY(check_zeros(c, A_ZERO, a, x.rows));
    IG_TRY(check_zeros(c, B_ZERO, b, w.cols));
    ig_type lead[2] = {*a, *b};
    lead[0].rank = x.batch_rank;
    lead[1].rank = w.batch_rank;
    IG_TRY(ig_infer_broadcast(c, y, (const ig_type *[]){&lead[0], &lead[1]}, 2));
    y->dtype = to;
    if (a->rank > 1) y->dims[y->rank++] = x.rows;
    if (b->rank > 1) y->dims[y->rank++] = w.cols;
    return INGOT_OK;
}

/* ---- bind ---- */

typedef struct {
    gemm_i8_fn *gemm;
    gemm_i8_acts_fn *pack;
    ig_i8_weights w;
    ingot_dtype to;
    size_t batch, m, n, k, a_batches;
    ig_batches batches;
    size_t a_step[IG_MAX_RANK], b_step[IG_MAX_RANK]; /* 0 where repeated */
    bool a_signed, raw;                              /* raw: rows of a are read as they are */
    size_t blocks, block_bytes;                      /* of rows of one matrix a */
    size_t at_acts, at_sums, at_a_zeros;             /* in scratch */
    size_t at_columns, at_tiles;
    bool known; /* all that the columns are made of: made by bind */
    ig_i8_columns columns;
} state;

static size_t measure(state *s, const ig_bind *b)
{
    const operand x = operand_of(b->in[A], false), w = operand_of(b->in[B], true);
    s->m = (size_t)x.rows, s->k = (size_t)x.cols, s->n = (size_t)w.cols;
    s->batches.rank = IG_MAX(x.batch_rank, w.batch_rank);
    memcpy(s->batches.dims, b->out[0]->dims, (size_t)s->batches.rank * sizeof *s->batches.dims);
    s->batch = ig_dims_product(s->batches.dims, 0, s->batches.rank);
    s->a_batches = ig_dims_product(b->in[A]->dims, 0, x.batch_rank);
    const size_t b_batches = ig_dims_product(b->in[B]->dims, 0, w.batch_rank);
    ig_batches_steps(s->a_step, &s->batches, b->in[A], x.batch_rank);
    ig_batches_steps(s->b_step, &s->batches, b->in[B], w.batch_rank);
    if (b_batches == 1 && s->a_batches == s->batch) {
        s->m *= s->batch; /* one tall product */
        s->batch = s->a_batches = 1;
        s->batches.rank = 0;
    }
    s->blocks = s->m / IG_I8_ROWS + (s->m % IG_I8_ROWS != 0);
    return b_batches;
}

/* Does the kernel finish results of this type? Else a tile of f32 is narrowed. */
static bool is_direct(ingot_dtype to)
{
    return ig_is_byte(to) || to == INGOT_F32 || to == INGOT_I32;
}

static bool all_zero(const ig_tensor *t)
{
    if (!t) return false;
    for (size_t i = 0; i < ig_tensor_elements(t); i++)
        if (ig_to_int(t->data, t->dtype, i)) return false;
    return true;
}

static ingot_status bind_rows(state *s, ig_bind *b)
{
    size_t blocks, rows, columns;
    if (!ig_gemm_i8_acts_bytes(IG_MIN(s->m, (size_t)IG_I8_ROWS), s->k, &s->block_bytes) ||
        !ig_align_ok(s->block_bytes, IG_ALIGN, &s->block_bytes) ||
        !ig_mul_ok(s->blocks, s->a_batches, &blocks) ||
        !ig_mul_ok(blocks, (size_t)IG_I8_ROWS, &rows) || !ig_i8_columns_bytes(&s->w, &columns))
        return ig_bind_fail(b, "the operands are too large");
    if (!s->raw) IG_TRY(ig_scratch_add(b, blocks, s->block_bytes, &s->at_acts));
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &s->at_sums));
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &s->at_a_zeros));
    if (!s->known) IG_TRY(ig_scratch_add(b, columns, 1, &s->at_columns));
    if (is_direct(s->to)) return INGOT_OK;
    return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1),
                          IG_I8_ROWS * IG_I8_COLS * sizeof(float), &s->at_tiles);
}

static ig_i8_terms terms_of(const state *s, const ig_tensor *const *in, uint32_t n_in)
{
    const ig_tensor *at[INPUTS] = {NULL};
    for (uint32_t i = 0; i < IG_MIN(n_in, (uint32_t)INPUTS); i++) at[i] = in[i];
    return (ig_i8_terms){.a_zero = at[A_ZERO],
                         .b_zero = at[B_ZERO],
                         .scale = at[FINISH],
                         .bias = at[FINISH + 1],
                         .y_zero = at[FINISH + 2],
                         .a_signed = s->a_signed};
}

/* One zero point of a, and nothing that only a run tells. */
static bool all_known(const ig_bind *b)
{
    size_t n;
    for (uint32_t i = A_ZERO; i < b->n_in; i++)
        if (b->in[i] && !b->known[i]) return false;
    return b->known[B] &&
           (b->n_in <= A_ZERO || !b->in[A_ZERO] || (ig_type_elements(b->in[A_ZERO], &n) && n == 1));
}

static ingot_status bind_columns(state *s, ig_bind *b)
{
    size_t bytes;
    const ig_i8_terms terms = terms_of(s, b->known, b->n_in);
    if (!s->known || !ig_i8_columns_bytes(&s->w, &bytes)) return INGOT_OK;
    void *room = ig_arena_take(b->arena, IG_MAX(bytes, (size_t)1));
    if (!room) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for columns");
    s->columns = ig_i8_columns_fill(room, &s->w, s->w.sums, &terms, s->to, b->attrs);
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->gemm = ig_gemm_i8();
    s->pack = ig_gemm_i8_acts();
    s->to = b->out[0]->dtype;
    s->a_signed = b->in[A]->dtype == INGOT_I8;
    const size_t b_batches = measure(s, b);
    const ig_tensor *known = b->known[B];
    if (b->in_layout[B] != IG_PLAIN && (b->in_layout[B] != IG_P16 || b->in[B]->rank < 2))
        return ig_bind_fail(b, "the right operand's layout is not that of a product");
    /* sums of rows are needed for weights with zero points only; packing makes them */
    s->raw = ig_gemm_i8_raw() && !s->a_signed && s->k % 4 == 0 && b->in[B]->dtype == INGOT_I8 &&
             (b->n_in <= B_ZERO || !b->in[B_ZERO] || all_zero(b->known[B_ZERO]));
    bool packed;
    IG_TRY(ig_i8_weights_bind(&s->w, b, B, b_batches, s->n, s->k, &packed));
    s->known = all_known(b);
    IG_TRY(bind_rows(s, b));
    b->kernel = s->raw ? "gemm_i8 of rows" : "gemm_i8";
    for (size_t i = 0; known && !packed && i < b_batches; i++)
        ig_gemm_i8_pack_weights(s->w.panels + i * s->w.bytes, s->w.sums + i * s->w.n16,
                                (const uint8_t *)known->data + i * s->k * s->n, s->w.is_signed,
                                s->n, s->k, 1, s->n);
    return bind_columns(s, b);
}

/* ---- run ---- */

typedef struct {
    const state *s;
    const ig_run *r;
    const uint8_t *a, *b;
    const ig_tensor *a_zero; /* one a row, else NULL */
    ig_i8_columns columns;
    size_t col_blocks;
} job;

/* Panels of b, one matrix after the other. */
static void pack_b(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    const size_t panels = s->w.n16 / GEMM_I8_PANEL;
    for (size_t i = begin; i < end; i++) {
        const size_t matrix = i / panels, col = i % panels * GEMM_I8_PANEL;
        ig_gemm_i8_pack_weights(ig_i8_panels(&s->w, j->r) + i * (s->w.bytes / panels),
                                ig_i8_sums(&s->w, j->r) + i * GEMM_I8_PANEL,
                                j->b + matrix * s->k * s->n + col, s->w.is_signed,
                                IG_MIN(s->n - col, (size_t)GEMM_I8_PANEL), s->k, 1, s->n);
    }
}

/* Blocks of rows of a. */
static void pack_a(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    for (size_t i = begin; i < end; i++) {
        const size_t first = i % s->blocks * IG_I8_ROWS;
        const size_t row = i / s->blocks * s->m + first;
        const size_t rows = IG_MIN(s->m - first, (size_t)IG_I8_ROWS);
        s->pack((char *)ig_piece(j->r, s->at_acts) + i * s->block_bytes,
                (int32_t *)ig_piece(j->r, s->at_sums) + i * IG_I8_ROWS, j->a + row * s->k,
                s->a_signed, rows, s->k, s->k);
    }
}

/* Zero points of rows, in blocks as the rows are. */
static void list_zeros(const job *j)
{
    const state *s = j->s;
    int32_t *zeros = ig_piece(j->r, s->at_a_zeros);
    const int32_t shift = s->a_signed ? 128 : 0;
    const size_t n = ig_tensor_elements(j->a_zero); /* of all rows, or of those of a matrix */
    for (size_t i = 0; i < s->a_batches * s->m; i++)
        zeros[(i / s->m * s->blocks) * IG_I8_ROWS + i % s->m] =
            shift + (int32_t)ig_to_int(j->a_zero->data, j->a_zero->dtype, i % n);
}

/* One block of rows by one block of columns of product `i`; room is a tile of f32. */
static void tile(const job *j, size_t i, size_t row_block, size_t col_block, float *room)
{
    const state *s = j->s;
    const size_t matrix = ig_batches_at(&s->batches, s->a_step, i),
                 block = matrix * s->blocks + row_block;
    const size_t row = row_block * IG_I8_ROWS, rows = IG_MIN(s->m - row, (size_t)IG_I8_ROWS);
    const size_t col = col_block * IG_I8_COLS, cols = IG_MIN(s->n - col, (size_t)IG_I8_COLS);
    const size_t at = (i * s->m + row) * s->n + col;
    const bool direct = is_direct(s->to);
    gemm_i8_args p = {.a_sum = (int32_t *)ig_piece(j->r, s->at_sums) + block * IG_I8_ROWS,
                      .y = room,
                      .y_row = IG_I8_COLS};
    if (s->raw)
        p.acts = j->a + (matrix * s->m + row) * s->k, p.acts_row = s->k;
    else
        p.acts = (char *)ig_piece(j->r, s->at_acts) + block * s->block_bytes;
    if (j->a_zero) p.a_zero = (int32_t *)ig_piece(j->r, s->at_a_zeros) + block * IG_I8_ROWS;
    if (direct) {
        p.y = (char *)j->r->out[0]->data + at * ig_dtype(s->to)->bytes;
        p.y_row = s->n;
    }
    ig_i8_operand(&p, &s->w, ig_i8_panels(&s->w, j->r), &j->columns,
                  ig_batches_at(&s->batches, s->b_step, i), col, cols);
    s->gemm(&p, 0, rows, 0, (cols + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL);
    for (size_t k = 0; k < rows && !direct; k++)
        ig_store(j->r->out[0]->data, s->to, at + k * s->n, room + k * IG_I8_COLS, IG_CALC_F32,
                 cols);
}

/* The blocks of rows that meet one block of columns follow each other: its panels stay in cache. */
static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    float *room = (float *)ig_piece(j->r, s->at_tiles) + worker * IG_I8_ROWS * IG_I8_COLS;
    for (size_t t = begin; t < end; t++) {
        const size_t rest = t / s->blocks;
        tile(j, rest / j->col_blocks, t % s->blocks, rest % j->col_blocks, room);
    }
}

static ig_i8_columns columns_of(job *j)
{
    const state *s = j->s;
    ig_i8_terms terms = terms_of(s, j->r->in, j->r->n_in);
    if (s->known) return s->columns;
    if (terms.a_zero && ig_tensor_elements(terms.a_zero) > 1) {
        j->a_zero = terms.a_zero;
        list_zeros(j);
        terms.a_zero = NULL;
        terms.a_signed = false; /* the shift is in the list */
    }
    return ig_i8_columns_fill(ig_piece(j->r, s->at_columns), &s->w, ig_i8_sums(&s->w, j->r), &terms,
                              s->to, j->r->attrs);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s, .r = r, .a = r->in[A]->data, .b = r->in[B]->data};
    if (!s->m || !s->n || !s->batch) return INGOT_OK;
    j.col_blocks = s->n / IG_I8_COLS + (s->n % IG_I8_COLS != 0);
    if (!s->w.panels)
        ig_parallel(r->pool, s->w.count * (s->w.n16 / GEMM_I8_PANEL),
                    IG_GRAIN / (s->k * GEMM_I8_PANEL + 1) + 1, 0, pack_b, &j);
    j.columns = columns_of(&j);
    if (!s->raw)
        ig_parallel(r->pool, s->a_batches * s->blocks, 2 * IG_GRAIN / (s->k * IG_I8_ROWS + 1) + 1,
                    0, pack_a, &j);
    const size_t each = s->k * IG_I8_ROWS * IG_MIN(s->n, (size_t)IG_I8_COLS);
    ig_parallel(r->pool, s->batch * s->blocks * j.col_blocks, 8 * IG_GRAIN / (each + 1) + 1, 0,
                work, &j);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 2.0 * (double)n * (double)operand_of(b->in[A], false).cols;
}

const ig_op ig_op_matmul_integer = {
    .name = "matmul_integer",
    .min_in = 2,
    .max_in = 7,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(ig_i8_out_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
