/* einsum.c - einsum equation="ij,jk->ik": sums of products over named dimensions.
 *
 * Inputs are joined from left to right. Joining A and B sorts the labels: batch (both, still
 * needed), left and right (one, needed), inner (both, not needed any more); labels that only one
 * has and nobody needs are summed while packing. Packed as A [batch, left, inner] and
 * B [batch, inner, right] it is a batched matrix product. Floats narrower than f64 are computed in
 * f32, integers in 64 bits. */
#include "kernels/gemm/gemm.h"
#include "runtime/ops/block.h"
#include "runtime/ops/einsum_parse.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    const char *equation;
} einsum_attrs;

static const ig_attr attrs[] = {
    IG_TEXT(einsum_attrs, equation, ""),
    {0},
};

/* ---- infer ---- */

static ingot_status label_sizes(ig_infer *c, const ig_einsum *e, int64_t *size)
{
    for (int l = 0; l < IG_EINSUM_LABELS; l++) size[l] = 1;
    for (uint32_t i = 0; i < c->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++) {
            int64_t *s = &size[e->in[i].label[d]];
            const int64_t dim = c->in[i]->dims[d];
            if (*s == 1 || (*s < 0 && dim > 1))
                *s = dim;
            else if (ig_dim_differ(*s, dim) && dim != 1)
                return ig_infer_fail(c, "dimension %d of input %u is %lld where another has %lld",
                                     d, i, (long long)dim, (long long)*s);
        }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const einsum_attrs *a = c->attrs;
    ig_type *out = &c->out[0];
    ig_einsum e;
    int ranks[IG_EINSUM_INPUTS] = {0};
    int64_t size[IG_EINSUM_LABELS];
    const char *why;
    out->rank = IG_RANK_UNKNOWN;
    out->dtype = c->in[0]->dtype;
    if (out->dtype != INGOT_NONE &&
        (ig_calc_of(out->dtype) == IG_CALC_NONE || out->dtype == INGOT_BOOL))
        return ig_infer_fail(c, "not defined for %s", ig_dtype(out->dtype)->name);
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!c->in[i]) return ig_infer_fail(c, "input %u is missing", i);
        if (c->in[i]->dtype != INGOT_NONE && c->in[i]->dtype != out->dtype)
            return ig_infer_fail(c, "input %u is %s, input 0 is %s", i,
                                 ig_dtype(c->in[i]->dtype)->name, ig_dtype(out->dtype)->name);
        if (c->in[i]->rank < 0) return INGOT_OK;
        if (i < IG_EINSUM_INPUTS) ranks[i] = c->in[i]->rank;
    }
    if (!ig_einsum_parse(&e, a->equation, ranks, c->n_in, &why))
        return ig_infer_fail(c, "equation \"%.80s\" has %s", a->equation, why);
    IG_TRY(label_sizes(c, &e, size));
    out->rank = e.out.rank;
    for (int d = 0; d < e.out.rank; d++) out->dims[d] = size[e.out.label[d]];
    return INGOT_OK;
}

/* ---- bind ---- */

/* A tensor by labels: which it has, and how far each steps. */
typedef struct {
    uint64_t has;
    int64_t stride[IG_EINSUM_LABELS];
} labelled;

/* Some labels with their sizes, in storage order. */
typedef struct {
    int n, label[IG_EINSUM_LABELS];
    size_t count;
} label_list;

typedef struct {
    labelled a, b;
    label_list batch, left, right, inner, fold_a, fold_b;
    size_t at_a, at_b, at_c; /* elements from the start of the scratch */
} join;

typedef struct {
    ig_calc calc;
    int64_t size[IG_EINSUM_LABELS];
    size_t n_joins, n_in;
    join *joins;
    size_t at_in[IG_EINSUM_INPUTS]; /* widened inputs; SIZE_MAX: used as they are */
    labelled last;                  /* what the joins leave, or input 0 */
    label_list out, fold;
    size_t at_panels, panel_elements, element_bytes;
    gemm_f32_fn *gemm;
    gemm_pack_f32_fn *pack;
} einsum_state;

#define BIT(label) (UINT64_C(1) << (label))

static bool push_labels(label_list *list, uint64_t mask, const int64_t *size)
{
    *list = (label_list){.count = 1};
    for (int l = 0; l < IG_EINSUM_LABELS; l++) {
        if (!(mask & BIT(l))) continue;
        list->label[list->n++] = l;
        if (!ig_mul_ok(list->count, (size_t)size[l], &list->count)) return false;
    }
    return true;
}

/* Strides of an input; repeated labels walk the diagonal, dimensions of size 1 are repeated. */
static labelled view_of(const ig_einsum_term *t, const ig_type *type)
{
    labelled v = {0};
    int64_t s = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        v.has |= BIT(t->label[d]);
        if (type->dims[d] != 1) v.stride[t->label[d]] += s;
        s *= type->dims[d];
    }
    return v;
}

/* The dense result of a join: batch, left, right. */
static labelled result_view(const join *j, const int64_t *size)
{
    const label_list *parts[] = {&j->right, &j->left, &j->batch};
    labelled v = {0};
    int64_t s = 1;
    for (size_t p = 0; p < IG_LEN(parts); p++)
        for (int i = parts[p]->n - 1; i >= 0; i--) {
            const int l = parts[p]->label[i];
            v.has |= BIT(l);
            v.stride[l] = s;
            s *= size[l];
        }
    return v;
}

static bool take(size_t *total, size_t count, size_t *at)
{
    *at = *total;
    return ig_add_ok(*total, count, total) && ig_add_ok(*total, 15, total) &&
           (*total &= ~(size_t)15, true);
}

static bool product(size_t a, size_t b, size_t c, size_t *out)
{
    return ig_mul_ok(a, b, out) && ig_mul_ok(*out, c, out);
}

static bool plan_join(einsum_state *s, join *j, uint64_t needed, size_t *total)
{
    const uint64_t a = j->a.has, b = j->b.has;
    size_t n_a, n_b, n_c, panels;
    if (!push_labels(&j->batch, a & b & needed, s->size) ||
        !push_labels(&j->inner, a & b & ~needed, s->size) ||
        !push_labels(&j->left, a & ~b & needed, s->size) ||
        !push_labels(&j->right, b & ~a & needed, s->size) ||
        !push_labels(&j->fold_a, a & ~b & ~needed, s->size) ||
        !push_labels(&j->fold_b, b & ~a & ~needed, s->size))
        return false;
    if (!product(j->batch.count, j->left.count, j->inner.count, &n_a) ||
        !product(j->batch.count, j->right.count, j->inner.count, &n_b) ||
        !product(j->batch.count, j->left.count, j->right.count, &n_c) ||
        !product(j->right.count + IG_PANEL, j->inner.count, 1, &panels))
        return false;
    s->panel_elements = IG_MAX(s->panel_elements, (panels + 15) & ~(size_t)15);
    return take(total, n_a, &j->at_a) && take(total, n_b, &j->at_b) && take(total, n_c, &j->at_c);
}

static bool plan_joins(einsum_state *s, const ig_einsum *e, const ig_bind *b, size_t *total)
{
    uint64_t out = 0;
    for (int d = 0; d < e->out.rank; d++) out |= BIT(e->out.label[d]);
    s->last = view_of(&e->in[0], b->in[0]);
    for (size_t i = 1; i < e->n; i++) {
        uint64_t needed = out;
        for (size_t k = i + 1; k < e->n; k++)
            for (int d = 0; d < e->in[k].rank; d++) needed |= BIT(e->in[k].label[d]);
        join *j = &s->joins[i - 1];
        j->a = s->last;
        j->b = view_of(&e->in[i], b->in[i]);
        if (!plan_join(s, j, needed, total)) return false;
        s->last = result_view(j, s->size);
    }
    s->out = (label_list){.n = e->out.rank, .count = 1};
    for (int d = 0; d < e->out.rank; d++) {
        s->out.label[d] = e->out.label[d];
        if (!ig_mul_ok(s->out.count, (size_t)s->size[e->out.label[d]], &s->out.count)) return false;
    }
    return push_labels(&s->fold, s->last.has & ~out, s->size);
}

static bool plan_scratch(einsum_state *s, const ig_einsum *e, ig_bind *b)
{
    size_t total = 0, panels;
    for (size_t i = 0; i < e->n; i++) {
        size_t n;
        s->at_in[i] = SIZE_MAX;
        if (ig_calc_dtype(s->calc) == b->in[i]->dtype) continue;
        if (!ig_type_elements(b->in[i], &n) || !take(&total, n, &s->at_in[i])) return false;
    }
    if (!plan_joins(s, e, b, &total)) return false;
    if (s->calc == IG_CALC_F32 && s->n_joins &&
        (!ig_mul_ok(s->panel_elements, b->n_threads, &panels) ||
         !take(&total, panels, &s->at_panels)))
        return false;
    return ig_mul_ok(total, s->element_bytes, &b->scratch_bytes);
}

static ingot_status bind(ig_bind *b)
{
    const einsum_attrs *a = b->attrs;
    einsum_state *s = ig_new(b->arena, einsum_state);
    join *joins = ig_new_n(b->arena, join, b->n_in);
    ig_einsum e;
    int ranks[IG_EINSUM_INPUTS] = {0};
    const char *why;
    if (!s || !joins) return ig_fail(b->err, INGOT_E_NOMEM, "einsum: no memory for a plan");
    for (uint32_t i = 0; i < b->n_in && i < IG_EINSUM_INPUTS; i++) ranks[i] = b->in[i]->rank;
    if (!ig_einsum_parse(&e, a->equation, ranks, b->n_in, &why))
        return ig_bind_fail(b, "equation \"%.80s\" has %s", a->equation, why);
    for (int l = 0; l < IG_EINSUM_LABELS; l++) s->size[l] = 1;
    for (uint32_t i = 0; i < b->n_in; i++)
        for (int d = 0; d < e.in[i].rank; d++)
            if (b->in[i]->dims[d] != 1) s->size[e.in[i].label[d]] = b->in[i]->dims[d];
    s->joins = joins;
    s->n_in = e.n, s->n_joins = e.n - 1;
    s->calc = ig_calc_of(b->in[0]->dtype);
    s->element_bytes = ig_dtype(ig_calc_dtype(s->calc))->bytes;
    s->gemm = ig_gemm_f32(), s->pack = ig_gemm_pack_f32();
    if (!plan_scratch(s, &e, b)) return ig_bind_fail(b, "the intermediate results are too large");
    b->state = s;
    return INGOT_OK;
}

/* ---- run ---- */

typedef struct {
    const einsum_state *s;
    const labelled *from;
    const label_list *lists[3]; /* order of the result's dimensions */
    const label_list *fold;
} pack_job;

/* Steps an odometer over the labels of a list; the offset follows. */
static void tick(const pack_job *p, const label_list *list, int64_t *index, int64_t *offset)
{
    for (int i = list->n - 1; i >= 0; i--) {
        const int l = list->label[i];
        *offset += p->from->stride[l];
        if (++index[i] < p->s->size[l]) return;
        *offset -= index[i] * p->from->stride[l];
        index[i] = 0;
    }
}

#define FOLD(type, sum_type)                                           \
    {                                                                  \
        sum_type sum = 0;                                              \
        for (size_t f = 0; f < p->fold->count; f++) {                  \
            sum = (sum_type)(sum + ((const type *)src)[at + fold_at]); \
            tick(p, p->fold, fold_index, &fold_at);                    \
        }                                                              \
        ((type *)dst)[n] = (type)sum;                                  \
    }                                                                  \
    break

/* Element n of dst: the sum of src from `at` over the folded labels. */
static void fold_one(const pack_job *p, void *dst, size_t n, const void *src, int64_t at)
{
    int64_t fold_index[IG_EINSUM_LABELS] = {0}, fold_at = 0;
    switch (p->s->calc) {
    case IG_CALC_F32:
        FOLD(float, double);
    case IG_CALC_F64:
        FOLD(double, double);
    default:
        FOLD(uint64_t, uint64_t);
    }
}

/* n elements of src, `stride` apart, to dst from element `at`. */
static void copy_run(const einsum_state *s, void *dst, size_t at, const void *src, int64_t from,
                     int64_t stride, size_t n)
{
    if (stride == 1) {
        memcpy((char *)dst + at * s->element_bytes,
               (const char *)src + (size_t)from * s->element_bytes, n * s->element_bytes);
        return;
    }
    if (s->element_bytes == sizeof(uint32_t))
        for (size_t i = 0; i < n; i++)
            ((uint32_t *)dst)[at + i] = ((const uint32_t *)src)[from + (int64_t)i * stride];
    else
        for (size_t i = 0; i < n; i++)
            ((uint64_t *)dst)[at + i] = ((const uint64_t *)src)[from + (int64_t)i * stride];
}

/* dst, dense in the order of the lists = src summed over the folded labels. */
static void pack(const pack_job *p, void *dst, const void *src)
{
    label_list all = {.count = 1};
    for (size_t k = 0; k < IG_LEN(p->lists); k++)
        for (int i = 0; p->lists[k] && i < p->lists[k]->n; i++) {
            all.label[all.n++] = p->lists[k]->label[i];
            all.count *= (size_t)p->s->size[p->lists[k]->label[i]];
        }
    int64_t index[IG_EINSUM_LABELS] = {0}, at = 0;
    const bool runs = p->fold->count == 1 && all.n > 0; /* of the last label */
    const int last = runs ? all.label[--all.n] : 0;
    const size_t run = runs ? (size_t)p->s->size[last] : 1;
    for (size_t n = 0; n < all.count; n += run) {
        if (runs)
            copy_run(p->s, dst, n, src, at, p->from->stride[last], run);
        else
            fold_one(p, dst, n, src, at);
        tick(p, &all, index, &at);
    }
}

typedef struct {
    const einsum_state *s;
    const join *j;
    char *scratch;
} join_job;

static void *element(const join_job *w, size_t at) { return w->scratch + at * w->s->element_bytes; }

static void multiply_f32(const join_job *w, size_t batch, size_t m0, size_t m1, size_t worker)
{
    const join *j = w->j;
    const size_t rows = j->left.count, cols = j->right.count, inner = j->inner.count;
    float *panels = element(w, w->s->at_panels + worker * w->s->panel_elements);
    const float *b = (const float *)element(w, j->at_b) + batch * inner * cols;
    const ig_gemm_f32_args g = {
        .c = (float *)element(w, j->at_c) + batch * rows * cols,
        .a = (const float *)element(w, j->at_a) + batch * rows * inner,
        .b = panels,
        .ldc = cols,
        .lda = inner,
        .n = cols,
        .k = inner,
    };
    w->s->pack(panels, b, inner, cols, cols, 1, 0, ig_gemm_panels(cols));
    w->s->gemm(&g, m0, m1, 0, ig_gemm_panels(cols));
}

#define MULTIPLY(type)                                                     \
    {                                                                      \
        const type *a = element(w, j->at_a), *b = element(w, j->at_b);     \
        type *c = element(w, j->at_c);                                     \
        a += batch * rows * inner, b += batch * inner * cols;              \
        c += batch * rows * cols;                                          \
        for (size_t m = m0; m < m1; m++) {                                 \
            for (size_t n = 0; n < cols; n++) c[m * cols + n] = 0;         \
            for (size_t k = 0; k < inner; k++)                             \
                for (size_t n = 0; n < cols; n++)                          \
                    c[m * cols + n] += a[m * inner + k] * b[k * cols + n]; \
        }                                                                  \
    }

/* Items are rows of all batches; a range may hold parts of several. */
static void multiply(void *arg, size_t begin, size_t end, size_t worker)
{
    const join_job *w = arg;
    const join *j = w->j;
    const size_t rows = j->left.count, cols = j->right.count, inner = j->inner.count;
    for (size_t at = begin, m1; at < end; at += m1 - at % rows) {
        const size_t batch = at / rows, m0 = at % rows;
        m1 = IG_MIN(rows, m0 + (end - at));
        if (w->s->calc == IG_CALC_F32)
            multiply_f32(w, batch, m0, m1, worker);
        else if (w->s->calc == IG_CALC_F64)
            MULTIPLY(double)
        else
            MULTIPLY(uint64_t)
    }
}

static void run_join(const einsum_state *s, const join *j, const void *a, const void *b,
                     char *scratch, ig_pool *pool)
{
    join_job w = {s, j, scratch};
    const pack_job pack_a = {s, &j->a, {&j->batch, &j->left, &j->inner}, &j->fold_a};
    const pack_job pack_b = {s, &j->b, {&j->batch, &j->inner, &j->right}, &j->fold_b};
    const size_t rows = j->batch.count * j->left.count;
    const size_t each = IG_MAX((size_t)1, j->inner.count * j->right.count);
    pack(&pack_a, element(&w, j->at_a), a);
    pack(&pack_b, element(&w, j->at_b), b);
    if (rows) ig_parallel(pool, rows, IG_MAX((size_t)1, 4 * IG_GRAIN / each), 0, multiply, &w);
}

/* Input i in the computing type: as it is, or widened into the scratch. */
static const void *input(const einsum_state *s, const ig_run *r, size_t i)
{
    if (s->at_in[i] == SIZE_MAX) return r->in[i]->data;
    char *to = (char *)r->scratch + s->at_in[i] * s->element_bytes;
    const size_t n = ig_tensor_elements(r->in[i]);
    ig_block block;
    for (size_t at = 0; at < n; at += IG_BLOCK) {
        const size_t m = IG_MIN(n - at, (size_t)IG_BLOCK);
        ig_load(&block, s->calc, r->in[i]->data, r->in[i]->dtype, at, m);
        memcpy(to + at * s->element_bytes, &block, m * s->element_bytes);
    }
    return to;
}

static ingot_status run(ig_run *r)
{
    const einsum_state *s = r->state;
    const ingot_dtype dtype = r->out[0]->dtype;
    const void *last = input(s, r, 0);
    for (size_t i = 0; i < s->n_joins; i++) {
        const join *j = &s->joins[i];
        if (ig_run_cancelled(r)) return ig_fail(r->err, INGOT_E_CANCELLED, "einsum: cancelled");
        run_join(s, j, last, input(s, r, i + 1), r->scratch, r->pool);
        last = (char *)r->scratch + j->at_c * s->element_bytes;
    }
    const pack_job to_out = {s, &s->last, {&s->out}, &s->fold};
    if (ig_calc_dtype(s->calc) == dtype) {
        pack(&to_out, r->out[0]->data, last);
        return INGOT_OK;
    }
    /* narrower types: rows of the result, one after another, by way of the block */
    for (size_t at = 0; at < s->out.count; at++) {
        ig_block block;
        int64_t offset = 0;
        size_t rest = at;
        for (int i = s->out.n - 1; i >= 0; i--) {
            const int l = s->out.label[i];
            offset += (int64_t)(rest % (size_t)s->size[l]) * s->last.stride[l];
            rest /= (size_t)s->size[l];
        }
        const pack_job one = {s, &s->last, {NULL}, &s->fold};
        pack(&one, &block, (const char *)last + (size_t)offset * s->element_bytes);
        ig_store(r->out[0]->data, dtype, at, &block, s->calc, 1);
    }
    return INGOT_OK;
}

/* Each join multiplies and adds over all its labels. */
static void cost(ig_cost *out, const ig_bind *b)
{
    const einsum_state *s = b->state;
    if (!s) return; /* a step that is bound when it runs */
    *out = (ig_cost){.bytes = (double)s->out.count * (double)s->element_bytes};
    for (size_t i = 0; i < s->n_in; i++) {
        size_t n;
        if (ig_type_bytes(b->in[i], &n)) out->bytes += (double)n;
    }
    for (size_t i = 0; i < s->n_joins; i++) {
        const join *j = &s->joins[i];
        out->flops += 2.0 * (double)j->batch.count * (double)j->left.count *
                      (double)j->inner.count * (double)j->right.count;
    }
}

const ig_op ig_op_einsum = {
    .name = "einsum",
    .min_in = 1,
    .max_in = IG_EINSUM_INPUTS,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(einsum_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
