/* pad.c - more (or, with negative pads, fewer) elements at both ends of some axes.
 *
 * Inputs: data, pads (begins, then ends), value (default 0), axes (default all). Negative pads
 * crop first; reflect, edge and wrap then read the cropped part, as often around as needed. */
#include "runtime/ops/move.h"

enum { CONSTANT, REFLECT, EDGE, WRAP };
static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};

typedef struct {
    int mode;
} pad_attrs;

static const ig_attr fields[] = {IG_ENUM(pad_attrs, mode, CONSTANT, modes), {0}};

typedef struct {
    int64_t begin[IG_MAX_RANK], end[IG_MAX_RANK];
} pads;

/* false: counts or axes do not fit the rank. */
static bool read_pads(pads *p, const ig_tensor *const *known, uint32_t n_in, int rank)
{
    int64_t v[2 * IG_MAX_RANK], axes[IG_MAX_RANK];
    bool seen[IG_MAX_RANK] = {false};
    int n = rank;
    for (int i = 0; i < rank; i++) axes[i] = i;
    if (n_in > 3 && known[3]) n = ig_tensor_ints(known[3], axes, (size_t)rank);
    if (n < 0 || ig_tensor_ints(known[1], v, IG_LEN(v)) != 2 * n) return false;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < n; i++) {
        if (!ig_index_ok(&axes[i], rank) || seen[axes[i]]) return false;
        seen[axes[i]] = true;
        p->begin[axes[i]] = v[i];
        p->end[axes[i]] = v[n + i];
    }
    return true;
}

static ingot_status infer(ig_infer *c)
{
    const pad_attrs *a = c->attrs;
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    IG_TRY(ig_infer_ints(c, 3));
    if (ig_has(c, 2) && c->in[2]->dtype != in->dtype && c->in[2]->dtype && in->dtype)
        return ig_infer_fail(c, "the value is %s, the data %s", ig_dtype(c->in[2]->dtype)->name,
                             ig_dtype(in->dtype)->name);
    if (ig_has(c, 2) && c->in[2]->rank > 0 && ig_vector_length(c, 2) != 1 &&
        ig_type_static(c->in[2]))
        return ig_infer_fail(c, "the value must be one element");
    if (in->rank < 0) return INGOT_OK;
    *out = *in;
    if (!c->known[1] || (ig_has(c, 3) && !c->known[3])) {
        for (int d = 0; d < in->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    pads p;
    if (!read_pads(&p, c->known, c->n_in, in->rank))
        return ig_infer_fail(c, "pads must be two integers for each axis, axes within rank %d",
                             in->rank);
    for (int d = 0; d < in->rank; d++) {
        int64_t cropped, *to = &out->dims[d];
        IG_TRY(ig_dim_sum(c, in->dims[d], IG_MIN(p.begin[d], (int64_t)0), &cropped));
        IG_TRY(ig_dim_sum(c, cropped, IG_MIN(p.end[d], (int64_t)0), &cropped));
        IG_TRY(ig_dim_sum(c, cropped, IG_MAX(p.begin[d], (int64_t)0), to));
        IG_TRY(ig_dim_sum(c, *to, IG_MAX(p.end[d], (int64_t)0), to));
        if (a->mode != CONSTANT && cropped == 0 && *to > 0)
            return ig_infer_fail(c, "dimension %d has nothing to %s", d, modes[a->mode]);
    }
    return INGOT_OK;
}

typedef struct {
    /* constant: fill, then copy the inner block */
    bool fill;
    size_t to_bytes, from_bytes;
    ig_copy filling, copy;
    /* the others: where each output index of a dimension comes from */
    int64_t *source[IG_MAX_RANK];
} pad_state;

static void bind_constant(pad_state *s, const ig_type *in, const ig_type *out, const pads *p)
{
    ptrdiff_t to[IG_MAX_RANK], from[IG_MAX_RANK], to_at = 0, from_at = 0;
    int64_t n[IG_MAX_RANK];
    ig_strides(to, out->rank, out->dims);
    ig_strides(from, in->rank, in->dims);
    for (int d = 0; d < in->rank; d++) {
        n[d] = in->dims[d] + IG_MIN(p->begin[d], (int64_t)0) + IG_MIN(p->end[d], (int64_t)0);
        s->fill |= p->begin[d] > 0 || p->end[d] > 0;
        to_at += IG_MAX(p->begin[d], (int64_t)0) * to[d];
        from_at -= IG_MIN(p->begin[d], (int64_t)0) * from[d];
    }
    ig_move_plan(&s->copy, in->dtype, in->rank, n, to, from);
    if (s->copy.units) {
        s->to_bytes = (size_t)to_at * ig_elem(in->dtype);
        s->from_bytes = (size_t)from_at * ig_elem(in->dtype);
    }
    const int64_t all = (int64_t)ig_span(out->dims, 0, out->rank);
    ig_move_plan(&s->filling, in->dtype, 1, &all, (ptrdiff_t[]){1}, (ptrdiff_t[]){0});
}

/* Where index i (0 at the first element, perhaps negative or past the end) of n lies. */
static int64_t folded(int mode, int64_t i, int64_t n)
{
    if (mode == EDGE) return IG_MIN(IG_MAX(i, (int64_t)0), n - 1);
    const int64_t period = mode == WRAP ? n : 2 * (n - 1);
    if (period <= 0) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

static bool bind_folded(pad_state *s, ig_arena *arena, int mode, const ig_type *in,
                        const ig_type *out, const pads *p)
{
    for (int d = 0; d < in->rank; d++) {
        const int64_t skip = IG_MAX(-p->begin[d], (int64_t)0);
        const int64_t n = in->dims[d] - skip + IG_MIN(p->end[d], (int64_t)0);
        s->source[d] = ig_new_n(arena, int64_t, (size_t)out->dims[d]);
        if (!s->source[d]) return false;
        for (int64_t i = 0; i < out->dims[d]; i++)
            s->source[d][i] = skip + folded(mode, i - IG_MAX(p->begin[d], (int64_t)0), n);
    }
    return true;
}

static ingot_status bind(ig_bind *b)
{
    const pad_attrs *a = b->attrs;
    pads p;
    if (!read_pads(&p, b->known, b->n_in, b->in[0]->rank))
        return ig_bind_fail(b, "the pads are not known");
    pad_state *s = IG_BIND_STATE(b, pad_state);
    if (!s) return INGOT_E_NOMEM;
    size_t elements;
    if (a->mode == CONSTANT || (ig_type_elements(b->out[0], &elements) && elements == 0))
        bind_constant(s, b->in[0], b->out[0], &p);
    else if (!bind_folded(s, b->arena, a->mode, b->in[0], b->out[0], &p))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for the index tables");
    return INGOT_OK;
}

static ingot_status run_constant(ig_run *r)
{
    const pad_state *s = r->state;
    static const ingot_str zero = {0};
    const void *value = &zero;
    if (r->n_in > 2 && r->in[2]) {
        if (ig_tensor_elements(r->in[2]) != 1)
            return ig_run_fail(r, "the value must be one element");
        value = r->in[2]->data;
    }
    if (s->fill) ig_move(r->pool, &s->filling, r->out[0]->data, value);
    ig_move(r->pool, &s->copy, (char *)r->out[0]->data + s->to_bytes,
            (const char *)r->in[0]->data + s->from_bytes);
    return INGOT_OK;
}

typedef struct {
    const pad_state *s;
    const ig_tensor *x;
    ig_tensor *y;
} pad_task;

/* Rows along the last dimension. */
static void rows_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const pad_task *t = arg;
    const int last = t->y->rank - 1;
    const size_t bytes = ig_elem(t->y->dtype), n = (size_t)t->y->dims[last];
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        size_t rest = row, at = 0, stride = (size_t)t->x->dims[last];
        for (int d = last - 1; d >= 0; d--) {
            const size_t size = (size_t)t->y->dims[d];
            at += (size_t)t->s->source[d][rest % size] * stride;
            stride *= (size_t)t->x->dims[d];
            rest /= size;
        }
        ig_copy_pick((char *)t->y->data + row * n * bytes, (const char *)t->x->data + at * bytes,
                     t->s->source[last], bytes, n);
    }
}

static ingot_status run(ig_run *r)
{
    const pad_attrs *a = r->attrs;
    const ig_tensor *y = r->out[0];
    const size_t all = ig_tensor_elements(y);
    if (all == 0) return INGOT_OK;
    if (a->mode == CONSTANT) return run_constant(r);
    if (y->rank == 0) {
        memcpy(y->data, r->in[0]->data, ig_elem(y->dtype));
        return INGOT_OK;
    }
    pad_task t = {r->state, r->in[0], r->out[0]};
    const size_t n = (size_t)y->dims[y->rank - 1];
    ig_parallel(r->pool, all / n, ig_grain(n * ig_elem(y->dtype)), 0, rows_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_pad = {
    .name = "pad",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(pad_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
