/* rnn.h - what the rnn, gru and lstm ops share; rnn.c has their types, rnn_run.c their work. */
#ifndef IG_OPS_RNN_H
#define IG_OPS_RNN_H

#include "runtime/ops/rnn_cell.h"

enum { IG_RNN_FORWARD, IG_RNN_REVERSE, IG_RNN_BIDIRECTIONAL };

typedef struct {
    int direction;
    ig_texts activations;
    ig_floats activation_alpha, activation_beta;
    double clip; /* 0: none */
    int64_t hidden_size, layout;
    int64_t input_forget;        /* lstm */
    int64_t linear_before_reset; /* gru */
} ig_rnn_attrs;

enum {
    IG_RNN_X,
    IG_RNN_W,
    IG_RNN_R,
    IG_RNN_B,
    IG_RNN_LENS,
    IG_RNN_H0,
    IG_RNN_C0,
    IG_RNN_P,
    IG_RNN_INPUTS
};
enum { IG_RNN_Y, IG_RNN_Y_H, IG_RNN_Y_C };

/* ig_rnn_cells - the cells of the directions, hidden size and dtype left out. NULL, or what is
 * wrong with the attributes. */
const char *ig_rnn_cells(ig_rnn_cell *cells, ig_rnn_kind kind, const ig_rnn_attrs *a, ig_calc calc);

ingot_status ig_rnn_bind(ig_bind *b, ig_rnn_kind kind);
ingot_status ig_rnn_run(ig_run *r);

#endif
