/* rnn.h - the pointwise stage of LSTM (Hochreiter & Schmidhuber; ONNX LSTM) and GRU (Cho et al.;
 * ONNX GRU) cells, fp32, with sigmoid and tanh.
 *
 * The sums before the gates (x W + h R + biases) come from the GEMM. One row is one sequence of the
 * batch; its gates lie side by side in ONNX order, H each:
 *
 *     LSTM   i | o | f | c        GRU   z | r | h
 *
 *     LSTM   i = sig(gi + pi c')      f = sig(gf + pf c')      c = f c' + i tanh(gc)
 *            o = sig(go + po c)       h = o tanh(c)
 *     GRU    z = sig(gz)  r = sig(gr)  n = tanh(gh) or tanh(gh + r recurrent_h)
 *            h = z h' + (1 - z) n
 *
 * GRU with linear_before_reset = 1: gh holds x Wh + Wbh, and recurrent_h = h' Rh + Rbh. With
 * linear_before_reset = 0: gru_reset makes r h' first, the GEMM adds (r h') Rh to gh, and
 * recurrent_h is NULL.
 * Class E. Threads: pure; split the rows anywhere. */
#ifndef IG_RNN_H
#define IG_RNN_H

#include "kernels/cpu.h"

typedef struct {
    float *h, *c;          /* [rows, hidden]; c may be c_prev */
    const float *gates;    /* [rows, 4 hidden], rows gates_row apart */
    const float *c_prev;   /* [rows, hidden] */
    const float *peephole; /* NULL or pi | po | pf, [3 hidden] */
    size_t rows, hidden, gates_row;
    size_t h_row, c_row, c_prev_row;
    float clip; /* sums before the gates are kept within -clip .. clip; INFINITY: as they are */
} lstm_cell_args;

typedef struct {
    float *h;                 /* [rows, hidden]; may be h_prev */
    const float *gates;       /* [rows, 3 hidden], rows gates_row apart */
    const float *recurrent_h; /* [rows, hidden] or NULL, see above */
    const float *h_prev;      /* [rows, hidden] */
    size_t rows, hidden, gates_row;
    size_t h_row, recurrent_row, h_prev_row;
    float clip;
} gru_cell_args;

typedef void lstm_cell_f32_fn(const lstm_cell_args *p);
typedef void gru_cell_f32_fn(const gru_cell_args *p);
/* gru_reset: h = sig(gr) h'; recurrent_h is not used. */
typedef void gru_reset_f32_fn(const gru_cell_args *p);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/rnn/lstm_cell.kern"
#include "kernels/rnn/gru_cell.kern"
#include "kernels/rnn/gru_reset.kern"
#undef K

lstm_cell_f32_fn *ig_lstm_cell_f32(void);
gru_cell_f32_fn *ig_gru_cell_f32(void);
gru_reset_f32_fn *ig_gru_reset_f32(void);

#endif
