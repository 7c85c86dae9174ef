/* select.c - ops whose results only the data size, on the device: non_zero, compress and
 * non_max_suppression. */
#include "kernels/select/select_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/ops/walk.h"
#include "runtime/graph/op.h"
#include "runtime/ops/move.h"

#include <string.h>

/* Elements that count: their numbers in a piece of scratch. */
typedef struct {
    cu_select_args args;
    size_t index, blocks;
} selection;

static bool bind_selection(selection *s, ig_device_bind *b, const ig_type *x, int64_t limit)
{
    int64_t n;
    if (!ig_el_count(x, &n)) return false;
    s->args = (cu_select_args){.n = n, .limit = limit, .x_dtype = (int)x->dtype};
    b->most = n < limit ? n : limit;
    return ig_cu_room(b, b->most, sizeof(int32_t), &s->index) &&
           ig_cu_room(b, cu_select_blocks(n), sizeof(int32_t), &s->blocks);
}

/* index: where the numbers are. */
static int find(const selection *s, ig_device_stream *stream, const ig_device_run *r, const void *x,
                int32_t **index)
{
    cu_select_args a = s->args;
    a.x = x, a.count = r->count, a.fault = ig_cu_fault(stream);
    a.index = *index = ig_cu_piece(r, s->index), a.blocks = ig_cu_piece(r, s->blocks);
    return cu_select(&a, ig_cu_stream(stream));
}

/* ---- non_zero ---- */

typedef struct {
    selection set;
    cu_coordinates_args place;
} non_zero_state;

static ingot_status bind_non_zero(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    non_zero_state *s = IG_CU_STATE(b, non_zero_state);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!bind_selection(&s->set, b, x, INT32_MAX)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->place = (cu_coordinates_args){.n = b->most, .rank = x->rank};
    memcpy(s->place.dims, x->dims, sizeof s->place.dims);
    b->kernel = "select";
    return INGOT_OK;
}

static ingot_status launch_non_zero(ig_device_stream *stream, const ig_device_run *r)
{
    const non_zero_state *s = r->state;
    cu_coordinates_args a = s->place;
    int32_t *index;
    int status = find(&s->set, stream, r, r->in[0], &index);
    a.index = index, a.count = r->count, a.y = r->out[0];
    if (!status) status = cu_coordinates(&a, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

const ig_cu_op ig_cu_op_non_zero = {
    .name = "non_zero", .bind = bind_non_zero, .launch = launch_non_zero};

/* ---- compress ---- */

typedef struct {
    selection set;
    cu_kept_rows_args rows;
} compress_state;

static ingot_status bind_compress(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *y = b->out[0];
    int64_t n, size, inner = 1;
    const int bytes = ig_cu_bytes(x->dtype);
    compress_state *s = IG_CU_STATE(b, compress_state);
    if (!s) return INGOT_E_NOMEM;
    int axis =
        0; /* the open dimension of y, whose other dimensions are x's; of the flat x: its own */
    while (y && axis < y->rank && y->dims[axis] >= 0) axis++;
    if (!y || axis == y->rank) return IG_CU_DECLINE(b, "a result that nobody wants");
    if (!ig_el_count(x, &n)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const int64_t flat = ig_cu_int(b, "axis") == IG_NO_AXIS;
    size = flat ? n : x->dims[axis];
    if (!flat) inner = ig_cu_count(x->dims, axis + 1, x->rank);
    const int unit = bytes > 8 ? 8 : bytes;
    if (!bind_selection(&s->set, b, b->in[1], size)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->rows = (cu_kept_rows_args){.outer = flat ? 1 : ig_cu_count(x->dims, 0, axis),
                                  .size = size,
                                  .units = inner * (bytes / unit),
                                  .n = b->most,
                                  .bytes = unit};
    b->kernel = "select rows";
    return INGOT_OK;
}

static ingot_status launch_compress(ig_device_stream *stream, const ig_device_run *r)
{
    const compress_state *s = r->state;
    cu_kept_rows_args a = s->rows;
    int32_t *index;
    int status = find(&s->set, stream, r, r->in[1], &index);
    a.x = r->in[0], a.index = index, a.count = r->count, a.y = r->out[0];
    if (!status) status = cu_kept_rows(&a, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static ingot_status refuse_compress(const ig_node *node, const void *state, const cu_fault *f,
                                    ingot_error *err)
{
    (void)state;
    return ig_node_fail(err, INGOT_E_DATA, node, "the condition selects element %lld of %lld",
                        (long long)f->at, (long long)f->value);
}

const ig_cu_op ig_cu_op_compress = {.name = "compress",
                                    .bind = bind_compress,
                                    .launch = launch_compress,
                                    .refuse = refuse_compress};

/* ---- non_max_suppression ---- */

enum { BOXES, SCORES, MOST, IOU, SCORE, N_LIMITS = SCORE + 1 - MOST };

typedef struct {
    cu_suppress_args args;
    size_t left, kept, found;
    int from_host[N_LIMITS]; /* dtypes of limits that launch reads on the host; 0: not there */
} suppress_state;

static void set_limit(cu_suppress_args *a, uint32_t i, const void *data, ingot_dtype dtype)
{
    if (i == MOST) {
        const int64_t most = ig_to_int(data, dtype, 0);
        a->most = IG_MAX(IG_MIN(most, a->n), (int64_t)0);
    } else if (i == IOU) {
        a->iou = *(const float *)data;
    } else {
        a->score = *(const float *)data;
        a->scored = true;
    }
}

/* A limit that is given: now if it is known, else when it is launched. false: no such limit. */
static bool bind_limit(suppress_state *s, ig_device_bind *b, uint32_t i)
{
    if (!ig_cu_has(b, i)) return true;
    const ig_type *t = b->in[i];
    const ig_dtype_class k = ig_dtype(t->dtype)->class_;
    const bool fits = i == MOST ? k == IG_CLASS_INT || k == IG_CLASS_UINT : t->dtype == INGOT_F32;
    if (!fits || ig_cu_elements(t) > 1) return false;
    b->taken |= UINT64_C(1) << i;
    if (ig_cu_elements(t) == 0) return true;
    if (b->known[i]) {
        set_limit(&s->args, i, b->known[i]->data, t->dtype);
        return true;
    }
    b->taken &= ~(UINT64_C(1) << i);
    b->host_in |= UINT64_C(1) << i;
    s->from_host[i - MOST] = (int)t->dtype;
    if (i == MOST) s->args.most = s->args.n;
    return true;
}

static ingot_status bind_suppress(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *scores = b->in[SCORES];
    int64_t n;
    suppress_state *s = IG_CU_STATE(b, suppress_state);
    if (!s) return INGOT_E_NOMEM;
    cu_suppress_args *a = &s->args;
    *a = (cu_suppress_args){.batches = scores->dims[0],
                            .classes = scores->dims[1],
                            .n = scores->dims[2],
                            .centered = ig_cu_int(b, "center_point_box") != 0};
    for (uint32_t i = MOST; i <= SCORE; i++)
        if (!bind_limit(s, b, i)) return IG_CU_DECLINE(b, "limits that are not one number each");
    const int64_t groups = a->batches * a->classes;
    if (!ig_el_count(scores, &n) || groups > CU_MOST || groups * a->most > CU_MOST ||
        !ig_cu_room(b, n, sizeof(float), &s->left) ||
        !ig_cu_room(b, groups * a->most, sizeof(int32_t), &s->kept) ||
        !ig_cu_room(b, groups, sizeof(int32_t), &s->found))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->most = groups * a->most;
    b->kernel = "suppress";
    return INGOT_OK;
}

static ingot_status launch_suppress(ig_device_stream *stream, const ig_device_run *r)
{
    const suppress_state *s = r->state;
    cu_suppress_args a = s->args;
    for (uint32_t i = MOST; i <= SCORE; i++)
        if (s->from_host[i - MOST]) set_limit(&a, i, r->in[i], (ingot_dtype)s->from_host[i - MOST]);
    a.boxes = r->in[BOXES], a.scores = r->in[SCORES], a.y = r->out[0], a.count = r->count;
    a.left = ig_cu_piece(r, s->left), a.kept = ig_cu_piece(r, s->kept);
    a.found = ig_cu_piece(r, s->found);
    return ig_cu_done(stream, r, cu_suppress(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_non_max_suppression = {
    .name = "non_max_suppression", .bind = bind_suppress, .launch = launch_suppress};
