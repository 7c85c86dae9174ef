/* rotary_embedding.c - rotary_embedding(x, cos, sin, positions?): pairs of a head's first
 * rotary_dim elements turn by the angle of their position (Su et al. 2021).
 *
 *   x          [B, H, T, D], or [B, T, heads * D]
 *   cos, sin   [positions, R / 2] with positions, else [B, T, R / 2]; R = rotary_dim or D
 *   positions  [B, T], or [1]: the position of token 0
 *
 * interleaved: neighbours are pairs, else element i pairs with i + R / 2. */
#include "runtime/ops/wide.h"
#include "kernels/rope/rope.h"
#include "runtime/base/checked.h"

typedef struct {
    int64_t heads, rotary_dim, interleaved;
} rotary_attrs;

static const ig_attr attrs[] = {
    IG_INT(rotary_attrs, heads, 0),
    IG_INT(rotary_attrs, rotary_dim, 0),
    IG_INT(rotary_attrs, interleaved, 0),
    {0},
};

enum { X, COS, SIN, POSITIONS };

static ingot_status check_table(ig_infer *c, uint32_t i, int64_t half, int64_t batch,
                                int64_t tokens)
{
    const ig_type *t = c->in[i];
    const bool by_position = ig_has(c, POSITIONS);
    const int want = by_position ? 2 : 3;
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != want)
        return ig_infer_fail(c, "input %u has rank %d, expected %d", i, t->rank, want);
    if (half >= 0 && ig_dim_differ(t->dims[want - 1], half))
        return ig_infer_fail(c, "input %u has %lld columns, expected %lld", i,
                             (long long)t->dims[want - 1], (long long)half);
    if (!by_position && (ig_dim_differ(t->dims[0], batch) || ig_dim_differ(t->dims[1], tokens)))
        return ig_infer_fail(c, "input %u is for %lld x %lld tokens", i, (long long)t->dims[0],
                             (long long)t->dims[1]);
    return INGOT_OK;
}

static ingot_status check_positions(ig_infer *c, int64_t batch, int64_t tokens)
{
    if (!ig_has(c, POSITIONS)) return INGOT_OK;
    const ig_type *t = c->in[POSITIONS];
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_I64)
        return ig_infer_fail(c, "positions are %s, not i64", ig_dtype(t->dtype)->name);
    if (t->rank < 0 || (t->rank == 1 && !ig_dim_differ(t->dims[0], 1))) return INGOT_OK;
    if (t->rank != 2 || ig_dim_differ(t->dims[0], batch) || ig_dim_differ(t->dims[1], tokens))
        return ig_infer_fail(c, "positions are not [batch, tokens]");
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const rotary_attrs *a = c->attrs;
    const ig_type *x = c->in[X];
    c->out[0] = *x;
    for (uint32_t i = X; i <= SIN; i++) {
        const ingot_dtype d = c->in[i]->dtype;
        if (d != INGOT_NONE && d != INGOT_F32 && d != INGOT_F16 && d != INGOT_BF16)
            return ig_infer_fail(c, "input %u cannot be %s", i, ig_dtype(d)->name);
    }
    if (x->rank < 0) return INGOT_OK;
    if (x->rank != 3 && x->rank != 4) return ig_infer_fail(c, "x has rank %d", x->rank);
    if (a->heads < 0 || (x->rank == 3 && a->heads == 0))
        return ig_infer_fail(c, "x of rank 3 with %lld heads", (long long)a->heads);
    int64_t size = x->dims[x->rank - 1];
    if (x->rank == 3 && size >= 0 && size % a->heads)
        return ig_infer_fail(c, "%lld columns do not make %lld heads", (long long)size,
                             (long long)a->heads);
    if (x->rank == 3 && size >= 0) size /= a->heads;
    const int64_t turned = a->rotary_dim ? a->rotary_dim : size;
    if (a->rotary_dim < 0 || (turned >= 0 && (turned % 2 || (size >= 0 && turned > size))))
        return ig_infer_fail(c, "%lld of %lld elements cannot turn in pairs", (long long)turned,
                             (long long)size);
    const int64_t batch = x->dims[0], tokens = x->dims[x->rank == 4 ? 2 : 1];
    const int64_t half = turned >= 0 ? turned / 2 : -1;
    IG_TRY(check_positions(c, batch, tokens));
    IG_TRY(check_table(c, COS, half, batch, tokens));
    return check_table(c, SIN, half, batch, tokens);
}

typedef struct {
    rope_f32_fn *kernel;
    ig_wide x, cos, sin, y;
    size_t batch, heads, tokens, size, half, rows; /* rows: of the tables by position */
    size_t x_batch, x_head, x_token;               /* strides */
    bool interleaved;
} state;

static ingot_status bind(ig_bind *b)
{
    const rotary_attrs *a = b->attrs;
    const ig_type *x = b->in[X];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->kernel = ig_rope_f32();
    b->kernel = "rope_f32";
    const bool four = x->rank == 4;
    s->batch = (size_t)x->dims[0];
    s->heads = (size_t)(four ? x->dims[1] : a->heads);
    s->tokens = (size_t)x->dims[four ? 2 : 1];
    s->size = four ? (size_t)x->dims[3] : (size_t)x->dims[2] / s->heads;
    s->half = (a->rotary_dim ? (size_t)a->rotary_dim : s->size) / 2;
    s->x_batch = s->heads * s->tokens * s->size;
    s->x_head = four ? s->tokens * s->size : s->size;
    s->x_token = four ? s->size : s->heads * s->size;
    s->rows = (size_t)b->in[COS]->dims[0];
    if (b->n_in > POSITIONS && b->in[POSITIONS])
        s->rows = IG_MIN(s->rows, (size_t)b->in[SIN]->dims[0]);
    s->interleaved = a->interleaved != 0;
    IG_TRY(ig_wide_bind(&s->x, b, x, IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->cos, b, b->in[COS], IG_CALC_F32));
    IG_TRY(ig_wide_bind(&s->sin, b, b->in[SIN], IG_CALC_F32));
    return ig_wide_bind(&s->y, b, b->out[0], IG_CALC_F32);
}

typedef struct {
    const state *s;
    const float *x, *cos, *sin;
    float *y;
    const int64_t *positions; /* NULL: the tables have a row for each token */
    bool from_first;          /* one position, of token 0 */
} job;

static int64_t position(const job *j, size_t batch, size_t token)
{
    if (!j->positions) return (int64_t)(batch * j->s->tokens + token);
    if (j->from_first) return j->positions[0] + (int64_t)token;
    return j->positions[batch * j->s->tokens + token];
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    for (size_t i = begin; i < end; i++) {
        const size_t batch = i / s->tokens, token = i % s->tokens;
        const size_t row = (size_t)position(j, batch, token) * s->half;
        const size_t at = batch * s->x_batch + token * s->x_token;
        s->kernel(&(rope_args){.y = j->y + at,
                               .x = j->x + at,
                               .y_head = s->x_head,
                               .x_head = s->x_head,
                               .heads = s->heads,
                               .size = s->size,
                               .cos = j->cos + row,
                               .sin = j->sin + row,
                               .half = s->half,
                               .interleaved = s->interleaved});
    }
}

static ingot_status check_rows(const ig_run *r, const job *j)
{
    const state *s = j->s;
    const size_t n = j->from_first ? IG_MIN(s->tokens, (size_t)1) : s->batch * s->tokens;
    for (size_t i = 0; i < n && j->positions; i++) {
        const int64_t first = j->positions[i];
        const uint64_t more = j->from_first ? s->tokens - 1 : 0;
        if (first < 0 || (uint64_t)first >= s->rows || (uint64_t)first + more >= s->rows)
            return ig_run_fail(r, "position %lld is outside a table of %zu", (long long)first,
                               s->rows);
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s};
    if (r->n_in > POSITIONS && r->in[POSITIONS]) {
        j.positions = r->in[POSITIONS]->data;
        j.from_first = r->in[POSITIONS]->rank == 1;
    }
    IG_TRY(check_rows(r, &j));
    j.x = ig_wide_in(&s->x, r, r->in[X]);
    j.cos = ig_wide_in(&s->cos, r, r->in[COS]);
    j.sin = ig_wide_in(&s->sin, r, r->in[SIN]);
    j.y = ig_wide_room(&s->y, r, r->out[0]);
    ig_parallel(r->pool, s->batch * s->tokens, IG_GRAIN / (s->heads * s->size + 1) + 1, 0, work,
                &j);
    ig_wide_store(&s->y, r, r->out[0]);
    return INGOT_OK;
}

const ig_op ig_op_rotary_embedding = {
    .name = "rotary_embedding",
    .min_in = 3,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(rotary_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
