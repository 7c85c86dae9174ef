/* rnn_avx2.c - LSTM and GRU cells, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/rnn/rnn_body.h"
