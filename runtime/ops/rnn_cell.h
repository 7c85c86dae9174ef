/* rnn_cell.h - what happens to the sums before the gates of an RNN, GRU or LSTM step.
 *
 * Rows are the sequences of a batch. f32 cells with the usual activations go to kernels/rnn; the
 * rest runs here, a gate at a time. Everything is f32 or everything f64, as calc says. */
#ifndef IG_OPS_RNN_CELL_H
#define IG_OPS_RNN_CELL_H

#include "runtime/graph/op.h"
#include "runtime/ops/block.h"

typedef enum { IG_RNN, IG_GRU, IG_LSTM } ig_rnn_kind;

static inline size_t ig_rnn_gates(ig_rnn_kind kind)
{
    return kind == IG_LSTM ? 4 : kind == IG_GRU ? 3 : 1;
}
static inline size_t ig_rnn_acts(ig_rnn_kind kind) /* activations of a direction */
{
    return kind == IG_LSTM ? 3 : kind == IG_GRU ? 2 : 1;
}

typedef struct {
    int fn;
    double alpha, beta;
} ig_rnn_act;

typedef struct {
    ig_rnn_kind kind;
    ig_calc calc;
    size_t hidden;
    bool input_forget; /* LSTM: f = 1 - i */
    double clip;       /* INFINITY: none */
    ig_rnn_act act[3]; /* ONNX order: f, g, h */
    bool usual;        /* what kernels/rnn computes */
} ig_rnn_cell;

/* ig_rnn_set_acts - the activations of `directions` cells, f g h of the first and then of the
 * second, by name; none: the usual ones. alphas and betas are consumed in order by those that take
 * one. NULL, or what is wrong with them. */
const char *ig_rnn_set_acts(ig_rnn_cell *cells, size_t directions, ig_texts names, ig_floats alphas,
                            ig_floats betas);

/* Rows lie side by side. gates is overwritten by some cells. */
typedef struct {
    void *h;              /* [rows, H] the state before, then after the step */
    void *c;              /* LSTM: [rows, H] likewise */
    void *reset;          /* GRU: [rows, H] takes sig(r) h */
    void *gates;          /* [rows, gates H] in ONNX order */
    const void *peephole; /* LSTM: NULL or i | o | f */
    const void *rest;     /* GRU, linear before reset: [rows, H] h Rh + Rbh; else NULL */
} ig_rnn_rows;

void ig_rnn_step(const ig_rnn_cell *cell, const ig_rnn_rows *rows, size_t begin, size_t end);
void ig_rnn_reset(const ig_rnn_cell *cell, const ig_rnn_rows *rows, size_t begin, size_t end);

#endif
