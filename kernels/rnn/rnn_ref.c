/* rnn_ref.c - LSTM and GRU cells: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/rnn/rnn_body.h"
