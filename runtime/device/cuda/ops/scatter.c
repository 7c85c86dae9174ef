/* scatter.c - ops that write where index tensors point to: scatter_elements, scatter_nd,
 * tensor_scatter and max_unpool. Updates of one place are taken in their order, as on the CPU. */
#include "kernels/copy/copy_cuda.h"
#include "kernels/scatter/scatter_cuda.h"
#include "runtime/device/cuda/ops/rows.h"
#include "runtime/graph/op.h"

#include <string.h>

/* Updates of rows that are known in scratch. */
typedef struct {
    cu_order_args order;
    cu_scatter_args scatter;
    size_t rows_at, key_at;
} updates;

typedef struct {
    cu_rows_args rows; /* first: see ig_cu_refuse_index */
    int64_t bytes;     /* of the data */
    updates up;
} scatter_state;

static cu_put put_of(const ig_device_bind *b)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    const char *text = ig_cu_text(b, "reduction");
    cu_put put = CU_PUT;
    while (strcmp(names[put], text) != 0) put++;
    return put;
}

static bool updates_room(updates *u, ig_device_bind *b, int64_t n)
{
    u->order.n = n;
    return ig_cu_room(b, n, sizeof(int32_t), &u->rows_at) &&
           ig_cu_room(b, cu_order_room(n), sizeof(uint64_t), &u->key_at);
}

/* x to y, those of one row in their order. */
static int write_updates(const updates *u, const ig_device_run *r, const void *x, cu_stream st)
{
    cu_order_args order = u->order;
    cu_scatter_args scatter = u->scatter;
    order.row = ig_cu_piece(r, u->rows_at);
    scatter.key = order.key = ig_cu_piece(r, u->key_at);
    scatter.y = r->out[0];
    scatter.x = x;
    const int e = scatter.n ? cu_order(&order, st) : 0;
    return e ? e : cu_scatter(&scatter, st);
}

/* Updates [n, slice] of data with `of` rows. */
static ingot_status bind_updates(ig_device_bind *b, scatter_state *s, int64_t of, int64_t n,
                                 int64_t slice)
{
    const ig_type *x = b->in[0];
    const cu_put put = put_of(b);
    const int elem = ig_cu_bytes(x->dtype), number = ig_cu_number(x->dtype);
    if (!elem) return IG_CU_DECLINE(b, "strings");
    if (put != CU_PUT && number < 0) return IG_CU_DECLINE(b, "arithmetic of this type");
    if (of > CU_MOST || n > CU_MOST / 2 || (slice && n > CU_MOST / slice))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->bytes = ig_cu_elements(x) * elem;
    s->up.scatter =
        (cu_scatter_args){.n = n, .slice = slice, .put = put, .type = number, .bytes = elem};
    if (!ig_cu_indices(&s->rows.index, b->in[1]->dtype) || !updates_room(&s->up, b, n))
        return IG_CU_DECLINE(b, "indices that are no integers");
    b->kernel = "scatter";
    return INGOT_OK;
}

static ingot_status bind_elements(ig_device *d, ig_device_bind *b)
{
    (void)d;
    scatter_state *s = IG_CU_STATE(b, scatter_state);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_element_rows(&s->rows, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return bind_updates(b, s, ig_cu_elements(b->in[0]), s->rows.walk.total, 1);
}

static ingot_status bind_nd(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *index = b->in[1];
    scatter_state *s = IG_CU_STATE(b, scatter_state);
    int64_t of;
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_tuple_rows(&s->rows, b, 0, &of)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return bind_updates(b, s, of, s->rows.walk.total,
                        ig_cu_count(x->dims, (int)index->dims[index->rank - 1], x->rank));
}

/* The data as they were, unless they lie there already. */
static int keep_data(ig_device_stream *stream, const ig_device_run *r, int64_t bytes)
{
    if (r->out[0] == r->in[0]) return 0;
    return ig_cu_copy(stream, r->out[0], r->in[0], (size_t)bytes);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const scatter_state *s = r->state;
    const cu_stream st = ig_cu_stream(stream);
    cu_rows_args rows = s->rows;
    rows.index.p = r->in[1];
    rows.fault = ig_cu_fault(stream);
    rows.row = ig_cu_piece(r, s->up.rows_at);
    int e = keep_data(stream, r, s->bytes);
    if (!e && s->up.scatter.n) e = cu_rows(&rows, st);
    if (!e) e = write_updates(&s->up, r, r->in[2], st);
    return ig_cu_done(stream, r, e);
}

/* ---- tensor_scatter ---- */

typedef struct {
    int64_t bytes;
    cu_cache_keys_args keys;
    cu_scatter_args scatter;
} cache_state;

static ingot_status bind_cache(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *update = b->in[1];
    const int axis = ig_cu_axis(ig_cu_int(b, "axis"), x->rank), elem = ig_cu_bytes(x->dtype);
    const int64_t outer = ig_cu_count(x->dims, 0, axis), steps = update->dims[axis];
    const int64_t slice = ig_cu_count(x->dims, axis + 1, x->rank);
    cache_state *s = IG_CU_STATE(b, cache_state);
    size_t at;
    if (!s) return INGOT_E_NOMEM;
    if (!elem) return IG_CU_DECLINE(b, "strings");
    if (outer * x->dims[axis] > CU_MOST || ig_cu_elements(update) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->bytes = ig_cu_elements(x) * elem;
    s->keys = (cu_cache_keys_args){.outer = outer,
                                   .steps = steps,
                                   .limit = x->dims[axis],
                                   .per_batch = x->dims[0] ? outer / x->dims[0] : 1,
                                   .wraps = !strcmp(ig_cu_text(b, "mode"), "circular")};
    s->scatter =
        (cu_scatter_args){.n = s->bytes ? outer * steps : 0, .slice = slice, .bytes = elem};
    if (ig_cu_has(b, 2) && !ig_cu_indices(&s->keys.first, b->in[2]->dtype))
        return IG_CU_DECLINE(b, "positions that are no integers");
    if (!ig_cu_room(b, outer * steps, sizeof(uint64_t), &at))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "scatter";
    return INGOT_OK;
}

static ingot_status launch_cache(ig_device_stream *stream, const ig_device_run *r)
{
    const cache_state *s = r->state;
    cu_cache_keys_args keys = s->keys;
    cu_scatter_args scatter = s->scatter;
    keys.first.p = r->node->n_in > 2 ? r->in[2] : NULL;
    keys.fault = ig_cu_fault(stream);
    scatter.key = keys.key = r->scratch;
    scatter.y = r->out[0];
    scatter.x = r->in[1];
    int e = keep_data(stream, r, s->bytes);
    if (!e && scatter.n) e = cu_cache_keys(&keys, ig_cu_stream(stream));
    if (!e) e = cu_scatter(&scatter, ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

static ingot_status refuse_cache(const ig_node *node, const void *state, const cu_fault *f,
                                 ingot_error *err)
{
    const cu_cache_keys_args *keys = &((const cache_state *)state)->keys;
    return ig_node_fail(err, INGOT_E_DATA, node,
                        "position %lld plus %lld steps is outside a cache of %lld",
                        (long long)f->value, (long long)keys->steps, (long long)keys->limit);
}

/* ---- max_unpool ---- */

typedef struct {
    cu_fill_args zeros;
    cu_place_rows_args rows;
    updates up;
} unpool_state;

/* The sizes that the window gives, over which the indices count; false: impossible. */
static bool window_sizes(const ig_device_bind *b, int64_t *dims)
{
    const ig_type *x = b->in[0];
    const int n = x->rank - 2;
    const ig_ints kernel = ig_cu_ints(b, "kernel_shape"), strides = ig_cu_ints(b, "strides"),
                  pads = ig_cu_ints(b, "pads");
    memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
    for (int i = 0; i < n; i++) {
        const int64_t pad = pads.n ? pads.v[i] + pads.v[n + i] : 0;
        if (!ig_mul_ok(x->dims[2 + i] - 1, strides.n ? strides.v[i] : 1, &dims[2 + i]) ||
            !ig_add_ok(dims[2 + i], kernel.v[i] - pad, &dims[2 + i]) || dims[2 + i] < 1)
            return false;
    }
    return true;
}

static ingot_status bind_unpool(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *y = b->out[0];
    const int elem = ig_cu_bytes(x->dtype);
    const int64_t n = ig_cu_elements(x);
    int64_t own[IG_MAX_RANK], shape[IG_MAX_RANK];
    unpool_state *s = IG_CU_STATE(b, unpool_state);
    if (!s) return INGOT_E_NOMEM;
    if (!elem || (size_t)x->rank != ig_cu_ints(b, "kernel_shape").n + 2)
        return IG_CU_DECLINE(b, "strings, or no window");
    (void)ig_cu_ints_of(b, 2, shape, IG_MAX_RANK);
    if (!window_sizes(b, own) || x->rank > CU_RANK || n > CU_MOST / 2 ||
        ig_cu_elements(y) > CU_MOST || !updates_room(&s->up, b, n))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->zeros = (cu_fill_args){.bytes = elem, .n = ig_cu_elements(y)};
    s->rows = (cu_place_rows_args){.n = n, .rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        s->rows.from[i] = own[x->rank - 1 - i];
        s->rows.to[i] = y->dims[x->rank - 1 - i];
    }
    s->up.scatter = (cu_scatter_args){.n = n, .slice = 1, .bytes = elem};
    b->kernel = "scatter";
    return INGOT_OK;
}

static ingot_status launch_unpool(ig_device_stream *stream, const ig_device_run *r)
{
    const unpool_state *s = r->state;
    const cu_stream st = ig_cu_stream(stream);
    cu_fill_args zeros = s->zeros;
    cu_place_rows_args rows = s->rows;
    zeros.to = r->out[0];
    rows.index = r->in[1];
    rows.fault = ig_cu_fault(stream);
    rows.row = ig_cu_piece(r, s->up.rows_at);
    int e = cu_fill(&zeros, st);
    if (!e && s->up.scatter.n) e = cu_place_rows(&rows, st);
    if (!e) e = write_updates(&s->up, r, r->in[0], st);
    return ig_cu_done(stream, r, e);
}

static ingot_status refuse_unpool(const ig_node *node, const void *state, const cu_fault *f,
                                  ingot_error *err)
{
    (void)state;
    return ig_node_fail(err, INGOT_E_DATA, node, "index %lld lies outside the output",
                        (long long)f->value);
}

const ig_cu_op ig_cu_op_scatter_elements = {.name = "scatter_elements",
                                            .bind = bind_elements,
                                            .launch = launch,
                                            .refuse = ig_cu_refuse_index};
const ig_cu_op ig_cu_op_scatter_nd = {
    .name = "scatter_nd", .bind = bind_nd, .launch = launch, .refuse = ig_cu_refuse_tuple};
const ig_cu_op ig_cu_op_tensor_scatter = {
    .name = "tensor_scatter", .bind = bind_cache, .launch = launch_cache, .refuse = refuse_cache};
const ig_cu_op ig_cu_op_max_unpool = {
    .name = "max_unpool", .bind = bind_unpool, .launch = launch_unpool, .refuse = refuse_unpool};
