/* rnn_cell.c - see rnn_cell.h. */
#include "runtime/ops/rnn_cell.h"
#include "kernels/rnn/rnn.h"
#include "kernels/unary/unary.h"
#include "runtime/base/checked.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

typedef enum {
    AFFINE,
    ELU,
    HARD_SIGMOID,
    LEAKY_RELU,
    RELU,
    SCALED_TANH,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
    THRESHOLDED_RELU,
    N_ACTS
} act_fn;

static const struct {
    const char *name; /* lower case: case does not count */
    bool takes_alpha, takes_beta;
    double alpha, beta;
} acts[N_ACTS] = {
    [AFFINE] = {"affine", true, true, 1, 0},
    [ELU] = {"elu", true, false, 1, 0},
    [HARD_SIGMOID] = {"hardsigmoid", true, true, 0.2, 0.5},
    [LEAKY_RELU] = {"leakyrelu", true, false, 0.01, 0},
    [RELU] = {"relu", false, false, 0, 0},
    [SCALED_TANH] = {"scaledtanh", true, true, 1, 1},
    [SIGMOID] = {"sigmoid", false, false, 0, 0},
    [SOFTPLUS] = {"softplus", false, false, 0, 0},
    [SOFTSIGN] = {"softsign", false, false, 0, 0},
    [TANH] = {"tanh", false, false, 0, 0},
    [THRESHOLDED_RELU] = {"thresholdedrelu", true, false, 1, 0},
};

static bool is_named(ingot_str text, const char *name)
{
    if (text.n != strlen(name)) return false;
    for (size_t i = 0; i < text.n; i++)
        if (tolower((unsigned char)text.p[i]) != name[i]) return false;
    return true;
}

static const act_fn usual[][3] = {
    [IG_RNN] = {TANH}, [IG_GRU] = {SIGMOID, TANH}, [IG_LSTM] = {SIGMOID, TANH, TANH}};

const char *ig_rnn_set_acts(ig_rnn_cell *cells, size_t directions, ig_texts names, ig_floats alphas,
                            ig_floats betas)
{
    const size_t each = ig_rnn_acts(cells->kind);
    size_t alpha = 0, beta = 0;
    if (names.n && names.n != directions * each)
        return "activations must name 1 (RNN), 2 (GRU) or 3 (LSTM) functions for each direction";
    for (size_t i = 0; i < directions * each; i++) {
        ig_rnn_cell *cell = &cells[i / each];
        int fn = (int)usual[cell->kind][i % each];
        if (names.n)
            for (fn = 0; fn < N_ACTS && !is_named(names.v[i], acts[fn].name);) fn++;
        if (fn == N_ACTS) return "activations names a function that does not exist";
        ig_rnn_act *act = &cell->act[i % each];
        *act = (ig_rnn_act){fn, acts[fn].alpha, acts[fn].beta};
        if (acts[fn].takes_alpha && alpha < alphas.n) act->alpha = (double)alphas.v[alpha++];
        if (acts[fn].takes_beta && beta < betas.n) act->beta = (double)betas.v[beta++];
    }
    for (size_t d = 0; d < directions; d++) {
        cells[d].usual = cells[d].calc == IG_CALC_F32 && !cells[d].input_forget;
        for (size_t k = 0; k < each; k++)
            cells[d].usual = cells[d].usual && cells[d].act[k].fn == (int)usual[cells[d].kind][k];
    }
    return NULL;
}

/* ---- activations ---- */

static void apply_f32(const ig_rnn_act *act, float *y, const float *x, size_t n)
{
    const float a = (float)act->alpha, b = (float)act->beta;
    switch ((act_fn)act->fn) {
    case AFFINE:
        ig_affine_f32()(y, x, n, a, b);
        return;
    case ELU:
        ig_elu_f32()(y, x, n, a, b);
        return;
    case HARD_SIGMOID:
        ig_hard_sigmoid_f32()(y, x, n, a, b);
        return;
    case LEAKY_RELU:
        ig_leaky_relu_f32()(y, x, n, a, b);
        return;
    case RELU:
        ig_relu_f32()(y, x, n, a, b);
        return;
    case SCALED_TANH:
        ig_affine_f32()(y, x, n, b, 0);
        ig_tanh_f32()(y, y, n, 0, 0);
        ig_affine_f32()(y, y, n, a, 0);
        return;
    case SIGMOID:
        ig_sigmoid_f32()(y, x, n, a, b);
        return;
    case SOFTPLUS:
        ig_softplus_f32()(y, x, n, a, b);
        return;
    case SOFTSIGN:
        ig_softsign_f32()(y, x, n, a, b);
        return;
    case TANH:
        ig_tanh_f32()(y, x, n, a, b);
        return;
    case THRESHOLDED_RELU:
        ig_thresholded_relu_f32()(y, x, n, a, b);
        return;
    case N_ACTS:
        return;
    }
}

static double value_f64(const ig_rnn_act *act, double x)
{
    const double a = act->alpha, b = act->beta;
    switch ((act_fn)act->fn) {
    case AFFINE:
        return a * x + b;
    case ELU:
        return x < 0 ? a * expm1(x) : x;
    case HARD_SIGMOID:
        return fmax(0, fmin(1, a * x + b));
    case LEAKY_RELU:
        return x < 0 ? a * x : x;
    case RELU:
        return 0 > x ? 0 : x;
    case SCALED_TANH:
        return a * tanh(b * x);
    case SIGMOID:
        return 1 / (1 + exp(-x));
    case SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case SOFTSIGN:
        return x / (1 + fabs(x));
    case TANH:
        return tanh(x);
    case THRESHOLDED_RELU:
        return x > a ? x : 0;
    case N_ACTS:
        break;
    }
    return x;
}

static void apply_f64(const ig_rnn_act *act, double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = value_f64(act, x[i]);
}

#define REAL       float
#define ROWS(name) name##_f32
#include "runtime/ops/rnn_cell_body.inc"
#undef REAL
#undef ROWS
#define REAL       double
#define ROWS(name) name##_f64
#include "runtime/ops/rnn_cell_body.inc"
#undef REAL
#undef ROWS

/* ---- the kernels ---- */

static lstm_cell_args lstm_args(const ig_rnn_cell *cell, const ig_rnn_rows *p, size_t r, size_t n)
{
    const size_t h = cell->hidden;
    return (lstm_cell_args){.h = row_f32(p->h, r, h),
                            .c = row_f32(p->c, r, h),
                            .gates = row_f32(p->gates, r, 4 * h),
                            .c_prev = row_f32(p->c, r, h),
                            .peephole = p->peephole,
                            .rows = n,
                            .hidden = h,
                            .gates_row = 4 * h,
                            .h_row = h,
                            .c_row = h,
                            .c_prev_row = h,
                            .clip = (float)cell->clip};
}

static gru_cell_args gru_args(const ig_rnn_cell *cell, const ig_rnn_rows *p, size_t r, size_t n)
{
    const size_t h = cell->hidden;
    return (gru_cell_args){.h = row_f32(p->h, r, h),
                           .gates = row_f32(p->gates, r, 3 * h),
                           .recurrent_h = p->rest ? (const float *)p->rest + r * h : NULL,
                           .h_prev = row_f32(p->h, r, h),
                           .rows = n,
                           .hidden = h,
                           .gates_row = 3 * h,
                           .h_row = h,
                           .recurrent_row = h,
                           .h_prev_row = h,
                           .clip = (float)cell->clip};
}

void ig_rnn_step(const ig_rnn_cell *cell, const ig_rnn_rows *rows, size_t begin, size_t end)
{
    if (cell->usual && cell->kind == IG_LSTM) {
        const lstm_cell_args a = lstm_args(cell, rows, begin, end - begin);
        ig_lstm_cell_f32()(&a);
    } else if (cell->usual && cell->kind == IG_GRU) {
        const gru_cell_args a = gru_args(cell, rows, begin, end - begin);
        ig_gru_cell_f32()(&a);
    } else {
        for (size_t r = begin; r < end; r++) {
            if (cell->calc == IG_CALC_F32)
                step_f32(cell, rows, r);
            else
                step_f64(cell, rows, r);
        }
    }
}

void ig_rnn_reset(const ig_rnn_cell *cell, const ig_rnn_rows *rows, size_t begin, size_t end)
{
    if (cell->usual) {
        gru_cell_args a = gru_args(cell, rows, begin, end - begin);
        a.h = row_f32(rows->reset, begin, cell->hidden);
        ig_gru_reset_f32()(&a);
        return;
    }
    for (size_t r = begin; r < end; r++) {
        if (cell->calc == IG_CALC_F32)
            reset_f32(cell, rows, r);
        else
            reset_f64(cell, rows, r);
    }
}
