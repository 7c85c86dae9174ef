/* embed.c - rows of a table of vectors, in f32. A table that is turned, in panels or of few bits is
 * a constant and is brought into the form in which a product reads the same bytes when the node is
 * bound, so that a tied table is there once. An id outside the table ends the run. */
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_rows_cuda.h"
#include "runtime/device/cuda/ops/low_bit.h"
#include "runtime/graph/op.h"

#include <stdio.h>
#include <string.h>

enum { IDS, TABLE };

typedef struct {
    cu_embed_args args;
    cu_q_rows_args low; /* a table of few bits */
    bool is_low;
    void *packed;
} embed_state;

/* [size, rows], plain or in panels of 16 rows (bf16 in pairs along size), to [rows, size]. */
typedef struct {
    const char *table;
    size_t rows, size, each;
    bool panels, pairs;
} turned;

static ingot_status fill_rows(const void *ud, void *dst, ingot_error *err)
{
    const turned *t = ud;
    char *to = dst;
    (void)err;
    for (size_t r = 0; r < t->rows; r++)
        for (size_t i = 0; i < t->size; i++, to += t->each) {
            const size_t lane = r % IG_PANEL, panel = r / IG_PANEL;
            size_t at = i * t->rows + r;
            if (t->panels) at = (panel * t->size + i) * IG_PANEL + lane;
            if (t->pairs)
                at = panel * ((t->size + 1) / 2 * 2) * IG_PANEL + (i / 2 * IG_PANEL + lane) * 2 +
                     i % 2;
            memcpy(to, t->table + at * t->each, t->each);
        }
    return INGOT_OK;
}

static ingot_status pack(ig_device *d, ig_device_bind *b, embed_state *s)
{
    const ig_type *t = b->in[TABLE];
    const bool panels = b->in_layout[TABLE] == IG_P16;
    const turned from = {.table = b->known[TABLE] ? b->known[TABLE]->data : NULL,
                         .rows = (size_t)s->args.rows,
                         .size = (size_t)s->args.size,
                         .each = ig_dtype(t->dtype)->bytes,
                         .panels = panels,
                         .pairs = panels && t->dtype == INGOT_BF16};
    char form[32];
    size_t bytes;
    if (!from.table) return IG_CU_DECLINE(b, "a turned table that is no constant");
    if (!ig_mul_ok(from.rows, from.size * from.each, &bytes))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    /* a product pads its rows to 8 elements */
    snprintf(form, sizeof form, from.size % 8 ? "%s rows" : "%s [n, k]", ig_dtype(t->dtype)->name);
    b->taken |= UINT64_C(1) << TABLE;
    return ig_cu_pack(d, b->known[TABLE]->data, form, bytes, fill_rows, &from, &s->packed, b->err);
}

static ingot_status bind_low(ig_device *d, ig_device_bind *b, embed_state *s)
{
    const ig_cu_low_weights spec = {.format = ig_q_format_named(ig_cu_text(b, "format")),
                                    .n = (size_t)ig_cu_int(b, "n"),
                                    .k = (size_t)ig_cu_int(b, "k"),
                                    .matrices = 1};
    s->is_low = true;
    s->args.rows = (int64_t)spec.n;
    s->low = (cu_q_rows_args){.n = ig_cu_elements(b->in[IDS]),
                              .size = (int64_t)spec.k,
                              .rows = (int64_t)spec.n,
                              .scale = (float)ig_cu_float(b, "scale")};
    int64_t units;
    if (!spec.format || !ig_cu_indices(&s->low.id, b->in[IDS]->dtype) ||
        !ig_mul_ok(s->low.n, s->low.size / 16 + 4, &units) || units > CU_MOST ||
        ig_cu_elements(b->out[0]) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = spec.format->bits == 4 ? "embed 4 bits" : "embed 8 bits";
    return ig_cu_low_take(&s->packed, &s->low.w, d, b, TABLE, &spec);
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    const ig_type *t = b->in[TABLE];
    const bool is_turned = ig_cu_int(b, "turned") != 0;
    embed_state *s = IG_CU_STATE(b, embed_state);
    if (!s) return INGOT_E_NOMEM;
    if (ig_cu_text(b, "format")) return bind_low(d, b, s);
    s->args = (cu_embed_args){.table_type = t->dtype == INGOT_F32   ? CU_TABLE_F32
                                            : t->dtype == INGOT_F16 ? CU_TABLE_F16
                                                                    : CU_TABLE_BF16,
                              .n = ig_cu_elements(b->in[IDS]),
                              .size = t->dims[is_turned ? 0 : 1],
                              .rows = t->dims[is_turned ? 1 : 0],
                              .scale = (float)ig_cu_float(b, "scale")};
    if (ig_cu_elements(b->out[0]) > CU_MOST || !ig_cu_indices(&s->args.id, b->in[IDS]->dtype))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "embed";
    return is_turned || b->in_layout[TABLE] != IG_PLAIN ? pack(d, b, s) : INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const embed_state *s = r->state;
    if (s->is_low) {
        cu_q_rows_args low = s->low;
        low.to = r->out[0];
        low.id.p = r->in[IDS];
        low.fault = ig_cu_fault(stream);
        return ig_cu_done(stream, r, cu_q_rows(&low, ig_cu_stream(stream)));
    }
    cu_embed_args a = s->args;
    a.to = r->out[0];
    a.table = s->packed ? s->packed : r->in[TABLE];
    a.id.p = r->in[IDS];
    a.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_embed(&a, ig_cu_stream(stream)));
}

static ingot_status refuse(const ig_node *node, const void *state, const cu_fault *f,
                           ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "id %lld is %lld, the table has %lld rows",
                        (long long)f->at, (long long)f->value,
                        (long long)((const embed_state *)state)->args.rows);
}

static void unbind(ig_device *d, void *state)
{
    const embed_state *s = state;
    if (s && s->packed) ig_cu_unpack(d, s->packed);
}

const ig_cu_op ig_cu_op_embed = {
    .name = "embed", .bind = bind, .launch = launch, .unbind = unbind, .refuse = refuse};
