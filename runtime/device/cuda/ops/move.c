/* move.c - ops that are one strided copy: transpose, slice, expand, tile, depth_to_space and back.
 */
#include "kernels/copy/copy_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <string.h>

typedef struct {
    cu_move_args move;
    int64_t from_bytes; /* where the source begins */
} move_state;

/* The copy of a block of n elements a dimension; strides in elements. */
static ingot_status bind_move(ig_device_bind *b, int rank, const int64_t *n, const int64_t *to,
                              const int64_t *from, int64_t from_at)
{
    move_state *s = IG_CU_STATE(b, move_state);
    if (!s) return INGOT_E_NOMEM;
    const int64_t *strides[] = {to, from};
    s->move.bytes = ig_cu_bytes(b->out[0]->dtype);
    if (!s->move.bytes) return IG_CU_DECLINE(b, "strings");
    if (!ig_cu_walk(&s->move.walk, rank, n, 2, strides)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->from_bytes = from_at * s->move.bytes;
    b->kernel = "move";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const move_state *s = r->state;
    cu_move_args a = s->move;
    a.to = r->out[0];
    a.from = (const char *)r->in[0] + s->from_bytes;
    return ig_cu_done(stream, r, cu_move(&a, ig_cu_stream(stream)));
}

static ingot_status bind_transpose(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0], *out = b->out[0];
    const ig_ints perm = ig_cu_ints(b, "perm");
    int64_t to[IG_MAX_RANK], own[IG_MAX_RANK], from[IG_MAX_RANK];
    ig_cu_strides(to, out->rank, out->dims);
    ig_cu_strides(own, in->rank, in->dims);
    for (int i = 0; i < out->rank; i++) from[i] = own[perm.n ? perm.v[i] : in->rank - 1 - i];
    return bind_move(b, out->rank, out->dims, to, from, 0);
}

static ingot_status bind_expand(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0], *out = b->out[0];
    int64_t to[IG_MAX_RANK], own[IG_MAX_RANK], from[IG_MAX_RANK] = {0}, shape[IG_MAX_RANK];
    const int lead = out->rank - in->rank;
    ig_cu_strides(to, out->rank, out->dims);
    ig_cu_strides(own, in->rank, in->dims);
    (void)ig_cu_ints_of(b, 1, shape, IG_MAX_RANK);
    for (int i = 0; i < in->rank; i++) from[lead + i] = in->dims[i] == 1 ? 0 : own[i];
    return bind_move(b, out->rank, out->dims, to, from, 0);
}

/* A dimension is two loops: turns, then the input's own. */
static ingot_status bind_tile(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0], *out = b->out[0];
    int64_t to[2 * IG_MAX_RANK], from[2 * IG_MAX_RANK], n[2 * IG_MAX_RANK];
    int64_t y[IG_MAX_RANK], x[IG_MAX_RANK], repeats[IG_MAX_RANK];
    ig_cu_strides(y, out->rank, out->dims);
    ig_cu_strides(x, in->rank, in->dims);
    (void)ig_cu_ints_of(b, 1, repeats, IG_MAX_RANK);
    for (int i = 0; i < in->rank; i++) {
        n[2 * i] = in->dims[i] ? out->dims[i] / in->dims[i] : 0;
        n[2 * i + 1] = in->dims[i];
        to[2 * i] = y[i] * in->dims[i];
        from[2 * i] = 0;
        to[2 * i + 1] = y[i];
        from[2 * i + 1] = x[i];
    }
    return bind_move(b, 2 * in->rank, n, to, from, 0);
}

static int64_t between(int64_t v, int64_t low, int64_t high)
{
    return IG_MIN(IG_MAX(v, low), high);
}

static ingot_status bind_slice(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *in = b->in[0], *out = b->out[0];
    int64_t start[IG_MAX_RANK], end[IG_MAX_RANK], axis[IG_MAX_RANK], step[IG_MAX_RANK];
    int64_t to[IG_MAX_RANK], from[IG_MAX_RANK], at = 0;
    const int n = ig_cu_ints_of(b, 1, start, IG_MAX_RANK);
    if (n < 0 || ig_cu_ints_of(b, 2, end, IG_MAX_RANK) != n)
        return IG_CU_DECLINE(b, "the ranges are not known");
    for (int i = 0; i < n; i++) axis[i] = i, step[i] = 1;
    if ((ig_cu_has(b, 3) && ig_cu_ints_of(b, 3, axis, IG_MAX_RANK) != n) ||
        (ig_cu_has(b, 4) && ig_cu_ints_of(b, 4, step, IG_MAX_RANK) != n))
        return IG_CU_DECLINE(b, "the axes or steps are not known");
    ig_cu_strides(to, out->rank, out->dims);
    ig_cu_strides(from, in->rank, in->dims);
    for (int i = 0; i < n; i++) {
        const int k = ig_cu_axis(axis[i], in->rank);
        const int64_t dim = in->dims[k], high = step[i] < 0 ? dim - 1 : dim;
        const int64_t first = start[i] < 0 ? start[i] + dim : start[i];
        at += from[k] * between(first, 0, IG_MAX(high, (int64_t)0));
        from[k] = out->dims[k] > 1 ? from[k] * step[i] : 0;
    }
    return bind_move(b, out->rank, out->dims, to, from, at);
}

/* The six loops as places in the spatial tensor: [N, C', h, i, w, j] for pixel (h*b+i, w*b+j), in
 * the order of the result. */
static ingot_status bind_blocks(ig_device_bind *b, const ig_type *space, const ig_type *depth)
{
    const bool dcr = strcmp(ig_cu_text(b, "mode"), "DCR") == 0, to_space = space == b->out[0];
    const int64_t k = ig_cu_int(b, "blocksize"), channels = space->dims[1];
    const int64_t h = depth->dims[2], w = depth->dims[3], plane = h * w;
    const int64_t n[6] = {space->dims[0], channels, h, k, w, k};
    const int64_t c_step = dcr ? plane : plane * k * k, j_step = dcr ? plane * channels : plane;
    const int64_t in_space[6] = {channels * plane * k * k, plane * k * k, k * w * k, w * k, k, 1};
    const int64_t in_depth[6] = {channels * k * k * plane, c_step, w, j_step * k, 1, j_step};
    static const int as_space[6] = {0, 1, 2, 3, 4, 5};
    static const int as_dcr[6] = {0, 3, 5, 1, 2, 4}, as_crd[6] = {0, 1, 3, 5, 2, 4};
    const int *order = to_space ? as_space : dcr ? as_dcr : as_crd;
    int64_t count[6], to[6], from[6];
    for (int i = 0; i < 6; i++) {
        count[i] = n[order[i]];
        to[i] = (to_space ? in_space : in_depth)[order[i]];
        from[i] = (to_space ? in_depth : in_space)[order[i]];
    }
    return bind_move(b, 6, count, to, from, 0);
}

static ingot_status bind_to_space(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_blocks(b, b->out[0], b->in[0]);
}

static ingot_status bind_to_depth(ig_device *d, ig_device_bind *b)
{
    (void)d;
    return bind_blocks(b, b->in[0], b->out[0]);
}

/* The value is on the device: its one element is repeated. */
static ingot_status launch_fill(ig_device_stream *stream, const ig_device_run *r)
{
    const move_state *s = r->state;
    cu_move_args a = s->move;
    a.to = r->out[0];
    a.from = r->in[1];
    return ig_cu_done(stream, r, cu_move(&a, ig_cu_stream(stream)));
}

static ingot_status bind_fill(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const int64_t n = ig_cu_elements(b->out[0]), one = 1, none = 0;
    int64_t shape[IG_MAX_RANK];
    if (ig_cu_elements(b->in[1]) != 1) return IG_CU_DECLINE(b, "the value is not one element");
    (void)ig_cu_ints_of(b, 0, shape, IG_MAX_RANK);
    return bind_move(b, 1, &n, &one, &none, 0);
}

#define MOVE(op, fn) const ig_cu_op ig_cu_op_##op = {.name = #op, .bind = fn, .launch = launch}
MOVE(transpose, bind_transpose);
MOVE(slice, bind_slice);
MOVE(expand, bind_expand);
MOVE(tile, bind_tile);
MOVE(depth_to_space, bind_to_space);
MOVE(space_to_depth, bind_to_depth);
const ig_cu_op ig_cu_op_fill = {.name = "fill", .bind = bind_fill, .launch = launch_fill};
