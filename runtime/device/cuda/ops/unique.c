/* unique.c - the distinct elements, or slices along an axis, on the device. */
#include "kernels/select/select_cuda.h"
#include "kernels/unique/unique_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/ops/walk.h"
#include "runtime/graph/op.h"
#include "runtime/ops/move.h"

enum { VALUES, AT, OF, REPEATED };
enum { ORDER, ORDER2, HEAD, SUMS, NAMES, INDEX, FIRST, ROOMS };

typedef struct {
    cu_unique_args args;
    cu_kept_rows_args rows;
    size_t room[ROOMS], blocks, keys;
} unique_state;

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    unique_state *s = IG_CU_STATE(b, unique_state);
    int64_t all;
    if (!s) return INGOT_E_NOMEM;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &all)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    ig_el_lines l = {1, all, 1};
    const int64_t axis = ig_cu_int(b, "axis");
    if (axis != IG_NO_AXIS && !ig_el_split(&l, x, axis)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (!all) return IG_CU_DECLINE(b, "an empty input");
    s->args = (cu_unique_args){.dtype = (int)x->dtype,
                               .outer = l.outer,
                               .n = l.n,
                               .inner = l.inner,
                               .sorted = ig_cu_int(b, "sorted") != 0};
    s->rows = (cu_kept_rows_args){
        .outer = l.outer, .size = l.n, .units = l.inner, .n = l.n, .bytes = ig_cu_bytes(x->dtype)};
    b->most = l.n;
    b->kernel = "unique";
    for (int i = 0; i < ROOMS; i++)
        if (!ig_cu_room(b, l.n, sizeof(int32_t), &s->room[i]))
            return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    return ig_cu_room(b, cu_select_blocks(l.n), sizeof(int32_t), &s->blocks) &&
                   ig_cu_room(b, all, sizeof(uint64_t), &s->keys)
               ? INGOT_OK
               : IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const unique_state *s = r->state;
    int64_t *out[REPEATED + 1] = {0};
    for (uint32_t o = AT; o <= REPEATED && o < r->node->n_out; o++) out[o] = r->out[o];
    cu_unique_args a = s->args;
    a.x = r->in[0], a.keys = ig_cu_piece(r, s->keys), a.count = r->count;
    a.order[0] = ig_cu_piece(r, s->room[ORDER]), a.order[1] = ig_cu_piece(r, s->room[ORDER2]);
    a.head = ig_cu_piece(r, s->room[HEAD]), a.sums = ig_cu_piece(r, s->room[SUMS]);
    a.names = ig_cu_piece(r, s->room[NAMES]), a.index = ig_cu_piece(r, s->room[INDEX]);
    a.first = ig_cu_piece(r, s->room[FIRST]), a.blocks = ig_cu_piece(r, s->blocks);
    a.at = out[AT], a.of = out[OF], a.repeated = out[REPEATED];
    int status = cu_unique(&a, ig_cu_stream(stream));
    cu_kept_rows_args rows = s->rows;
    rows.x = r->in[0], rows.index = a.first, rows.count = r->count, rows.y = r->out[VALUES];
    if (!status && rows.y) status = cu_kept_rows(&rows, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

const ig_cu_op ig_cu_op_unique = {.name = "unique", .bind = bind, .launch = launch};
