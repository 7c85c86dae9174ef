/* rnn.c - see rnn.h. */
#include "kernels/rnn/rnn.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

lstm_cell_f32_fn *ig_lstm_cell_f32(void)
{
    lstm_cell_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/rnn/lstm_cell.kern"
    return best;
}

gru_cell_f32_fn *ig_gru_cell_f32(void)
{
    gru_cell_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/rnn/gru_cell.kern"
    return best;
}

gru_reset_f32_fn *ig_gru_reset_f32(void)
{
    gru_reset_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/rnn/gru_reset.kern"
    return best;
}
