/* index.c - ops that read where index tensors point to: gather, gather_elements, gather_nd and
 * reverse_sequence. First the numbers of the rows, then the rows. */
#include "runtime/device/cuda/ops/rows.h"
#include "runtime/graph/op.h"

#define NOTHING_TO_DO "nothing to do" /* the CPU still looks at the indices */

typedef struct {
    cu_rows_args rows; /* first: see ig_cu_refuse_index */
    cu_pick_rows_args pick;
} gather_state;

/* Rows [n] of `bytes` each out of `of` rows: scratch for their numbers. */
static ingot_status bind_rows(ig_device_bind *b, gather_state *s, int64_t of, int64_t bytes)
{
    const int elem = ig_cu_bytes(b->in[0]->dtype);
    size_t at;
    if (!elem) return IG_CU_DECLINE(b, "strings");
    if (!ig_cu_elements(b->out[0])) return IG_CU_DECLINE(b, NOTHING_TO_DO);
    if (of > CU_MOST || ig_cu_elements(b->out[0]) * (elem == 16 ? 2 : 1) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->pick = (cu_pick_rows_args){.n = s->rows.walk.total, .bytes = bytes};
    if (!ig_cu_indices(&s->rows.index, b->in[1]->dtype) ||
        !ig_cu_room(b, s->rows.walk.total, sizeof(int32_t), &at))
        return IG_CU_DECLINE(b, "indices that are no integers");
    b->kernel = "gather_rows";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const gather_state *s = r->state;
    cu_rows_args rows = s->rows;
    cu_pick_rows_args pick = s->pick;
    pick.to = r->out[0];
    pick.from = r->in[0];
    pick.row = rows.row = r->scratch;
    rows.index.p = r->in[1];
    rows.fault = ig_cu_fault(stream);
    int e = cu_rows(&rows, ig_cu_stream(stream));
    if (!e) e = cu_pick_rows(&pick, ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

static ingot_status bind_gather(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    const int axis = ig_cu_axis(ig_cu_int(b, "axis"), x->rank);
    const int64_t outer = ig_cu_count(x->dims, 0, axis), size = x->dims[axis];
    const int64_t n[] = {outer, ig_cu_elements(b->in[1])}, base[] = {size, 0}, at[] = {0, 1};
    const int64_t *strides[] = {base, at};
    gather_state *s = IG_CU_STATE(b, gather_state);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_walk(&s->rows.walk, 2, n, 2, strides)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->rows.k = 1;
    s->rows.size[0] = size;
    s->rows.step[0] = 1;
    return bind_rows(b, s, outer * size,
                     ig_cu_count(x->dims, axis + 1, x->rank) * ig_cu_bytes(x->dtype));
}

static ingot_status bind_elements(ig_device *d, ig_device_bind *b)
{
    (void)d;
    gather_state *s = IG_CU_STATE(b, gather_state);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_element_rows(&s->rows, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return bind_rows(b, s, ig_cu_elements(b->in[0]), ig_cu_bytes(b->in[0]->dtype));
}

static ingot_status bind_nd(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *index = b->in[1];
    const int batch = (int)ig_cu_int(b, "batch_dims"), k = (int)index->dims[index->rank - 1];
    gather_state *s = IG_CU_STATE(b, gather_state);
    int64_t of;
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_tuple_rows(&s->rows, b, batch, &of)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return bind_rows(b, s, of, ig_cu_count(x->dims, batch + k, x->rank) * ig_cu_bytes(x->dtype));
}

/* ---- reverse_sequence ---- */

typedef struct {
    cu_reverse_rows_args rows;
    cu_pick_rows_args pick;
} reverse_state;

static ingot_status bind_reverse(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    const bool time_first = ig_cu_axis(ig_cu_int(b, "time_axis"), x->rank) == 0;
    reverse_state *s = IG_CU_STATE(b, reverse_state);
    size_t at;
    if (!s) return INGOT_E_NOMEM;
    const int bytes = ig_cu_bytes(x->dtype);
    if (!bytes) return IG_CU_DECLINE(b, "strings");
    if (!ig_cu_elements(x)) return IG_CU_DECLINE(b, NOTHING_TO_DO);
    if (ig_cu_elements(x) * (bytes == 16 ? 2 : 1) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const int64_t steps = x->dims[0] * x->dims[1];
    s->rows = (cu_reverse_rows_args){.time = x->dims[time_first ? 0 : 1],
                                     .batch = x->dims[time_first ? 1 : 0],
                                     .time_first = time_first};
    s->pick = (cu_pick_rows_args){.n = steps, .bytes = ig_cu_count(x->dims, 2, x->rank) * bytes};
    if (!ig_cu_indices(&s->rows.len, b->in[1]->dtype) ||
        !ig_cu_room(b, steps, sizeof(int32_t), &at))
        return IG_CU_DECLINE(b, "lengths that are no integers");
    b->kernel = "gather_rows";
    return INGOT_OK;
}

static ingot_status refuse_reverse(const ig_node *node, const void *state, const cu_fault *f,
                                   ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "sequence %lld has length %lld, outside 0..%lld",
                        (long long)f->at, (long long)f->value,
                        (long long)((const reverse_state *)state)->rows.time);
}

static ingot_status launch_reverse(ig_device_stream *stream, const ig_device_run *r)
{
    const reverse_state *s = r->state;
    cu_reverse_rows_args rows = s->rows;
    cu_pick_rows_args pick = s->pick;
    pick.to = r->out[0];
    pick.from = r->in[0];
    pick.row = rows.row = r->scratch;
    rows.len.p = r->in[1];
    rows.fault = ig_cu_fault(stream);
    int e = cu_reverse_rows(&rows, ig_cu_stream(stream));
    if (!e) e = cu_pick_rows(&pick, ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_gather = {
    .name = "gather", .bind = bind_gather, .launch = launch, .refuse = ig_cu_refuse_index};
const ig_cu_op ig_cu_op_gather_elements = {.name = "gather_elements",
                                           .bind = bind_elements,
                                           .launch = launch,
                                           .refuse = ig_cu_refuse_index};
const ig_cu_op ig_cu_op_gather_nd = {
    .name = "gather_nd", .bind = bind_nd, .launch = launch, .refuse = ig_cu_refuse_tuple};
const ig_cu_op ig_cu_op_reverse_sequence = {.name = "reverse_sequence",
                                            .bind = bind_reverse,
                                            .launch = launch_reverse,
                                            .refuse = refuse_reverse};
