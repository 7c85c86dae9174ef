/* rnn_avx512.c - LSTM and GRU cells, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/rnn/rnn_body.h"
