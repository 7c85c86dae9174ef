/* slice.c - elements start, start + step, ... before end along some axes (NumPy's basic slicing).
 *
 * Inputs: data, starts, ends, axes (default: the first ones), steps (default: 1). Values outside a
 * dimension are clipped to it, whatever their size. */
#include "runtime/ops/move.h"

typedef struct {
    int n; /* sliced axes */
    int64_t start[IG_MAX_RANK], end[IG_MAX_RANK], axis[IG_MAX_RANK], step[IG_MAX_RANK];
} ranges;

/* First element and count of one axis. */
static int64_t count_of(int64_t dim, int64_t start, int64_t end, int64_t step, int64_t *first)
{
    const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? dim - 1 : dim;
    if (start < 0) start += dim;
    if (end < 0) end += dim;
    start = IG_MIN(IG_MAX(start, step < 0 ? IG_MIN((int64_t)0, high) : low), high);
    end = IG_MIN(IG_MAX(end, low), high);
    *first = IG_MAX(start, (int64_t)0);
    if (step > 0) return end > start ? (end - start - 1) / step + 1 : 0;
    const int64_t back = step == INT64_MIN ? INT64_MAX : -step;
    return start > end ? (start - end - 1) / back + 1 : 0;
}

static bool read_ranges(ranges *r, const ig_tensor *const *known, uint32_t n_in)
{
    r->n = ig_tensor_ints(known[1], r->start, IG_MAX_RANK);
    if (r->n < 0 || ig_tensor_ints(known[2], r->end, IG_MAX_RANK) != r->n) return false;
    for (int i = 0; i < r->n; i++) {
        r->axis[i] = i;
        r->step[i] = 1;
    }
    if (n_in > 3 && known[3] && ig_tensor_ints(known[3], r->axis, IG_MAX_RANK) != r->n)
        return false;
    return !(n_in > 4 && known[4]) || ig_tensor_ints(known[4], r->step, IG_MAX_RANK) == r->n;
}

static bool told(const ig_infer *c)
{
    for (uint32_t i = 1; i < 5; i++)
        if (ig_has(c, i) && !c->known[i]) return false;
    return true;
}

/* Not all is known: the axes, where known, say which dims may change. */
static ingot_status infer_untold(ig_infer *c, ig_type *out)
{
    int64_t axes[IG_MAX_RANK];
    int n = out->rank;
    for (int d = 0; d < n; d++) axes[d] = d;
    if (ig_has(c, 3) && c->known[3]) {
        n = ig_known_ints(c, 3, axes, IG_MAX_RANK);
        if (n < 0) return ig_infer_fail(c, "there are more axes than the rank");
        IG_TRY(ig_infer_axes(c, axes, (size_t)n, out->rank));
    }
    for (int i = 0; i < n; i++) out->dims[axes[i]] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    for (size_t i = 1; i < 5; i++) IG_TRY(ig_infer_ints(c, i));
    if (in->rank < 0) return INGOT_OK;
    *out = *in;
    if (!told(c)) return infer_untold(c, out);
    ranges r;
    if (!read_ranges(&r, c->known, c->n_in))
        return ig_infer_fail(c, "starts, ends, axes and steps differ in length or exceed the rank");
    IG_TRY(ig_infer_axes(c, r.axis, (size_t)r.n, in->rank));
    for (int i = 0; i < r.n; i++) {
        const int64_t dim = in->dims[r.axis[i]];
        int64_t first, *to = &out->dims[r.axis[i]];
        if (r.step[i] == 0) return ig_infer_fail(c, "step %d is 0", i);
        if (dim >= 0)
            *to = count_of(dim, r.start[i], r.end[i], r.step[i], &first);
        else if (r.start[i] != 0 || r.step[i] != 1 || r.end[i] < INT32_MAX)
            *to = IG_DIM_UNKNOWN;
    }
    return INGOT_OK;
}

typedef struct {
    size_t bytes; /* offset in the input */
    ig_copy copy;
} slice_state;

static ingot_status bind(ig_bind *b)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    ranges r;
    if (!read_ranges(&r, b->known, b->n_in)) return ig_bind_fail(b, "the ranges are not known");
    slice_state *s = IG_BIND_STATE(b, slice_state);
    if (!s) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], from[IG_MAX_RANK], at = 0;
    ig_strides(to, out->rank, out->dims);
    ig_strides(from, in->rank, in->dims);
    for (int i = 0; i < r.n; i++) {
        const int d = (int)(r.axis[i] < 0 ? r.axis[i] + in->rank : r.axis[i]);
        int64_t first;
        const int64_t n = count_of(in->dims[d], r.start[i], r.end[i], r.step[i], &first);
        at += from[d] * (ptrdiff_t)first;
        from[d] = n > 1 ? from[d] * (ptrdiff_t)r.step[i] : 0; /* |step| is below the dimension */
    }
    ig_move_plan(&s->copy, in->dtype, out->rank, out->dims, to, from);
    s->bytes = s->copy.units ? (size_t)at * ig_elem(in->dtype) : 0;
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const slice_state *s = r->state;
    ig_move(r->pool, &s->copy, r->out[0]->data, (const char *)r->in[0]->data + s->bytes);
    return INGOT_OK;
}

const ig_op ig_op_slice = {
    .name = "slice",
    .min_in = 3,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .bind = bind,
    .run = run,
};
