/* einsum.c - sums of products over named dimensions on the device; see runtime/ops/einsum.c.
 *
 * As on the CPU inputs are joined from left to right, each join a batched matrix product of
 * A [batch, left, inner] and B [batch, inner, right]. An operand that lies so in memory, or with
 * its matrices turned, is multiplied where it is, and a constant one packed as the weights of a
 * matmul are; others are copied into that order by a kernel in front, summed over labels that
 * nobody needs. A join of two inputs of 16 bits multiplies them as they are; where more happens to
 * them they are widened to f32 first, so that results are rounded once. */
#include "kernels/convert/convert_cuda.h"
#include "kernels/copy/copy_cuda.h"
#include "kernels/gemm/gemm_any_cuda.h"
#include "kernels/reduce/reduce_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/ops/product.h"
#include "runtime/ops/einsum_parse.h"

#include <string.h>

#define BIT(label) (UINT64_C(1) << (label))

/* A tensor by labels: which it has, how far each steps. */
typedef struct {
    uint64_t has;
    int64_t stride[IG_EINSUM_LABELS];
} view;

/* Some labels of more than one element, outermost first. */
typedef struct {
    int n, label[IG_EINSUM_LABELS];
    int64_t count;
} labels;

/* Where a launch finds a tensor. */
typedef struct {
    enum { INPUT, SCRATCH, OUTPUT } in;
    uint32_t input;
    size_t at;
} place;

typedef struct {
    enum { MOVE, SUM, CAST, PRODUCT, ANY } kind;
    place x, w, y; /* w: the right operand of a product */
    place part;    /* of a sum */
    union {
        cu_move_args move;
        cu_reduce_args sum;
        cu_cast_args cast;
        ig_cu_product product;
        cu_gemm_any_args any;
    };
} step;

typedef struct {
    step *steps;
    size_t n;
} einsum_state;

typedef struct {
    ig_device *d;
    ig_device_bind *b;
    einsum_state *s;
    ingot_dtype dtype; /* that is computed with */
    int64_t size[IG_EINSUM_LABELS];
} builder;

#define TRY_BIND(b, call)                             \
    do {                                              \
        const ingot_status status_ = (call);          \
        if (status_ || (b)->declined) return status_; \
    } while (0)

static ingot_status too_large(const builder *e) { return IG_CU_DECLINE(e->b, IG_CU_TOO_LARGE); }

/* ---- labels ---- */

/* The labels of a mask in the order that `by` has them in memory. */
static bool pick_labels(labels *list, const builder *e, uint64_t mask, const view *by)
{
    *list = (labels){.count = 1};
    for (int l = 0; l < IG_EINSUM_LABELS; l++) {
        if (!(mask & BIT(l)) || e->size[l] == 1) continue;
        if (!ig_mul_ok(list->count, e->size[l], &list->count) || list->count > CU_MOST)
            return false;
        int at = list->n++;
        for (; at > 0 && by->stride[list->label[at - 1]] < by->stride[l]; at--)
            list->label[at] = list->label[at - 1];
        list->label[at] = l;
    }
    return true;
}

/* Strides of an input; repeated labels walk the diagonal, dimensions of size 1 are repeated. */
static view view_of(const ig_einsum_term *t, const ig_type *type)
{
    view v = {0};
    int64_t s = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        v.has |= BIT(t->label[d]);
        if (type->dims[d] != 1) v.stride[t->label[d]] += s;
        s *= type->dims[d];
    }
    return v;
}

/* Strides of a dense tensor with the labels of these lists. */
static view dense_view(const builder *e, const labels *const *lists, int n)
{
    view v = {0};
    int64_t s = 1;
    for (int k = n - 1; k >= 0; k--)
        for (int i = lists[k]->n - 1; i >= 0; i--) {
            const int l = lists[k]->label[i];
            v.has |= BIT(l);
            v.stride[l] = s;
            s *= e->size[l];
        }
    return v;
}

static bool lies_so(const builder *e, const view *v, const labels *const *lists, int n)
{
    const view dense = dense_view(e, lists, n);
    for (int l = 0; l < IG_EINSUM_LABELS; l++)
        if (dense.has & BIT(l) && v->stride[l] != dense.stride[l]) return false;
    return true;
}

/* ---- steps ---- */

static step *add_step(builder *e, int kind, place x, place y)
{
    step *s = &e->s->steps[e->s->n++];
    *s = (step){.kind = kind, .x = x, .y = y};
    return s;
}

static bool take(const builder *e, int64_t n, size_t each, place *p)
{
    *p = (place){.in = SCRATCH};
    return ig_cu_room(e->b, n, each, &p->at);
}

/* operand 0 of the walk: `to`, dense in the order of the lists; operand 1, or the only one: `from`
 */
static bool walk_lists(const builder *e, cu_walk *w, const view *from, const labels *const *lists,
                       int n, bool both)
{
    const view to = dense_view(e, lists, n);
    cu_walk_begin(w, both ? 2 : 1);
    for (int k = n - 1; k >= 0; k--)
        for (int i = lists[k]->n - 1; i >= 0; i--) {
            const int l = lists[k]->label[i];
            const int64_t steps[2] = {both ? to.stride[l] : from->stride[l], from->stride[l]};
            if (!cu_walk_dim(w, e->size[l], steps)) return false;
        }
    return true;
}

/* y, dense in the order of the lists = x summed over the labels of `fold`. */
static ingot_status add_pack(builder *e, const view *v, place x, const labels *const *lists, int n,
                             const labels *fold, place y)
{
    if (fold->count == 1) {
        step *s = add_step(e, MOVE, x, y);
        s->move.bytes = ig_cu_bytes(e->dtype);
        return walk_lists(e, &s->move.walk, v, lists, n, true) ? INGOT_OK : too_large(e);
    }
    step *s = add_step(e, SUM, x, y);
    s->sum = (cu_reduce_args){.kind = CU_REDUCE_SUM, .dtype = (int)e->dtype};
    if (!walk_lists(e, &s->sum.kept, v, lists, n, false) ||
        !walk_lists(e, &s->sum.gone, v, &fold, 1, false))
        return too_large(e);
    const size_t part = cu_reduce_scratch(&s->sum, ig_cu_chip(e->d).processors);
    return take(e, (int64_t)part, 1, &s->part) ? INGOT_OK : too_large(e);
}

/* An operand as matrices [batch, rows, cols]: where it is, perhaps turned, or copied. */
static ingot_status add_operand(builder *e, const view *v, place *x, const labels *const lists[3],
                                const labels *fold, bool *turned)
{
    const labels *const swapped[3] = {lists[0], lists[2], lists[1]};
    place y;
    int64_t n;
    *turned = false;
    if (fold->count == 1 && lies_so(e, v, lists, 3)) return INGOT_OK;
    if (fold->count == 1 && lies_so(e, v, swapped, 3)) {
        *turned = true;
        return INGOT_OK;
    }
    if (!ig_mul_ok(lists[0]->count, lists[1]->count, &n) || !ig_mul_ok(n, lists[2]->count, &n) ||
        !take(e, n, ig_dtype(e->dtype)->bytes, &y))
        return too_large(e);
    TRY_BIND(e->b, add_pack(e, v, *x, lists, 3, fold, y));
    *x = y;
    return INGOT_OK;
}

static ingot_status add_any(builder *e, const ig_cu_product_ask *ask, place a, place b, place c)
{
    step *s = add_step(e, ANY, a, c);
    s->w = b;
    s->any = (cu_gemm_any_args){.type = ig_cu_number(e->dtype),
                                .m = (int)ask->m,
                                .n = (int)ask->n,
                                .k = (int)ask->k,
                                .a_row = ask->a_turned ? 1 : ask->k,
                                .a_col = ask->a_turned ? ask->m : 1,
                                .b_row = ask->b_turned ? ask->k : 1,
                                .b_col = ask->b_turned ? 1 : ask->n,
                                .batch = ask->batch,
                                .alpha = 1};
    s->any.batch.a_step[0] = ask->m * ask->k;
    s->any.batch.b_step[0] = ask->n * ask->k;
    s->any.batch.c_step = ask->m * ask->n;
    return cu_gemm_any_fits(&s->any) ? INGOT_OK : too_large(e);
}

static ingot_status add_product(builder *e, const ig_cu_product_ask *ask, place a, place b, place c)
{
    if (ig_cu_float_type(e->dtype) < 0 || e->dtype == INGOT_F64) return add_any(e, ask, a, b, c);
    step *s = add_step(e, PRODUCT, a, c);
    s->w = b;
    return ig_cu_product_bind(&s->product, e->d, e->b, ask);
}

/* a [batch, left, inner] by b, where they may still be folded or lie elsewhere; *a becomes the
 * result [batch, left, right]. */
static ingot_status add_join(builder *e, view *v, place *a, const view *w, place b, uint64_t needed)
{
    labels batch, left, right, inner, fold_a, fold_b;
    const uint64_t both = v->has & w->has, only_a = v->has & ~w->has, only_b = w->has & ~v->has;
    if (!pick_labels(&batch, e, both & needed, v) || !pick_labels(&inner, e, both & ~needed, w) ||
        !pick_labels(&left, e, only_a & needed, v) || !pick_labels(&right, e, only_b & needed, w) ||
        !pick_labels(&fold_a, e, only_a & ~needed, v) ||
        !pick_labels(&fold_b, e, only_b & ~needed, w))
        return too_large(e);
    ig_cu_product_ask ask = {.a = e->dtype,
                             .b = e->dtype,
                             .c = e->dtype,
                             .m = left.count,
                             .n = right.count,
                             .k = inner.count,
                             .a_n = batch.count,
                             .b_n = batch.count,
                             .columns = right.count,
                             .alpha = 1,
                             .act = "none",
                             .input_b = b.input};
    if (batch.count > 1)
        ask.batch =
            (cu_gemm_batch){.rank = 1, .dims = {(int)batch.count}, .a_step = {1}, .b_step = {1}};
    TRY_BIND(e->b, add_operand(e, v, a, (const labels *const[]){&batch, &left, &inner}, &fold_a,
                               &ask.a_turned));
    TRY_BIND(e->b, add_operand(e, w, &b, (const labels *const[]){&batch, &inner, &right}, &fold_b,
                               &ask.b_turned));
    if (b.in == INPUT) ask.known = ig_cu_known(e->b, b.input);
    int64_t n;
    place c;
    if (!ig_mul_ok(batch.count, left.count, &n) || !ig_mul_ok(n, right.count, &n) || n > CU_MOST ||
        !take(e, n, ig_dtype(e->dtype)->bytes, &c))
        return too_large(e);
    TRY_BIND(e->b, add_product(e, &ask, *a, b, c));
    *v = dense_view(e, (const labels *const[]){&batch, &left, &right}, 3);
    *a = c;
    return INGOT_OK;
}

static ingot_status add_cast(builder *e, place x, ingot_dtype from, place y, ingot_dtype to,
                             int64_t n)
{
    step *s = add_step(e, CAST, x, y);
    s->cast = (cu_cast_args){.n = n, .from = (int)from, .to = (int)to, .saturate = true};
    return n <= CU_MOST ? INGOT_OK : too_large(e);
}

/* Input i in the computing type. */
static ingot_status add_input(builder *e, uint32_t i, place *x)
{
    const ig_type *t = e->b->in[i];
    const int64_t n = ig_cu_elements(t);
    *x = (place){.in = INPUT, .input = i};
    if (t->dtype == e->dtype) return INGOT_OK;
    place y;
    if (!take(e, n, ig_dtype(e->dtype)->bytes, &y)) return too_large(e);
    TRY_BIND(e->b, add_cast(e, *x, t->dtype, y, e->dtype, n));
    *x = y;
    return INGOT_OK;
}

/* What the joins left, summed over the labels that the result has not, in its order. */
static ingot_status add_result(builder *e, const view *v, place x, const ig_einsum_term *out)
{
    const ig_type *y = e->b->out[0];
    labels order = {.count = 1}, fold;
    uint64_t has = 0;
    for (int d = 0; d < out->rank; d++) {
        has |= BIT(out->label[d]);
        if (e->size[out->label[d]] > 1) order.label[order.n++] = out->label[d];
    }
    place to = {.in = OUTPUT};
    if (!pick_labels(&fold, e, v->has & ~has, v)) return too_large(e);
    if (y->dtype != e->dtype && !take(e, ig_cu_elements(y), ig_dtype(e->dtype)->bytes, &to))
        return too_large(e);
    const labels *const lists[] = {&order};
    const bool ready = fold.count == 1 && x.in == SCRATCH && lies_so(e, v, lists, 1);
    if (!ready)
        TRY_BIND(e->b, add_pack(e, v, x, lists, 1, &fold, to));
    else if (to.in == OUTPUT)
        e->s->steps[e->s->n - 1].y = to; /* the product writes it */
    else
        to = x;
    if (to.in == OUTPUT) return INGOT_OK;
    return add_cast(e, to, e->dtype, (place){.in = OUTPUT}, y->dtype, ig_cu_elements(y));
}

/* ---- bind ---- */

/* Do the only two inputs meet in one product, without sums before or behind it? */
static bool is_one_product(const ig_einsum *q)
{
    uint64_t has[2] = {0}, out = 0;
    for (int i = 0; i < 2 && q->n == 2; i++)
        for (int d = 0; d < q->in[i].rank; d++) has[i] |= BIT(q->in[i].label[d]);
    for (int d = 0; d < q->out.rank; d++) out |= BIT(q->out.label[d]);
    return q->n == 2 && !((has[0] ^ has[1]) & ~out);
}

/* The type that is computed with, or NONE. */
static ingot_dtype computed(ingot_dtype stored, const ig_einsum *q)
{
    const int number = ig_cu_number(stored);
    const bool half = number == NB_F16 || number == NB_BF16;
    if (number == NB_BOOL) return INGOT_NONE;
    if (half) return is_one_product(q) ? stored : INGOT_F32;
    return number >= 0                                  ? stored
           : ig_dtype(stored)->class_ == IG_CLASS_FLOAT ? INGOT_F32
                                                        : INGOT_NONE;
}

static ingot_status build(builder *e, const ig_einsum *q)
{
    uint64_t out = 0;
    place x, w;
    for (int d = 0; d < q->out.rank; d++) out |= BIT(q->out.label[d]);
    view v = view_of(&q->in[0], e->b->in[0]);
    TRY_BIND(e->b, add_input(e, 0, &x));
    for (uint32_t i = 1; i < q->n; i++) {
        uint64_t needed = out;
        for (size_t k = i + 1; k < q->n; k++)
            for (int d = 0; d < q->in[k].rank; d++) needed |= BIT(q->in[k].label[d]);
        const view next = view_of(&q->in[i], e->b->in[i]);
        TRY_BIND(e->b, add_input(e, i, &w));
        TRY_BIND(e->b, add_join(e, &v, &x, &next, w, needed));
    }
    return add_result(e, &v, x, &q->out);
}

static void release(ig_device *d, const einsum_state *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->steps[i].kind == PRODUCT) ig_cu_product_unbind(&s->steps[i].product, d);
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    enum { STEPS_EACH = 4, STEPS_MORE = 2 };
    ig_einsum q;
    const char *why;
    int ranks[IG_EINSUM_INPUTS] = {0};
    builder e = {.d = d, .b = b, .s = IG_CU_STATE(b, einsum_state)};
    if (!e.s) return INGOT_E_NOMEM;
    for (uint32_t i = 0; i < b->node->n_in && i < IG_EINSUM_INPUTS; i++) ranks[i] = b->in[i]->rank;
    if (!ig_einsum_parse(&q, ig_cu_text(b, "equation"), ranks, b->node->n_in, &why))
        return IG_CU_DECLINE(b, why);
    for (int l = 0; l < IG_EINSUM_LABELS; l++) e.size[l] = 1;
    for (uint32_t i = 0; i < b->node->n_in; i++)
        for (int k = 0; k < q.in[i].rank; k++) {
            if (!b->in[i]->dims[k]) return IG_CU_DECLINE(b, "an empty input");
            if (b->in[i]->dims[k] != 1) e.size[q.in[i].label[k]] = b->in[i]->dims[k];
        }
    e.dtype = computed(b->in[0]->dtype, &q);
    if (e.dtype == INGOT_NONE) return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(b->out[0]) > CU_MOST) return too_large(&e);
    e.s->steps = ig_new_n(b->arena, step, STEPS_EACH * q.n + STEPS_MORE);
    if (!e.s->steps) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    const ingot_status s = build(&e, &q);
    if (s || b->declined) release(d, e.s);
    b->kernel = "einsum";
    return s;
}

/* ---- launch ---- */

static void *address(const ig_device_run *r, place p)
{
    return p.in == INPUT    ? (void *)(uintptr_t)r->in[p.input]
           : p.in == OUTPUT ? r->out[0]
                            : (char *)r->scratch + p.at;
}

static int run_step(const step *s, const ig_device_run *r, cu_stream stream)
{
    const void *x = address(r, s->x);
    void *y = address(r, s->y);
    switch (s->kind) {
    case MOVE: {
        cu_move_args a = s->move;
        a.from = x, a.to = y;
        return cu_move(&a, stream);
    }
    case SUM: {
        cu_reduce_args a = s->sum;
        a.x = x, a.y = y, a.part = address(r, s->part);
        return cu_reduce(&a, stream);
    }
    case CAST: {
        cu_cast_args a = s->cast;
        a.x = x, a.y = y;
        return cu_cast(&a, stream);
    }
    case ANY: {
        cu_gemm_any_args a = s->any;
        a.a = x, a.b = address(r, s->w), a.c = y;
        return cu_gemm_any(&a, stream);
    }
    default:
        break;
    }
    const ig_cu_product_io io = {.a = x, .b = address(r, s->w), .c = y, .scratch = r->scratch};
    return ig_cu_product_launch(&s->product, &io, stream);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const einsum_state *state = r->state;
    int status = 0;
    for (size_t i = 0; i < state->n && !status; i++)
        status = run_step(&state->steps[i], r, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static void unbind(ig_device *d, void *state)
{
    if (state) release(d, state);
}

const ig_cu_op ig_cu_op_einsum = {
    .name = "einsum", .bind = bind, .launch = launch, .unbind = unbind};
