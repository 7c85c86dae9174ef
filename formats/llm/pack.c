/* pack.c - lazy constants made of a checkpoint's rows; see weights.h.
 *
 * Every packed layout of ours is a sequence of panels of 16 rows of W, so one loop serves them all:
 * gather 16 rows as f32 (16 bits travel through f32 without loss), then pack them as floats or as
 * few bits. Scratch is 16 rows, whatever the weight's size. */
#include "formats/llm/weights.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/glu.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <math.h>
#include <string.h>

/* What fill is given; lies in the graph's arena. */
typedef struct {
    ig_heap *heap;
    const ig_rows
        *parts; /* product: all of them; gated: gate and up of each expert; else one each */
    size_t n_parts, n_experts;
    bool gated, plain;
    ingot_dtype dtype;         /* of floats */
    const ig_q_format *format; /* or NULL */
    size_t n, k;               /* of one expert's W */
    size_t panels, panel_bytes;
} job;

/* ---- rows ---- */

/* The row of a part that is row r of expert e's packed W; NULL: padding. */
static const ig_rows *find_row(const job *j, size_t e, size_t r, size_t *row)
{
    *row = r;
    if (j->gated) {
        const size_t half = r % IG_PANEL / IG_GLU_COLS;
        *row = r / IG_PANEL * IG_GLU_COLS + r % IG_GLU_COLS;
        return *row < j->n ? &j->parts[2 * e + !half] : NULL;
    }
    if (j->n_experts) return r < j->n ? &j->parts[e] : NULL;
    for (size_t p = 0; p < j->n_parts; p++) {
        if (*row < ig_rows_n(&j->parts[p])) return &j->parts[p];
        *row -= ig_rows_n(&j->parts[p]);
    }
    return NULL;
}

static ingot_status check_finite(const ig_rows *r, const float *w, size_t k, float limit,
                                 const char *type, ingot_error *err)
{
    for (size_t i = 0; i < k; i++)
        if (!(fabsf(w[i]) < limit))
            return ig_fail(err, INGOT_E_DATA, "tensor '%.120s' holds %g, which %s cannot hold",
                           r->tensor->name, (double)w[i], type);
    return INGOT_OK;
}

/* What half precision would round to infinity; values that are not finite already stay. */
static ingot_status check_half(const ig_rows *r, const float *w, size_t k, ingot_error *err)
{
    for (size_t i = 0; i < k; i++)
        if (isfinite(w[i]) && fabsf(w[i]) >= 65520)
            return check_finite(r, w + i, 1, 65520, "f16", err);
    return INGOT_OK;
}

/* ---- floats ---- */

static void narrow(void *to, const float *from, size_t n, ingot_dtype dtype)
{
    uint16_t *half = to;
    if (dtype == INGOT_F32) memcpy(to, from, n * sizeof *from);
    if (dtype == INGOT_F16)
        for (size_t i = 0; i < n; i++) half[i] = ig_f32_to_f16(from[i]);
    if (dtype == INGOT_BF16)
        for (size_t i = 0; i < n; i++) half[i] = ig_f32_to_bf16(from[i]);
}

static ingot_status read_float_row(void *to, float *wide, const job *j, size_t e, size_t r,
                                   ingot_error *err)
{
    size_t row;
    const ig_rows *from = find_row(j, e, r, &row);
    if (from) {
        IG_TRY(ig_rows_read(wide, from, row, err));
        if (j->dtype == INGOT_F16) IG_TRY(check_half(from, wide, j->k, err));
    } else {
        memset(wide, 0, j->k * sizeof *wide);
    }
    narrow(to, wide, j->k, j->dtype);
    return INGOT_OK;
}

static void pack_floats(void *panel, const void *rows, const job *j)
{
    if (j->dtype == INGOT_F32)
        ig_gemm_pack_f32()(panel, rows, j->k, IG_PANEL, 1, j->k, 0, 1);
    else if (j->dtype == INGOT_F16)
        ig_gemm_pack_f16()(panel, rows, j->k, IG_PANEL, 1, j->k, 0, 1);
    else
        ig_gemm_pack_bf16()(panel, rows, j->k, IG_PANEL, 1, j->k, 0, 1);
}

static ingot_status fill_floats(const job *j, unsigned char *to, ig_arena *a, ingot_error *err)
{
    const size_t experts = j->n_experts ? j->n_experts : 1;
    const size_t row_bytes = j->k * ig_dtype(j->dtype)->bytes;
    float *wide = ig_new_n(a, float, j->k);
    unsigned char *rows = ig_arena_array(a, IG_PANEL, row_bytes);
    if (!wide || !rows) return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
    for (size_t p = 0; p < experts * j->panels; p++, to += j->panel_bytes) {
        const size_t first = p % j->panels * IG_PANEL;
        for (size_t i = 0; i < IG_PANEL; i++)
            IG_TRY(read_float_row(rows + i * row_bytes, wide, j, p / j->panels, first + i, err));
        pack_floats(to, rows, j);
    }
    return INGOT_OK;
}

static ingot_status fill_plain(const job *j, unsigned char *to, ig_arena *a, ingot_error *err)
{
    const size_t row_bytes = j->k * ig_dtype(j->dtype)->bytes;
    float *wide = ig_new_n(a, float, j->k);
    if (!wide) return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
    for (size_t r = 0; r < j->n; r++)
        IG_TRY(read_float_row(to + r * row_bytes, wide, j, 0, r, err));
    return INGOT_OK;
}

/* ---- few bits ---- */

/* Sixteen rows, taken apart. */
typedef struct {
    float *wide;
    ig_split all;
    size_t group, groups, scales; /* of a row */
} low_scratch;

static bool low_open(low_scratch *s, const job *j, ig_arena *a)
{
    s->group = j->format->group ? j->format->group : IG_MAX(j->k, (size_t)1);
    s->groups = j->k ? (j->k - 1) / s->group + 1 : 1;
    s->scales = j->format->scale_bytes == IG_Q_TWO_LEVELS ? (j->k + IG_Q_SUPER - 1) / IG_Q_SUPER
                                                          : s->groups;
    s->wide = ig_new_n(a, float, j->k);
    s->all.q = ig_arena_array(a, IG_Q_PANEL, j->k);
    s->all.scale = ig_arena_array(a, IG_Q_PANEL, s->scales * sizeof(float));
    s->all.offset = ig_arena_array(a, IG_Q_PANEL, s->scales * sizeof(float));
    s->all.s = ig_arena_array(a, IG_Q_PANEL, s->groups);
    s->all.t = ig_arena_array(a, IG_Q_PANEL, s->groups);
    return s->wide && s->all.q && s->all.scale && s->all.offset && s->all.s && s->all.t;
}

/* Row i of the sixteen. */
static ig_split row_of(const low_scratch *s, const job *j, size_t i)
{
    return (ig_split){s->all.q + i * j->k, s->all.scale + i * s->scales,
                      s->all.offset + i * s->scales, s->all.s + i * s->groups,
                      s->all.t + i * s->groups};
}

static ingot_status round_row(low_scratch *s, const job *j, const ig_split *to, const ig_rows *from,
                              size_t row, ingot_error *err)
{
    IG_TRY(ig_rows_read(s->wide, from, row, err));
    IG_TRY(check_finite(from, s->wide, j->k, INFINITY, j->format->name, err));
    for (size_t g = 0; g < s->groups; g++) {
        const size_t first = g * s->group, n = IG_MIN(s->group, j->k - first);
        ig_q_quantise(to->q + first, &to->scale[g], &to->offset[g], j->format, s->wide + first, n,
                      1);
    }
    return INGOT_OK;
}

static ingot_status read_low_row(low_scratch *s, const job *j, size_t e, size_t i, size_t r,
                                 ingot_error *err)
{
    const ig_split to = row_of(s, j, i);
    size_t row;
    const ig_rows *from = find_row(j, e, r, &row);
    if (!from) {
        memset(to.q, 0, j->k);
        memset(to.scale, 0, s->scales * sizeof *to.scale);
        memset(to.offset, 0, s->scales * sizeof *to.offset);
        return INGOT_OK;
    }
    return ig_rows_splits(from, j->format) ? ig_rows_split(&to, from, j->format, row, err)
                                           : round_row(s, j, &to, from, row, err);
}

static ingot_status fill_low(const job *j, unsigned char *to, ig_arena *a, ingot_error *err)
{
    const size_t experts = j->n_experts ? j->n_experts : 1;
    low_scratch s;
    if (!low_open(&s, j, a)) return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
    const ig_q_source from = {.q = s.all.q,
                              .q_n = j->k,
                              .q_k = 1,
                              .scale = s.all.scale,
                              .scale_n = s.scales,
                              .scale_g = 1,
                              .offset = s.all.offset,
                              .offset_n = s.scales,
                              .offset_g = 1,
                              .s = s.all.s,
                              .t = s.all.t,
                              .sub_n = s.groups,
                              .sub_g = 1};
    for (size_t p = 0; p < experts * j->panels; p++, to += j->panel_bytes) {
        const size_t first = p % j->panels * IG_Q_PANEL;
        for (size_t i = 0; i < IG_Q_PANEL; i++)
            IG_TRY(read_low_row(&s, j, p / j->panels, i, first + i, err));
        ig_q_pack(to, j->format, &from, IG_Q_PANEL, j->k, 0, 1);
    }
    return INGOT_OK;
}

static ingot_status fill(const void *ud, void *dst, ingot_error *err)
{
    const job *j = ud;
    ig_arena a;
    ig_arena_init(&a, j->heap);
    const ingot_status s = j->format  ? fill_low(j, dst, &a, err)
                           : j->plain ? fill_plain(j, dst, &a, err)
                                      : fill_floats(j, dst, &a, err);
    ig_arena_clear(&a);
    return s;
}

/* ---- which type ---- */

bool ig_weight_same(const ig_rows *parts, size_t n_parts)
{
    for (size_t p = 1; p < n_parts; p++)
        if (parts[p].tensor->type != parts[0].tensor->type) return false;
    return true;
}

static void keep_type(job *j)
{
    const ig_stored_type *t = j->parts[0].tensor->type;
    const bool same = ig_weight_same(j->parts, j->n_parts);
    bool any_low = false;
    for (size_t p = 0; p < j->n_parts; p++) any_low |= j->parts[p].tensor->type->format != NULL;
    j->dtype = same && !t->format ? t->dtype : INGOT_F32;
    if (any_low) j->format = ig_q_format_named(same ? t->format : "i8g32");
}

static void choose_type(job *j, ig_weight_target target, ig_weight_role role)
{
    static const ingot_dtype floats[] = {
        [IG_TO_F32] = INGOT_F32, [IG_TO_F16] = INGOT_F16, [IG_TO_BF16] = INGOT_BF16};
    keep_type(j);
    if (target == IG_TO_F32 || target == IG_TO_F16 || target == IG_TO_BF16) {
        j->dtype = floats[target];
        j->format = NULL;
    } else if (role == IG_ROLE_EXACT) {
        j->format = NULL;
    } else if (target == IG_TO_Q8 || target == IG_TO_Q4) {
        const bool four = target == IG_TO_Q4 && role == IG_ROLE_PRODUCT;
        j->format = ig_q_format_named(four ? "i4g32" : "i8g32");
    } else if (role == IG_ROLE_PRODUCT && (target == IG_TO_F8 || target == IG_TO_F8_BLOCKS)) {
        j->format = ig_q_format_named(target == IG_TO_F8 ? "f8c" : "f8g128");
    }
}

/* ---- constants ---- */

static ingot_status check_parts(const job *j, ingot_error *err)
{
    for (size_t p = 0; p < j->n_parts; p++) {
        const ig_rows *r = &j->parts[p];
        if (ig_rows_k(r) != j->k)
            return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s' has %zu columns, '%.60s' %zu",
                           r->tensor->name, ig_rows_k(r), j->parts[0].tensor->name, j->k);
        if ((r->turned || r->tensor->rank == 1) && r->tensor->type->block != 1)
            return ig_fail(err, INGOT_E_UNSUPPORTED, "tensor '%.120s' is %s, which has no columns",
                           r->tensor->name, r->tensor->type->name);
    }
    return INGOT_OK;
}

/* Type and layout of the constant; false: it does not fit. */
static bool shape(job *j, ig_type *type, ig_layout *layout)
{
    const size_t rows = j->gated ? ig_glu_panels(j->n) * IG_PANEL : j->n;
    int64_t dims[3] = {(int64_t)j->n_experts, (int64_t)j->k, (int64_t)rows};
    ingot_dtype dtype = j->dtype;
    ig_q_layout l;
    j->panels = ig_gemm_panels(rows);
    *layout = j->plain || j->format ? IG_PLAIN : IG_P16;
    if (j->format) {
        if (!ig_q_layout_of(&l, j->format, j->k)) return false;
        j->panel_bytes = l.panel_bytes;
        dims[1] = (int64_t)j->panels;
        dims[2] = (int64_t)l.panel_bytes;
        dtype = INGOT_U8;
    } else if (j->plain) {
        dims[1] = (int64_t)j->n;
        dims[2] = (int64_t)j->k;
    } else {
        const size_t k = j->dtype == INGOT_BF16 ? ig_gemm_even(j->k) : j->k;
        if (!ig_mul_ok(k, IG_PANEL * ig_dtype(j->dtype)->bytes, &j->panel_bytes)) return false;
    }
    *type = ig_type_tensor(dtype, j->n_experts ? 3 : 2, dims + !j->n_experts);
    return true;
}

static ingot_status make(ig_weight *w, job *j, const ig_weights *c, ig_weight_role role,
                         ingot_error *err)
{
    const char *name = j->parts[0].tensor->name;
    ig_type type;
    ig_layout layout;
    j->heap = c->heap;
    j->k = ig_rows_k(&j->parts[0]);
    IG_TRY(check_parts(j, err));
    choose_type(j, c->target, role);
    job *kept = NULL;
    if (shape(j, &type, &layout)) {
        j->parts = ig_arena_copy(&c->graph->arena, j->parts, j->n_parts * sizeof *j->parts);
        kept = ig_arena_copy(&c->graph->arena, j, sizeof *j);
    }
    w->id = kept && kept->parts
                ? ig_graph_lazy(c->graph, name, &type, layout, &(ig_fill){.fn = fill, .ud = kept})
                : IG_NO_VALUE;
    w->format = j->format;
    w->n = j->n;
    w->k = j->k;
    return w->id != IG_NO_VALUE
               ? INGOT_OK
               : ig_fail(err, INGOT_E_NOMEM, "weight '%.120s': too large, or no memory", name);
}

ingot_status ig_weight_product(ig_weight *w, const ig_weights *c, ig_weight_role role,
                               const ig_rows *parts, size_t n_parts, ingot_error *err)
{
    job j = {.parts = parts, .n_parts = n_parts};
    for (size_t p = 0; p < n_parts; p++) j.n += ig_rows_n(&parts[p]);
    return make(w, &j, c, role, err);
}

ingot_status ig_weight_gated(ig_weight *w, const ig_weights *c, const ig_rows *gate,
                             const ig_rows *up, ingot_error *err)
{
    const ig_rows parts[] = {*gate, *up};
    job j = {.parts = parts, .n_parts = 2, .n = ig_rows_n(gate), .gated = true};
    return make(w, &j, c, IG_ROLE_PRODUCT, err);
}

ingot_status ig_weight_experts(ig_weight *w, const ig_weights *c, const ig_rows *gate,
                               const ig_rows *up, size_t n_experts, ingot_error *err)
{
    const size_t each = up ? 2 : 1;
    ig_rows *parts = ig_new_n(&c->graph->arena, ig_rows, each * n_experts);
    if (!parts) return ig_fail(err, INGOT_E_NOMEM, "experts: no memory");
    for (size_t e = 0; e < n_experts; e++) {
        parts[each * e] = gate[e];
        if (up) parts[each * e + 1] = up[e];
    }
    job j = {.parts = parts,
             .n_parts = each * n_experts,
             .n_experts = n_experts,
             .gated = up != NULL,
             .n = ig_rows_n(&gate[0])};
    return make(w, &j, c, IG_ROLE_PRODUCT, err);
}

ingot_status ig_weight_table(ig_weight *w, const ig_weights *c, ig_weight_role role,
                             const ig_rows *rows, ingot_error *err)
{
    job j = {.parts = rows, .n_parts = 1, .n = ig_rows_n(rows), .plain = true};
    return make(w, &j, c, role, err);
}

ingot_status ig_weight_vector(ig_id *id, const ig_weights *c, const ig_rows *parts, size_t n_parts,
                              float add, bool gated, ingot_error *err)
{
    job j = {.parts = parts, .n_parts = n_parts, .gated = gated, .k = 1};
    for (size_t p = 0; p < n_parts; p++) j.n += ig_rows_n(&parts[p]);
    if (gated) j.n /= 2;
    IG_TRY(check_parts(&j, err));
    const size_t n = gated ? ig_glu_panels(j.n) * IG_PANEL : j.n;
    float *v = ig_new_n(&c->graph->arena, float, n);
    if (!v) return ig_fail(err, INGOT_E_NOMEM, "weights: no memory");
    for (size_t i = 0; i < n; i++) {
        size_t row;
        const ig_rows *from = find_row(&j, 0, i, &row);
        if (from) IG_TRY(ig_rows_read(v + i, from, row, err));
        v[i] += from ? add : 0;
    }
    *id = ig_graph_const(c->graph, parts[0].tensor->name, INGOT_F32, 1, &(int64_t){(int64_t)n}, v);
    return *id != IG_NO_VALUE ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "weights: no memory");
}
