/* embed.c - embed(ids, table) -> y: rows of a table of vectors, times `scale`, in f32.
 *
 *   ids    i32 or i64 [T..]; each 0 <= id < V
 *   table  one of
 *            plain  [V, D] of f32, f16 or bf16
 *            tied   turned = 1: [D, V] of f32, f16 or bf16, plain or in panels (IG_P16): the output
 *                   projection as matmul has it
 *            low    format, n = V and k = D set: u8 [panels, bytes of a panel], the weights of a
 *                   matmul_q of n by k with that format (also when nothing is tied: an embedding of
 *                   4 or 8 bits is packed so)
 *   y      f32 [T.., D]
 *
 * attributes: turned (0), format (none), n, k (0; only with format), scale (1).
 *
 * An id outside the table is E_DATA. A row of 4 or 8 bits has the values that gemm_q_f32 multiplies
 * by. */
#include "runtime/ops/index.h"
#include "runtime/ops/wide.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/gemm_q.h"
#include "kernels/half/half.h"
#include "runtime/base/half.h"

typedef struct {
    int64_t turned, n, k;
    const char *format; /* a name of kernels/gemm_q/q_formats.def */
    double scale;
} embed_attrs;

static const ig_attr attrs[] = {
    IG_INT(embed_attrs, turned, 0),     IG_INT(embed_attrs, n, 0),       IG_INT(embed_attrs, k, 0),
    IG_TEXT(embed_attrs, format, NULL), IG_FLOAT(embed_attrs, scale, 1), {0},
};

enum { IDS, TABLE };

/* ---- infer ---- */

static ingot_status check_low(ig_infer *c, int64_t *size)
{
    const embed_attrs *a = c->attrs;
    const ig_q_format *f = ig_q_format_named(a->format);
    const ig_type *t = c->in[TABLE];
    ig_q_layout l;
    size_t bytes;
    if (!f) return ig_infer_fail(c, "no weight format is named %s", a->format);
    if (a->n < 1 || a->k < 1 || !ig_q_layout_of(&l, f, (size_t)a->k) ||
        !ig_q_bytes(f, (size_t)a->n, (size_t)a->k, &bytes))
        return ig_infer_fail(c, "a table cannot be %lld by %lld", (long long)a->n, (long long)a->k);
    *size = a->k;
    if (t->dtype == INGOT_NONE || t->rank < 0) return INGOT_OK;
    if (t->dtype != INGOT_U8 || t->rank != 2 || t->dims[0] != (int64_t)ig_q_panels((size_t)a->n) ||
        t->dims[1] != (int64_t)l.panel_bytes)
        return ig_infer_fail(c, "a table of %lld by %lld in %s is u8 [%zu, %zu]", (long long)a->n,
                             (long long)a->k, f->name, ig_q_panels((size_t)a->n), l.panel_bytes);
    return INGOT_OK;
}

static ingot_status check_floats(ig_infer *c, int64_t *size)
{
    const embed_attrs *a = c->attrs;
    const ig_type *t = c->in[TABLE];
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32 && t->dtype != INGOT_F16 &&
        t->dtype != INGOT_BF16)
        return ig_infer_fail(c, "the table cannot be %s", ig_dtype(t->dtype)->name);
    *size = IG_DIM_UNKNOWN;
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 2) return ig_infer_fail(c, "the table has rank %d, not 2", t->rank);
    *size = t->dims[a->turned ? 0 : 1];
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const embed_attrs *a = c->attrs;
    const ig_type *ids = c->in[IDS];
    int64_t size = IG_DIM_UNKNOWN;
    c->out[0] = (ig_type){.dtype = INGOT_F32, .rank = IG_RANK_UNKNOWN};
    if (ids->dtype != INGOT_NONE && ids->dtype != INGOT_I32 && ids->dtype != INGOT_I64)
        return ig_infer_fail(c, "ids are %s, not i32 or i64", ig_dtype(ids->dtype)->name);
    if (a->turned && a->format)
        return ig_infer_fail(c, "a table in panels of %s is not turned", a->format);
    IG_TRY(a->format ? check_low(c, &size) : check_floats(c, &size));
    if (ids->rank < 0) return INGOT_OK;
    if (ids->rank == IG_MAX_RANK) return ig_infer_fail(c, "ids of rank %d", ids->rank);
    c->out[0].rank = ids->rank + 1;
    for (int d = 0; d < ids->rank; d++) c->out[0].dims[d] = ids->dims[d];
    c->out[0].dims[ids->rank] = size;
    return INGOT_OK;
}

/* ---- bind ---- */

typedef struct state state;
/* Row `id` of the table to y [size]. */
typedef void row_fn(float *y, const state *s, const void *table, size_t id);

struct state {
    row_fn *row;
    widen_f16_fn *widen; /* of f16 or bf16 */
    ingot_dtype dtype;
    const ig_q_format *format;
    size_t rows, size, n; /* of the table; tokens */
};

static float element(const void *p, ingot_dtype dtype, size_t i)
{
    if (dtype == INGOT_F32) return ((const float *)p)[i];
    const uint16_t h = ((const uint16_t *)p)[i];
    return dtype == INGOT_F16 ? ig_f16_to_f32(h) : ig_bf16_to_f32(h);
}

static void plain_row(float *y, const state *s, const void *table, size_t id)
{
    if (s->dtype == INGOT_F32)
        memcpy(y, (const float *)table + id * s->size, s->size * sizeof *y);
    else
        s->widen(y, (const uint16_t *)table + id * s->size, s->size);
}

static void turned_row(float *y, const state *s, const void *table, size_t id)
{
    for (size_t i = 0; i < s->size; i++) y[i] = element(table, s->dtype, i * s->rows + id);
}

/* A column of the panels: [panel][size][16], of bf16 [panel][size / 2][16][2]. */
static void packed_row(float *y, const state *s, const void *table, size_t id)
{
    const size_t lane = id % IG_PANEL;
    if (s->dtype == INGOT_BF16) {
        const size_t first = id / IG_PANEL * ig_gemm_even(s->size) * IG_PANEL;
        for (size_t i = 0; i < s->size; i++)
            y[i] = element(table, s->dtype, first + (i / 2 * IG_PANEL + lane) * 2 + i % 2);
        return;
    }
    const size_t first = id / IG_PANEL * s->size * IG_PANEL + lane;
    for (size_t i = 0; i < s->size; i++) y[i] = element(table, s->dtype, first + i * IG_PANEL);
}

static void low_row(float *y, const state *s, const void *table, size_t id)
{
    ig_q_row(y, table, s->format, s->size, id);
}

static ingot_status bind(ig_bind *b)
{
    const embed_attrs *a = b->attrs;
    const ig_type *t = b->in[TABLE];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    const bool packed = b->in_layout[TABLE] == IG_P16;
    if (b->in_layout[TABLE] != IG_PLAIN && (!packed || !a->turned || a->format))
        return ig_bind_fail(b, "a table in panels is [size, rows], turned = 1");
    s->dtype = t->dtype;
    s->format = a->format ? ig_q_format_named(a->format) : NULL;
    s->widen = t->dtype == INGOT_BF16 ? ig_widen_bf16() : ig_widen_f16();
    s->row = a->format ? low_row : packed ? packed_row : a->turned ? turned_row : plain_row;
    s->rows = (size_t)(a->format ? a->n : t->dims[a->turned ? 1 : 0]);
    s->size = (size_t)(a->format ? a->k : t->dims[a->turned ? 0 : 1]);
    s->n = ig_dims_product(b->in[IDS]->dims, 0, b->in[IDS]->rank);
    b->kernel = a->format ? "low" : packed ? "panels" : a->turned ? "columns" : "rows";
    return INGOT_OK;
}

/* ---- run ---- */

static void rows(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const ig_run *r = arg;
    const embed_attrs *a = r->attrs;
    const state *s = r->state;
    const float scale = (float)a->scale;
    float *y = (float *)r->out[0]->data + begin * s->size;
    for (size_t i = begin; i < end; i++, y += s->size) {
        s->row(y, s, r->in[TABLE]->data, (size_t)ig_index_at(r->in[IDS], i));
        for (size_t k = 0; scale != 1 && k < s->size; k++) y[k] *= scale;
    }
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    for (size_t i = 0; i < s->n; i++) {
        const int64_t id = ig_index_at(r->in[IDS], i);
        if (id < 0 || (uint64_t)id >= s->rows)
            return ig_run_fail(r, "id %zu is %lld, the table has %zu rows", i, (long long)id,
                               s->rows);
    }
    ig_parallel(r->pool, s->n, ig_grain_ns(IG_NS_BLOCK * (double)(s->size + 1)), 0, rows, r);
    return INGOT_OK;
}

const ig_op ig_op_embed = {
    .name = "embed",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED,
    .attrs = attrs,
    .attrs_bytes = sizeof(embed_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
