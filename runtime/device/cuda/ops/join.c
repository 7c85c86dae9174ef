/* join.c - ops of several copies: concat, split, pad, center_crop_pad, or_zeros. */
#include "kernels/copy/copy_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <string.h>

typedef struct {
    cu_move_args move;
    int64_t to_bytes, from_bytes; /* where the block begins on either side */
} part;

/* A block of n elements a dimension between two places; strides in elements. */
static bool set_part(part *p, int bytes, int rank, const int64_t *n, const int64_t *to,
                     int64_t to_at, const int64_t *from, int64_t from_at)
{
    const int64_t *strides[] = {to, from};
    p->move.bytes = bytes;
    if (!ig_cu_walk(&p->move.walk, rank, n, 2, strides)) return false;
    p->to_bytes = p->move.walk.total ? to_at * bytes : 0;
    p->from_bytes = p->move.walk.total ? from_at * bytes : 0;
    return true;
}

static int run_part(const part *p, void *to, const void *from, cu_stream s)
{
    cu_move_args a = p->move;
    a.to = (char *)to + p->to_bytes;
    a.from = (const char *)from + p->from_bytes;
    return cu_move(&a, s);
}

/* ---- concat ---- */

static ingot_status bind_concat(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *out = b->out[0];
    const int axis = ig_cu_axis(ig_cu_int(b, "axis"), out->rank), bytes = ig_cu_bytes(out->dtype);
    int64_t to[IG_MAX_RANK], from[IG_MAX_RANK], at = 0;
    part *parts = ig_cu_state(b, b->node->n_in * sizeof *parts);
    if (!parts) return INGOT_E_NOMEM;
    if (!bytes) return IG_CU_DECLINE(b, "strings");
    ig_cu_strides(to, out->rank, out->dims);
    for (uint32_t i = 0; i < b->node->n_in; i++) {
        ig_cu_strides(from, out->rank, b->in[i]->dims);
        if (!set_part(&parts[i], bytes, out->rank, b->in[i]->dims, to, at * to[axis], from, 0))
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
        at += b->in[i]->dims[axis];
    }
    b->kernel = "move";
    return INGOT_OK;
}

static ingot_status launch_concat(ig_device_stream *stream, const ig_device_run *r)
{
    const part *parts = r->state;
    int e = 0;
    for (uint32_t i = 0; i < r->node->n_in && !e; i++)
        e = run_part(&parts[i], r->out[0], r->in[i], ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

/* ---- split ---- */

static ingot_status bind_split(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0];
    const int axis = ig_cu_axis(ig_cu_int(b, "axis"), in->rank), bytes = ig_cu_bytes(in->dtype);
    const uint32_t n = b->node->n_out;
    int64_t to[IG_MAX_RANK], from[IG_MAX_RANK], dims[IG_MAX_RANK], at = 0;
    int64_t *told = ig_new_n(b->arena, int64_t, n + 1);
    part *parts = ig_cu_state(b, n * sizeof *parts);
    if (!parts || !told) return INGOT_E_NOMEM;
    if (!bytes) return IG_CU_DECLINE(b, "strings");
    if (ig_cu_has(b, 1) && ig_cu_ints_of(b, 1, told, n) != (int)n)
        return IG_CU_DECLINE(b, "the sizes are not known");
    ig_cu_strides(from, in->rank, in->dims);
    memcpy(dims, in->dims, sizeof dims);
    const int64_t size = in->dims[axis], each = size / n + (size % n != 0);
    for (uint32_t i = 0; i < n; i++) { /* an output may be omitted: it counts all the same */
        dims[axis] = ig_cu_has(b, 1) ? told[i] : IG_MIN(each, size - at);
        ig_cu_strides(to, in->rank, dims);
        if (!set_part(&parts[i], bytes, in->rank, dims, to, 0, from, at * from[axis]))
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
        at += dims[axis];
    }
    b->kernel = "move";
    return INGOT_OK;
}

static ingot_status launch_split(ig_device_stream *stream, const ig_device_run *r)
{
    const part *parts = r->state;
    int e = 0;
    for (uint32_t i = 0; i < r->node->n_out && !e; i++)
        if (r->out[i]) e = run_part(&parts[i], r->out[i], r->in[0], ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

/* ---- pad and center_crop_pad ---- */

typedef struct {
    bool fills, folds; /* folds: by tables */
    part inner, value; /* value: input 2, everywhere */
    cu_fill_args zeros;
    cu_pick_args pick;
    void *tables[CU_RANK];
} pad_state;

/* The block of n elements that both have, begin elements behind the edge of the result (negative:
 * of the input). */
static ingot_status bind_inner(ig_device_bind *b, pad_state *s, const int64_t *begin,
                               const int64_t *n)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    const int64_t all = ig_cu_elements(out), one = 1, none = 0;
    int64_t to[IG_MAX_RANK], from[IG_MAX_RANK], to_at = 0, from_at = 0;
    const int bytes = ig_cu_bytes(in->dtype);
    if (!bytes) return IG_CU_DECLINE(b, "strings");
    ig_cu_strides(to, out->rank, out->dims);
    ig_cu_strides(from, in->rank, in->dims);
    for (int i = 0; i < in->rank; i++) {
        s->fills |= n[i] < out->dims[i];
        to_at += IG_MAX(begin[i], (int64_t)0) * to[i];
        from_at += IG_MAX(-begin[i], (int64_t)0) * from[i];
    }
    s->zeros = (cu_fill_args){.bytes = bytes, .n = all};
    if (!set_part(&s->inner, bytes, in->rank, n, to, to_at, from, from_at) ||
        !set_part(&s->value, bytes, 1, &all, &one, 0, &none, 0))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "move";
    return INGOT_OK;
}

/* Where index i (0 at the first element, perhaps negative or past the end) of n lies. */
static int64_t folded(const char *mode, int64_t i, int64_t n)
{
    if (!strcmp(mode, "edge")) return IG_MIN(IG_MAX(i, (int64_t)0), n - 1);
    const int64_t period = !strcmp(mode, "wrap") ? n : 2 * (n - 1);
    if (period <= 0) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

static ingot_status bind_folded(ig_device *d, ig_device_bind *b, pad_state *s, const char *mode,
                                const int64_t *begin, const int64_t *end)
{
    const ig_type *in = b->in[0], *out = b->out[0];
    int64_t from[IG_MAX_RANK];
    s->folds = true;
    s->pick = (cu_pick_args){.bytes = ig_cu_bytes(in->dtype), .rank = in->rank};
    if (!s->pick.bytes) return IG_CU_DECLINE(b, "strings");
    if (in->rank > CU_RANK || in->rank < 1 || ig_cu_elements(out) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    ig_cu_strides(from, in->rank, in->dims);
    for (int i = 0; i < in->rank; i++) {
        const int at = in->rank - 1 - i; /* innermost first */
        const int64_t skip = IG_MAX(-begin[i], (int64_t)0), size = out->dims[i];
        const int64_t n = in->dims[i] - skip + IG_MIN(end[i], (int64_t)0);
        s->pick.size[at] = size;
        s->pick.stride[at] = from[i];
        if ((!begin[i] && !end[i]) || !size) continue;
        int32_t *table = ig_new_n(b->arena, int32_t, (size_t)size);
        if (!table) return ig_fail(b->err, INGOT_E_NOMEM, "pad: no memory for tables");
        for (int64_t k = 0; k < size; k++)
            table[k] = (int32_t)(skip + folded(mode, k - IG_MAX(begin[i], (int64_t)0), n));
        IG_TRY(ig_cu_table(d, b, table, (size_t)size * sizeof *table, &s->tables[at]));
        s->pick.table[at] = s->tables[at];
    }
    b->kernel = "pick";
    return INGOT_OK;
}

static void unbind_pad(ig_device *d, void *state)
{
    pad_state *s = state;
    for (int i = 0; s && i < CU_RANK; i++)
        if (s->tables[i]) ig_cu_unpack(d, s->tables[i]);
}

static ingot_status bind_pad(ig_device *d, ig_device_bind *b)
{
    const ig_type *in = b->in[0];
    const char *mode = ig_cu_text(b, "mode");
    int64_t v[2 * IG_MAX_RANK], axes[IG_MAX_RANK], begin[IG_MAX_RANK] = {0}, end[IG_MAX_RANK] = {0},
                                                   n[IG_MAX_RANK];
    int count = in->rank;
    for (int i = 0; i < count; i++) axes[i] = i;
    if (ig_cu_has(b, 3)) count = ig_cu_ints_of(b, 3, axes, (size_t)in->rank);
    if (count < 0 || ig_cu_ints_of(b, 1, v, IG_LEN(v)) != 2 * count)
        return IG_CU_DECLINE(b, "the pads are not known");
    for (int i = 0; i < count; i++) {
        const int k = ig_cu_axis(axes[i], in->rank);
        begin[k] = v[i];
        end[k] = v[count + i];
    }
    for (int i = 0; i < in->rank; i++)
        n[i] = in->dims[i] + IG_MIN(begin[i], (int64_t)0) + IG_MIN(end[i], (int64_t)0);
    if (ig_cu_has(b, 2) && ig_cu_elements(b->in[2]) != 1)
        return IG_CU_DECLINE(b, "the value is not one element");
    pad_state *s = IG_CU_STATE(b, pad_state);
    if (!s) return INGOT_E_NOMEM;
    if (!strcmp(mode, "constant") || ig_cu_elements(b->out[0]) == 0)
        return bind_inner(b, s, begin, n);
    const ingot_status status = bind_folded(d, b, s, mode, begin, end);
    if (status || b->declined) unbind_pad(d, s);
    return status;
}

static ingot_status bind_center(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0], *out = b->out[0];
    int64_t begin[IG_MAX_RANK], n[IG_MAX_RANK], shape[IG_MAX_RANK];
    pad_state *s = IG_CU_STATE(b, pad_state);
    if (!s) return INGOT_E_NOMEM;
    (void)ig_cu_ints_of(b, 1, shape, IG_MAX_RANK);
    for (int i = 0; i < in->rank; i++) { /* halves towards zero: an odd element is at the end */
        begin[i] = (out->dims[i] - in->dims[i]) / 2;
        n[i] = IG_MIN(out->dims[i], in->dims[i]);
    }
    return bind_inner(b, s, begin, n);
}

static int run_pad(const pad_state *s, const ig_device_run *r, const void *value, cu_stream st)
{
    if (s->folds) {
        cu_pick_args a = s->pick;
        a.to = r->out[0];
        a.from = r->in[0];
        return cu_pick(&a, st);
    }
    int e = 0;
    if (s->fills && value) e = run_part(&s->value, r->out[0], value, st);
    if (s->fills && !value) {
        cu_fill_args zeros = s->zeros;
        zeros.to = r->out[0];
        e = cu_fill(&zeros, st);
    }
    return e ? e : run_part(&s->inner, r->out[0], r->in[0], st);
}

static ingot_status launch_pad(ig_device_stream *stream, const ig_device_run *r)
{
    const void *value = r->node->n_in > 2 ? r->in[2] : NULL;
    return ig_cu_done(stream, r, run_pad(r->state, r, value, ig_cu_stream(stream)));
}

static ingot_status launch_center(ig_device_stream *stream, const ig_device_run *r)
{
    return ig_cu_done(stream, r, run_pad(r->state, r, NULL, ig_cu_stream(stream)));
}

/* ---- or_zeros ---- */

typedef struct {
    part copy;
    bool left_out; /* there is no input in the runs of this plan */
    size_t bytes;
} or_zeros_state;

static ingot_status bind_or_zeros(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *out = b->out[0];
    const int64_t n = ig_cu_elements(out), one = 1;
    or_zeros_state *s = IG_CU_STATE(b, or_zeros_state);
    if (!s) return INGOT_E_NOMEM;
    s->left_out = b->in[0]->optional;
    if (!ig_type_bytes(out, &s->bytes) ||
        !set_part(&s->copy, ig_cu_bytes(out->dtype), 1, &n, &one, 0, &one, 0))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->taken = 2; /* of what it is shaped like only the type counted */
    if (s->left_out) b->taken |= 1;
    b->kernel = s->left_out ? "zeros" : "move";
    return INGOT_OK;
}

static ingot_status launch_or_zeros(ig_device_stream *stream, const ig_device_run *r)
{
    const or_zeros_state *s = r->state;
    const int e = s->left_out ? ig_cu_clear(stream, r->out[0], s->bytes)
                              : run_part(&s->copy, r->out[0], r->in[0], ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_concat = {.name = "concat", .bind = bind_concat, .launch = launch_concat};
const ig_cu_op ig_cu_op_split = {.name = "split", .bind = bind_split, .launch = launch_split};
const ig_cu_op ig_cu_op_pad = {
    .name = "pad", .bind = bind_pad, .launch = launch_pad, .unbind = unbind_pad};
const ig_cu_op ig_cu_op_center_crop_pad = {
    .name = "center_crop_pad", .bind = bind_center, .launch = launch_center};
const ig_cu_op ig_cu_op_or_zeros = {
    .name = "or_zeros", .bind = bind_or_zeros, .launch = launch_or_zeros};
