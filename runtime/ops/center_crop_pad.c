/* center_crop_pad.c - the middle of what is too large, zeros around what is too small.
 *
 * Input 1 holds the sizes of the axes (default: all). An odd element is cropped or padded at the
 * end. */
#include "runtime/ops/move.h"

typedef struct {
    ig_ints axes;
} center_attrs;

static const ig_attr fields[] = {IG_INTS(center_attrs, axes), {0}};

static ingot_status infer(ig_infer *c)
{
    const center_attrs *a = c->attrs;
    const ig_type *in = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    if (in->rank < 0) return INGOT_OK;
    int64_t axes[IG_MAX_RANK], sizes[IG_MAX_RANK];
    size_t n = a->axes.n ? a->axes.n : (size_t)in->rank;
    if (n > (size_t)in->rank) return ig_infer_fail(c, "%zu axes for rank %d", n, in->rank);
    for (size_t i = 0; i < n; i++) axes[i] = a->axes.n ? a->axes.v[i] : (int64_t)i;
    IG_TRY(ig_infer_axes(c, axes, n, in->rank));
    *out = *in;
    const int told = ig_known_ints(c, 1, sizes, IG_MAX_RANK);
    if (c->known[1] && told != (int)n) return ig_infer_fail(c, "the shape must hold %zu sizes", n);
    for (size_t i = 0; i < n; i++) {
        if (c->known[1] && sizes[i] < 0)
            return ig_infer_fail(c, "the shape holds %lld", (long long)sizes[i]);
        out->dims[axes[i]] = c->known[1] ? sizes[i] : IG_DIM_UNKNOWN;
    }
    return INGOT_OK;
}

typedef struct {
    bool zeros;
    size_t to_bytes, from_bytes;
    ig_copy copy;
} center_state;

static ingot_status bind(ig_bind *b)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    center_state *s = IG_BIND_STATE(b, center_state);
    if (!s) return INGOT_E_NOMEM;
    ptrdiff_t to[IG_MAX_RANK], from[IG_MAX_RANK], to_at = 0, from_at = 0;
    int64_t n[IG_MAX_RANK];
    ig_strides(to, out->rank, out->dims);
    ig_strides(from, in->rank, in->dims);
    for (int d = 0; d < in->rank; d++) {
        const int64_t more = out->dims[d] - in->dims[d];
        n[d] = IG_MIN(out->dims[d], in->dims[d]);
        s->zeros |= more > 0;
        if (more > 0) to_at += more / 2 * to[d];
        if (more < 0) from_at += -more / 2 * from[d];
    }
    ig_move_plan(&s->copy, in->dtype, in->rank, n, to, from);
    if (!s->copy.units) return INGOT_OK;
    s->to_bytes = (size_t)to_at * ig_elem(in->dtype);
    s->from_bytes = (size_t)from_at * ig_elem(in->dtype);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const center_state *s = r->state;
    ig_tensor *y = r->out[0];
    const size_t bytes = ig_tensor_elements(y) * ig_elem(y->dtype);
    if (s->zeros && bytes) memset(y->data, 0, bytes);
    ig_move(r->pool, &s->copy, (char *)y->data + s->to_bytes,
            (const char *)r->in[0]->data + s->from_bytes);
    return INGOT_OK;
}

const ig_op ig_op_center_crop_pad = {
    .name = "center_crop_pad",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(center_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
