/* rnn_neon.c - LSTM and GRU cells, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/rnn/rnn_body.h"
