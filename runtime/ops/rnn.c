/* rnn.c - the ops rnn, gru and lstm: whole sequences, as ONNX defines them.
 *
 *     X [T, B, I]   W [D, gates H, I]   R [D, gates H, H]   bias [D, 2 gates H]: Wb, then Rb
 *     sequence_lens [B]   initial_h, initial_c [D, B, H]   peepholes [D, 3 H] (lstm)
 *     Y [T, D, B, H]   Y_h, Y_c [D, B, H]
 *
 * layout = 1: batch first: X [B, T, I], Y [B, T, D, H], states [B, D, H]. A sequence that is
 * shorter than T has zeros in Y behind its end, and Y_h is the state at its end. */
#include "runtime/ops/rnn.h"
#include "runtime/base/checked.h"

#include <math.h>

static const char *const directions[] = {"forward", "reverse", "bidirectional", NULL};

#define COMMON                                                                          \
    IG_ENUM(ig_rnn_attrs, direction, IG_RNN_FORWARD, directions),                       \
        IG_TEXTS(ig_rnn_attrs, activations), IG_FLOATS(ig_rnn_attrs, activation_alpha), \
        IG_FLOATS(ig_rnn_attrs, activation_beta), IG_FLOAT(ig_rnn_attrs, clip, 0),      \
        IG_INT(ig_rnn_attrs, hidden_size, 0), IG_INT(ig_rnn_attrs, layout, 0)

static const ig_attr rnn_attrs[] = {COMMON, {0}};
static const ig_attr gru_attrs[] = {COMMON, IG_INT(ig_rnn_attrs, linear_before_reset, 0), {0}};
static const ig_attr lstm_attrs[] = {COMMON, IG_INT(ig_rnn_attrs, input_forget, 0), {0}};

const char *ig_rnn_cells(ig_rnn_cell *cells, ig_rnn_kind kind, const ig_rnn_attrs *a, ig_calc calc)
{
    const size_t n = a->direction == IG_RNN_BIDIRECTIONAL ? 2 : 1;
    if (!(a->clip >= 0)) return "clip must be 0 (none) or more";
    if (a->hidden_size < 0) return "hidden_size must not be negative";
    if (a->layout != 0 && a->layout != 1) return "layout must be 0 or 1";
    for (size_t d = 0; d < n; d++)
        cells[d] = (ig_rnn_cell){.kind = kind,
                                 .calc = calc,
                                 .input_forget = kind == IG_LSTM && a->input_forget,
                                 .clip = a->clip > 0 ? a->clip : (double)INFINITY};
    return ig_rnn_set_acts(cells, n, a->activations, a->activation_alpha, a->activation_beta);
}

/* ---- types ---- */

static const char *const names[] = {"X",         "W",         "R", "B", "sequence_lens",
                                    "initial_h", "initial_c", "P"};

/* Input i has these dims as far as both are known. */
static ingot_status check(ig_infer *c, uint32_t i, int rank, const int64_t *dims)
{
    if (!ig_has(c, i)) return INGOT_OK;
    const ig_type *t = c->in[i];
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != rank) return ig_infer_fail(c, "%s has rank %d, not %d", names[i], t->rank, rank);
    for (int d = 0; d < rank; d++)
        if (ig_dim_differ(t->dims[d], dims[d]))
            return ig_infer_fail(c, "dimension %d of %s is %lld, not %lld", d, names[i],
                                 (long long)t->dims[d], (long long)dims[d]);
    return INGOT_OK;
}

static ingot_status check_dtypes(ig_infer *c)
{
    ingot_dtype dtype = INGOT_NONE;
    for (uint32_t i = 0; i < c->n_in; i++) {
        const ingot_dtype own = ig_has(c, i) ? c->in[i]->dtype : INGOT_NONE;
        if (own == INGOT_NONE) continue;
        const ig_dtype_class class_ = ig_dtype(own)->class_;
        if (i == IG_RNN_LENS) {
            if (class_ != IG_CLASS_INT)
                return ig_infer_fail(c, "sequence_lens are %s, not integers", ig_dtype(own)->name);
            continue;
        }
        if (class_ != IG_CLASS_FLOAT)
            return ig_infer_fail(c, "%s is %s, not a float", names[i], ig_dtype(own)->name);
        if (dtype != INGOT_NONE && own != dtype)
            return ig_infer_fail(c, "%s is %s, not %s as the inputs before", names[i],
                                 ig_dtype(own)->name, ig_dtype(dtype)->name);
        dtype = own;
    }
    for (uint32_t o = 0; o < c->n_out; o++) c->out[o].dtype = dtype;
    return INGOT_OK;
}

typedef struct {
    int64_t time, batch, input, hidden, dirs;
} sizes;

/* n times a dimension; what is no size stays unknown. */
static ingot_status times(ig_infer *c, int64_t *out, int64_t n, int64_t dim)
{
    *out = IG_DIM_UNKNOWN;
    if (dim < 0) return INGOT_OK;
    return ig_mul_ok(n, dim, out) ? INGOT_OK : ig_infer_fail(c, "the hidden size is too large");
}

static ingot_status check_inputs(ig_infer *c, ig_rnn_kind kind, const sizes *s, int64_t layout)
{
    const int64_t gates = (int64_t)ig_rnn_gates(kind);
    int64_t sums, biases, peeps;
    IG_TRY(times(c, &sums, gates, s->hidden));
    IG_TRY(times(c, &biases, 2 * gates, s->hidden));
    IG_TRY(times(c, &peeps, 3, s->hidden));
    const int64_t state[3] = {layout ? s->batch : s->dirs, layout ? s->dirs : s->batch, s->hidden};
    IG_TRY(check(c, IG_RNN_W, 3, (int64_t[]){s->dirs, sums, s->input}));
    IG_TRY(check(c, IG_RNN_R, 3, (int64_t[]){s->dirs, sums, s->hidden}));
    IG_TRY(check(c, IG_RNN_B, 2, (int64_t[]){s->dirs, biases}));
    IG_TRY(check(c, IG_RNN_LENS, 1, (int64_t[]){s->batch}));
    IG_TRY(check(c, IG_RNN_H0, 3, state));
    IG_TRY(check(c, IG_RNN_C0, 3, state));
    return check(c, IG_RNN_P, 2, (int64_t[]){s->dirs, peeps});
}

static ingot_status infer(ig_infer *c, ig_rnn_kind kind)
{
    const ig_rnn_attrs *a = c->attrs;
    const ig_type *x = c->in[IG_RNN_X], *w = c->in[IG_RNN_W], *r = c->in[IG_RNN_R];
    ig_rnn_cell cells[2];
    const char *wrong = ig_rnn_cells(cells, kind, a, IG_CALC_F32);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    if (x->rank >= 0 && x->rank != 3) return ig_infer_fail(c, "X has rank %d, not 3", x->rank);
    sizes s = {IG_DIM_UNKNOWN, IG_DIM_UNKNOWN, IG_DIM_UNKNOWN, IG_DIM_UNKNOWN, 1};
    if (x->rank == 3) {
        s.time = x->dims[a->layout ? 1 : 0];
        s.batch = x->dims[a->layout ? 0 : 1];
        s.input = x->dims[2];
    }
    if (s.input < 0 && w->rank == 3) s.input = w->dims[2];
    if (a->direction == IG_RNN_BIDIRECTIONAL) s.dirs = 2;
    if (r->rank == 3) s.hidden = r->dims[2];
    if (a->hidden_size && ig_dim_differ(s.hidden, a->hidden_size))
        return ig_infer_fail(c, "hidden_size is %lld, but R has %lld columns",
                             (long long)a->hidden_size, (long long)s.hidden);
    if (s.hidden < 0 && a->hidden_size) s.hidden = a->hidden_size;
    IG_TRY(check_dtypes(c));
    IG_TRY(check_inputs(c, kind, &s, a->layout));
    const ingot_dtype dtype = c->out[0].dtype;
    const int64_t y[2][4] = {{s.time, s.dirs, s.batch, s.hidden},
                             {s.batch, s.time, s.dirs, s.hidden}};
    const int64_t state[2][3] = {{s.dirs, s.batch, s.hidden}, {s.batch, s.dirs, s.hidden}};
    c->out[0] = ig_type_tensor(dtype, 4, y[a->layout]);
    for (uint32_t o = 1; o < c->n_out; o++) c->out[o] = ig_type_tensor(dtype, 3, state[a->layout]);
    return INGOT_OK;
}

static ingot_status infer_rnn(ig_infer *c) { return infer(c, IG_RNN); }
static ingot_status infer_gru(ig_infer *c) { return infer(c, IG_GRU); }
static ingot_status infer_lstm(ig_infer *c) { return infer(c, IG_LSTM); }
static ingot_status bind_rnn(ig_bind *b) { return ig_rnn_bind(b, IG_RNN); }
static ingot_status bind_gru(ig_bind *b) { return ig_rnn_bind(b, IG_GRU); }
static ingot_status bind_lstm(ig_bind *b) { return ig_rnn_bind(b, IG_LSTM); }

static void cost(ig_cost *out, const ig_bind *b)
{
    const ig_type *x = b->in[IG_RNN_X], *w = b->in[IG_RNN_W], *r = b->in[IG_RNN_R];
    size_t nw = 0, nr = 0, nx = 0;
    if (!ig_type_elements(w, &nw) || !ig_type_elements(r, &nr) || !ig_type_elements(x, &nx)) return;
    const double rows = (double)x->dims[0] * (double)x->dims[1];
    out->flops = 2 * rows * ((double)nw + (double)nr);
    out->bytes = ((double)nw + (double)nr + (double)nx) * (double)ig_dtype(x->dtype)->bytes;
}

#define RECURRENT(op, inputs, outputs)           \
    const ig_op ig_op_##op = {                   \
        .name = #op,                             \
        .min_in = 3,                             \
        .max_in = inputs,                        \
        .min_out = 1,                            \
        .max_out = outputs,                      \
        .flags = IG_OP_PACKED | IG_OP_KEEP_BIND, \
        .attrs = op##_attrs,                     \
        .attrs_bytes = sizeof(ig_rnn_attrs),     \
        .infer = infer_##op,                     \
        .bind = bind_##op,                       \
        .run = ig_rnn_run,                       \
        .cost = cost,                            \
    }

RECURRENT(rnn, IG_RNN_H0 + 1, 2);
RECURRENT(gru, IG_RNN_H0 + 1, 2);
RECURRENT(lstm, IG_RNN_INPUTS, 3);
