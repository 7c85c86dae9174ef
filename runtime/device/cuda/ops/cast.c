/* cast.c - conversions and masks of elements on the device: cast, dropout, trilu, one_hot. */
#include "kernels/convert/convert_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

/* ---- cast ---- */

static ingot_status bind_cast(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ingot_dtype from = b->in[0]->dtype, to = b->out[0]->dtype;
    if (!ig_el_number(from) || !ig_el_number(to)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    cu_cast_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_cast_args){.from = from,
                        .to = to,
                        .round = (int)ig_cu_int(b, "round_mode"),
                        .saturate = ig_cu_int(b, "saturate") != 0};
    if (!ig_el_count(b->in[0], &a->n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = from == to ? "copy" : "cast";
    return INGOT_OK;
}

static ingot_status launch_cast(ig_device_stream *s, const ig_device_run *r)
{
    cu_cast_args a = *(const cu_cast_args *)r->state;
    a.x = r->in[0], a.y = r->out[0];
    if (a.from == a.to)
        return ig_cu_done(
            s, r, ig_cu_copy(s, a.y, a.x, (size_t)a.n * ig_dtype((ingot_dtype)a.to)->bytes));
    return ig_cu_done(s, r, cu_cast(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_cast = {.name = "cast", .bind = bind_cast, .launch = launch_cast};

/* ---- dropout: what it is without training ---- */

typedef struct {
    size_t bytes;
    int64_t n;
} dropout_state;

static ingot_status bind_dropout(ig_device *d, ig_device_bind *b)
{
    (void)d;
    int64_t training = 0;
    dropout_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (b->node->n_in > 2 && b->in[2] && (ig_el_known(b, 2, &training, 1) != 1 || training))
        return IG_CU_DECLINE(b, "training, or it may be");
    if (!ig_el_count(b->in[0], &s->n) || !ig_type_bytes(b->in[0], &s->bytes))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "copy";
    return INGOT_OK;
}

static ingot_status launch_dropout(ig_device_stream *s, const ig_device_run *r)
{
    const dropout_state *state = r->state;
    int status = 0;
    if (r->out[0]) status = ig_cu_copy(s, r->out[0], r->in[0], state->bytes);
    if (!status && r->node->n_out > 1 && r->out[1]) /* all was kept */
        status = cu_ones(&(cu_ones_args){r->out[1], state->n}, ig_cu_stream(s));
    return ig_cu_done(s, r, status);
}

const ig_cu_op ig_cu_op_dropout = {
    .name = "dropout", .bind = bind_dropout, .launch = launch_dropout};

/* ---- trilu ---- */

typedef struct {
    cu_trilu_args args;
    ingot_dtype k; /* of a diagonal that launch reads on the host; NONE: it is known */
} trilu_state;

static void set_diagonal(cu_trilu_args *a, int64_t k)
{
    a->k = IG_MIN(IG_MAX(k, -a->rows - 1), a->columns + 1);
}

static ingot_status bind_trilu(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    const size_t bytes = ig_dtype(x->dtype)->bytes;
    int64_t all, k = 0, n_k = 1;
    if (bytes > 8 || x->dtype == INGOT_STR)
        return IG_CU_DECLINE(b, "elements of more than 8 bytes");
    if (!ig_el_count(x, &all)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    const ig_type *diagonal = b->node->n_in > 1 ? b->in[1] : NULL;
    if (diagonal && (!ig_el_count(diagonal, &n_k) || n_k != 1))
        return IG_CU_DECLINE(b, "a diagonal that is not one integer");
    const bool known = !diagonal || ig_el_known(b, 1, &k, 1) == 1;
    trilu_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (!known) b->host_in = 2, s->k = diagonal->dtype;
    const int64_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    s->args = (cu_trilu_args){.n = all ? all / (rows * columns) : 0,
                              .rows = rows,
                              .columns = columns,
                              .bytes = (int)bytes,
                              .upper = ig_cu_int(b, "upper") != 0};
    set_diagonal(&s->args, k);
    b->kernel = "trilu";
    return INGOT_OK;
}

static ingot_status launch_trilu(ig_device_stream *s, const ig_device_run *r)
{
    const trilu_state *state = r->state;
    cu_trilu_args a = state->args;
    if (state->k) set_diagonal(&a, ig_to_int(r->in[1], state->k, 0));
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_trilu(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_trilu = {.name = "trilu", .bind = bind_trilu, .launch = launch_trilu};

/* ---- one_hot ---- */

static ingot_status bind_one_hot(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *y = b->out[0];
    const size_t bytes = ig_dtype(y->dtype)->bytes;
    ig_el_lines lines;
    if (bytes > 8 || y->dtype == INGOT_STR)
        return IG_CU_DECLINE(b, "elements of more than 8 bytes");
    if (!ig_el_number(b->in[0]->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_split(&lines, y, ig_cu_int(b, "axis"))) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    cu_one_hot_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_one_hot_args){.outer = lines.outer,
                           .depth = lines.n,
                           .inner = lines.inner,
                           .dtype = b->in[0]->dtype,
                           .bytes = (int)bytes};
    b->kernel = "one_hot";
    return INGOT_OK;
}

static ingot_status launch_one_hot(ig_device_stream *s, const ig_device_run *r)
{
    cu_one_hot_args a = *(const cu_one_hot_args *)r->state;
    a.index = r->in[0], a.values = r->in[2], a.y = r->out[0];
    return ig_cu_done(s, r, cu_one_hot(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_one_hot = {
    .name = "one_hot", .bind = bind_one_hot, .launch = launch_one_hot};
