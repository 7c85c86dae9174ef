/* rnn.c - rnn, gru and lstm on the device. In f32 one product makes the sums of the input for all
 * times, then each step is a launch (two of a gru whose reset comes before its product). Other
 * types, and lengths of fewer than 32 bits, go to a kernel whose steps make both products. */
#include "runtime/ops/rnn.h"
#include "kernels/copy/copy_cuda.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/rnn/rnn_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/graph/op.h"

#include <math.h>

typedef struct {
    cu_gemm_f32_args product;
    cu_rnn_args step[2]; /* of the directions */
    bool any;            /* any[] instead */
    cu_rnn_any_args wide[2];
    ig_rnn_kind kind;
    int64_t time, batch, hidden, gates, dirs, input;
    bool batch_first, linear;
    size_t sums_at, h_at[2], c_at, z_at, reset_at;
    size_t bytes; /* of an element of x */
    ingot_dtype lens;
    void *plain[2]; /* W and R where the file has them in panels */
} rnn_state;

/* ---- weights in panels (IG_P16_TURNED), back to rows [n, k] of each direction ---- */

typedef struct {
    const float *panels;
    size_t dirs, n, k;
} panels;

static ingot_status fill_rows(const void *ud, void *dst, ingot_error *err)
{
    const panels *p = ud;
    float *to = dst;
    (void)err;
    for (size_t d = 0; d < p->dirs; d++) {
        const float *from = p->panels + d * ig_gemm_packed(p->k, p->n);
        for (size_t i = 0; i < p->n; i++)
            for (size_t x = 0; x < p->k; x++)
                *to++ = from[(i / IG_PANEL * p->k + x) * IG_PANEL + i % IG_PANEL];
    }
    return INGOT_OK;
}

static ingot_status unpack_weights(ig_device *d, ig_device_bind *b, rnn_state *s)
{
    for (uint32_t i = IG_RNN_W; i <= IG_RNN_R; i++) {
        const ig_type *t = b->in[i];
        if (b->in_layout[i] == IG_PLAIN) continue;
        if (b->in_layout[i] != IG_P16_TURNED || !b->known[i] || t->dtype != INGOT_F32)
            return IG_CU_DECLINE(b, "weights in this layout");
        const panels from = {.panels = b->known[i]->data,
                             .dirs = (size_t)t->dims[0],
                             .n = (size_t)t->dims[1],
                             .k = (size_t)t->dims[2]};
        b->taken |= UINT64_C(1) << i;
        IG_TRY(ig_cu_pack(d, from.panels, "f32 [n, k] of directions",
                          from.dirs * from.n * from.k * sizeof(float), fill_rows, &from,
                          &s->plain[i - IG_RNN_W], b->err));
    }
    return INGOT_OK;
}

static void unbind(ig_device *d, void *state)
{
    const rnn_state *s = state;
    for (int i = 0; s && i < 2; i++)
        if (s->plain[i]) ig_cu_unpack(d, s->plain[i]);
}

static cu_rnn_kind kind_of(const rnn_state *s)
{
    return s->kind == IG_LSTM  ? CU_LSTM
           : s->kind == IG_RNN ? CU_RNN
           : s->linear         ? CU_GRU_LINEAR
                               : CU_GRU_RESET;
}

static bool set_cells(rnn_state *s, const ig_device_bind *b)
{
    const ig_rnn_attrs *a = b->node->attrs;
    ig_rnn_cell cells[2];
    if (ig_rnn_cells(cells, s->kind, a, IG_CALC_F32)) return false;
    for (int64_t d = 0; d < s->dirs; d++) {
        cu_rnn_args *p = &s->step[d];
        *p = (cu_rnn_args){.kind = kind_of(s),
                           .batch = (int)s->batch,
                           .hidden = (int)s->hidden,
                           .gates = (int)s->gates,
                           .lens_bytes = (int)ig_dtype(s->lens)->bytes,
                           .input_forget = cells[d].input_forget,
                           .clip = (float)cells[d].clip};
        cu_rnn_any_args *w = &s->wide[d];
        *w = (cu_rnn_any_args){.kind = p->kind,
                               .type = ig_cu_number(b->in[IG_RNN_X]->dtype),
                               .batch = p->batch,
                               .hidden = p->hidden,
                               .gates = p->gates,
                               .input = (int)s->input,
                               .lens_type = ig_cu_number(s->lens),
                               .input_forget = p->input_forget,
                               .clip = cells[d].clip};
        for (size_t i = 0; i < ig_rnn_acts(s->kind); i++) {
            p->act[i] = w->act[i] = cells[d].act[i].fn;
            w->alpha[i] = cells[d].act[i].alpha;
            w->beta[i] = cells[d].act[i].beta;
            p->alpha[i] = (float)w->alpha[i];
            p->beta[i] = (float)w->beta[i];
        }
    }
    return true;
}

/* Scratch: sums of the input for all times, states and what a gru hands from launch to launch. */
static bool add_rooms(rnn_state *s, ig_device_bind *b)
{
    const int64_t rows = s->time * s->batch, state = s->batch * s->hidden;
    const size_t each = s->any ? sizeof(double) : sizeof(float);
    const size_t sums = s->any ? 0 : (size_t)(s->gates * s->hidden) * sizeof(float);
    return ig_cu_room(b, rows, sums, &s->sums_at) && ig_cu_room(b, state, each, &s->h_at[0]) &&
           ig_cu_room(b, state, each, &s->h_at[1]) && ig_cu_room(b, state, each, &s->c_at) &&
           ig_cu_room(b, state, each, &s->z_at) && ig_cu_room(b, state, each, &s->reset_at);
}

static void set_sizes(rnn_state *s, const ig_device_bind *b, ig_rnn_kind kind)
{
    const ig_rnn_attrs *a = b->node->attrs;
    const ig_type *x = b->in[IG_RNN_X];
    s->kind = kind;
    s->batch_first = a->layout != 0;
    s->linear = kind == IG_GRU && a->linear_before_reset;
    s->time = x->dims[s->batch_first ? 1 : 0];
    s->batch = x->dims[s->batch_first ? 0 : 1];
    s->input = x->dims[2];
    s->bytes = ig_dtype(x->dtype)->bytes;
    s->hidden = b->in[IG_RNN_R]->dims[2];
    s->gates = (int64_t)ig_rnn_gates(kind);
    s->dirs = b->in[IG_RNN_R]->dims[0];
    s->lens = ig_cu_has(b, IG_RNN_LENS) ? b->in[IG_RNN_LENS]->dtype : INGOT_I32;
    s->any = x->dtype != INGOT_F32 || (s->lens != INGOT_I32 && s->lens != INGOT_I64);
}

static ingot_status bind_kind(ig_device *d, ig_device_bind *b, ig_rnn_kind kind)
{
    const ig_type *x = b->in[IG_RNN_X];
    rnn_state *s = IG_CU_STATE(b, rnn_state);
    if (!s) return INGOT_E_NOMEM;
    if (ig_cu_float_type(x->dtype) < 0) return IG_CU_DECLINE(b, "floats of this type");
    set_sizes(s, b, kind);
    if (ig_cu_number(s->lens) < 0) return IG_CU_DECLINE(b, "lengths of this type");
    if (!set_cells(s, b)) return IG_CU_DECLINE(b, "activations that cannot be");
    const int64_t rows = s->time * s->batch;
    if (ig_cu_elements(x) > CU_MOST || s->gates * s->hidden > CU_MOST || rows > CU_MOST ||
        s->batch * s->hidden > CU_MOST || !s->hidden || !rows || !add_rooms(s, b))
        return IG_CU_DECLINE(b, "sequences that are empty or too large");
    const int n = (int)(s->gates * s->hidden);
    s->product = (cu_gemm_f32_args){.m = (int)rows,
                                    .n = n,
                                    .k = (int)s->input,
                                    .a_row = s->input,
                                    .a_col = 1,
                                    .b_row = s->input,
                                    .b_col = 1,
                                    .out = {.ldc = n, .alpha = 1, .columns = n}};
    b->kernel = s->any            ? "rnn_any_step"
                : kind == IG_LSTM ? "lstm_step"
                : kind == IG_GRU  ? "gru_step"
                                  : "rnn_step";
    const ingot_status status = unpack_weights(d, b, s);
    if (status || b->declined) unbind(d, s);
    return status;
}

static ingot_status bind_rnn(ig_device *d, ig_device_bind *b) { return bind_kind(d, b, IG_RNN); }
static ingot_status bind_gru(ig_device *d, ig_device_bind *b) { return bind_kind(d, b, IG_GRU); }
static ingot_status bind_lstm(ig_device *d, ig_device_bind *b) { return bind_kind(d, b, IG_LSTM); }

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

/* The rows of direction d between a state of the node and [batch, hidden]. */
static int move_state(const rnn_state *s, int64_t d, void *to, const void *from, bool out,
                      cu_stream st)
{
    const int64_t row = s->batch_first ? s->dirs * s->hidden : s->hidden;
    const int64_t at = (s->batch_first ? d : d * s->batch) * s->hidden;
    const int64_t inner[2] = {1, 1}, outer[2] = {out ? row : s->hidden, out ? s->hidden : row};
    cu_move_args m = {.to = (float *)to + (out ? at : 0),
                      .from = (const float *)from + (out ? 0 : at),
                      .bytes = sizeof(float)};
    cu_walk_begin(&m.walk, 2);
    (void)cu_walk_dim(&m.walk, s->hidden, inner); /* two dims, fewer elements than CU_MOST */
    (void)cu_walk_dim(&m.walk, s->batch, outer);
    return cu_move(&m, st);
}

static int take_state(const rnn_state *s, int64_t d, void *to, const void *from, cu_stream st)
{
    const cu_fill_args zero = {.to = to, .bytes = sizeof(float), .n = s->batch * s->hidden};
    return from ? move_state(s, d, to, from, false, st) : cu_fill(&zero, st);
}

/* One step of direction d from h[0] to h[1]. */
static int run_step(const rnn_state *s, cu_rnn_args *p, float *const h[2], cu_stream st)
{
    p->h = h[0];
    p->h_new = h[1];
    int e = cu_rnn_step(p, st);
    if (e || s->kind != IG_GRU || s->linear) return e;
    p->kind = CU_GRU_FRESH;
    e = cu_rnn_step(p, st);
    p->kind = CU_GRU_RESET;
    return e;
}

static int run_direction(const rnn_state *s, const ig_device_run *r, int64_t d, cu_stream st)
{
    const ig_rnn_attrs *a = r->node->attrs;
    const bool reverse = a->direction == IG_RNN_REVERSE || d == 1;
    const int64_t n = s->gates * s->hidden, H = s->hidden;
    const float *bias = input(r, IG_RNN_B), *peephole = input(r, IG_RNN_P);
    float *h[2] = {ig_cu_piece(r, s->h_at[0]), ig_cu_piece(r, s->h_at[1])};
    float *y = r->out[IG_RNN_Y], *sums = ig_cu_piece(r, s->sums_at);
    cu_gemm_f32_args product = s->product;
    cu_rnn_args p = s->step[d];
    product.a = r->in[IG_RNN_X];
    const float *w = s->plain[0] ? s->plain[0] : r->in[IG_RNN_W];
    const float *rows = s->plain[1] ? s->plain[1] : r->in[IG_RNN_R];
    product.b = w + d * n * s->input;
    product.out.c = sums;
    p.r = rows + d * n * H;
    p.bias = bias ? bias + d * 2 * n : NULL;
    p.peephole = peephole ? peephole + d * 3 * H : NULL;
    p.c = ig_cu_piece(r, s->c_at);
    p.z = ig_cu_piece(r, s->z_at);
    p.reset = ig_cu_piece(r, s->reset_at);
    p.lens = input(r, IG_RNN_LENS);
    p.sums_row = s->batch_first ? s->time * n : n;
    p.y_row = s->batch_first ? s->time * s->dirs * H : H;
    int e = cu_gemm_f32(&product, st);
    if (!e) e = take_state(s, d, h[0], input(r, IG_RNN_H0), st);
    if (!e && s->kind == IG_LSTM) e = take_state(s, d, p.c, input(r, IG_RNN_C0), st);
    for (int64_t i = 0; i < s->time && !e; i++) {
        const int64_t t = reverse ? s->time - 1 - i : i;
        p.t = (int)t;
        p.sums = sums + t * (s->batch_first ? n : s->batch * n);
        if (y) p.y = y + (t * s->dirs + d) * (s->batch_first ? H : s->batch * H);
        e = run_step(s, &p, (float *[2]){h[i % 2], h[(i + 1) % 2]}, st);
    }
    const uint32_t n_out = r->node->n_out;
    if (!e && n_out > IG_RNN_Y_H && r->out[IG_RNN_Y_H])
        e = move_state(s, d, r->out[IG_RNN_Y_H], h[s->time % 2], true, st);
    if (!e && n_out > IG_RNN_Y_C && r->out[IG_RNN_Y_C])
        e = move_state(s, d, r->out[IG_RNN_Y_C], p.c, true, st);
    return e;
}

/* ---- any type ---- */

/* Where direction d of the states [dirs, batch, hidden], or [batch, dirs, hidden], begins. */
static void *state_at(const rnn_state *s, int64_t d, void *states)
{
    const int64_t at = (s->batch_first ? d : d * s->batch) * s->hidden;
    return states ? (char *)states + (size_t)at * s->bytes : NULL;
}
static cu_rnn_state begins_with(const rnn_state *s, int64_t d, const void *states)
{
    return (cu_rnn_state){.p = state_at(s, d, (void *)(uintptr_t)states),
                          .type = s->wide[d].type,
                          .row = s->batch_first ? s->dirs * s->hidden : s->hidden};
}
static void *output(const ig_device_run *r, uint32_t o)
{
    return o < r->node->n_out ? r->out[o] : NULL;
}
static const void *elements(const rnn_state *s, const void *p, int64_t at)
{
    return p ? (const char *)p + (size_t)at * s->bytes : NULL;
}

/* What is the same in all steps of direction d. */
static cu_rnn_any_args any_of(const rnn_state *s, const ig_device_run *r, int64_t d)
{
    const int64_t n = s->gates * s->hidden, H = s->hidden;
    cu_rnn_any_args p = s->wide[d];
    p.x_row = s->batch_first ? s->time * s->input : s->input;
    p.y_row = s->batch_first ? s->time * s->dirs * H : H;
    p.w = elements(s, s->plain[0] ? s->plain[0] : r->in[IG_RNN_W], d * n * s->input);
    p.r = elements(s, s->plain[1] ? s->plain[1] : r->in[IG_RNN_R], d * n * H);
    p.bias = elements(s, input(r, IG_RNN_B), d * 2 * n);
    p.peephole = elements(s, input(r, IG_RNN_P), d * 3 * H);
    p.h = begins_with(s, d, input(r, IG_RNN_H0));
    p.c = begins_with(s, d, input(r, IG_RNN_C0));
    p.c_new = ig_cu_piece(r, s->c_at);
    p.z = ig_cu_piece(r, s->z_at);
    p.reset = ig_cu_piece(r, s->reset_at);
    p.lens = input(r, IG_RNN_LENS);
    p.last_row = p.h.row;
    return p;
}

static int run_any(const rnn_state *s, const ig_device_run *r, int64_t d, cu_stream st)
{
    const ig_rnn_attrs *a = r->node->attrs;
    const bool reverse = a->direction == IG_RNN_REVERSE || d == 1;
    const int64_t x_step = s->batch_first ? s->input : s->batch * s->input;
    const int64_t y_step = s->batch_first ? s->hidden : s->batch * s->hidden;
    cu_rnn_any_args p = any_of(s, r, d);
    int e = 0;
    for (int64_t i = 0; i < s->time && !e; i++) {
        const int64_t t = reverse ? s->time - 1 - i : i;
        p.t = (int)t;
        p.x = elements(s, r->in[IG_RNN_X], t * x_step);
        p.y = (void *)(uintptr_t)elements(s, r->out[IG_RNN_Y], (t * s->dirs + d) * y_step);
        p.h_new = ig_cu_piece(r, s->h_at[i % 2]);
        p.last_h = i + 1 == s->time ? state_at(s, d, output(r, IG_RNN_Y_H)) : NULL;
        p.last_c = i + 1 == s->time ? state_at(s, d, output(r, IG_RNN_Y_C)) : NULL;
        e = cu_rnn_any_step(&p, st);
        if (!e && p.kind == CU_GRU_RESET) {
            p.kind = CU_GRU_FRESH;
            e = cu_rnn_any_step(&p, st);
            p.kind = CU_GRU_RESET;
        }
        p.h = (cu_rnn_state){p.h_new, NB_F64, s->hidden};
        p.c = (cu_rnn_state){p.c_new, NB_F64, s->hidden};
    }
    return e;
}

/* The steps are safe with any lengths, and tell nothing. */
static int check_lens(ig_device_stream *stream, const rnn_state *s, const ig_device_run *r)
{
    cu_check_args a = {.n = s->batch, .most = s->time, .fault = ig_cu_fault(stream)};
    a.v.p = input(r, IG_RNN_LENS);
    return a.v.p && ig_cu_indices(&a.v, s->lens) ? cu_check(&a, ig_cu_stream(stream)) : 0;
}

static ingot_status refuse(const ig_node *node, const void *state, const cu_fault *f,
                           ingot_error *err)
{
    return ig_node_fail(
        err, INGOT_E_DATA, node, "sequence_lens[%lld] is %lld, the sequences have %lld elements",
        (long long)f->at, (long long)f->value, (long long)((const rnn_state *)state)->time);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const rnn_state *s = r->state;
    int e = check_lens(stream, s, r);
    for (int64_t d = 0; d < s->dirs && !e; d++)
        e = (s->any ? run_any : run_direction)(s, r, d, ig_cu_stream(stream));
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_rnn = {
    .name = "rnn", .bind = bind_rnn, .launch = launch, .unbind = unbind, .refuse = refuse};
const ig_cu_op ig_cu_op_gru = {
    .name = "gru", .bind = bind_gru, .launch = launch, .unbind = unbind, .refuse = refuse};
const ig_cu_op ig_cu_op_lstm = {
    .name = "lstm", .bind = bind_lstm, .launch = launch, .unbind = unbind, .refuse = refuse};
