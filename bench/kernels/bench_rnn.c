/* bench_rnn.c - the pointwise stage of LSTM and GRU cells. */
#include "bench/kernels/bench.h"
#include "kernels/rnn/rnn.h"

#include <math.h>

static void lstm(void *arg, size_t begin, size_t end, size_t worker)
{
    lstm_cell_args p = *(const lstm_cell_args *)arg;
    (void)worker;
    p.h += begin * p.h_row;
    p.c += begin * p.c_row;
    p.c_prev += begin * p.c_prev_row;
    p.gates += begin * p.gates_row;
    p.rows = end - begin;
    ig_lstm_cell_f32()(&p);
}

static void gru(void *arg, size_t begin, size_t end, size_t worker)
{
    gru_cell_args p = *(const gru_cell_args *)arg;
    (void)worker;
    p.h += begin * p.h_row;
    p.h_prev += begin * p.h_prev_row;
    p.recurrent_h += begin * p.recurrent_row;
    p.gates += begin * p.gates_row;
    p.rows = end - begin;
    ig_gru_cell_f32()(&p);
}

static void time_lstm(bench *b, size_t rows, size_t hidden)
{
    const size_t n = rows * hidden;
    const bench_case c = {.name = "rnn_lstm_cell_f32",
                          .family = "lstm_cell_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 28 * (double)n};
    if (!bench_next(b, &c, "rows=%zu,H=%zu", rows, hidden)) return;
    lstm_cell_args p = {.h = bench_take(b, 4 * n),
                        .c = bench_take(b, 4 * n),
                        .c_prev = bench_f32(b, n, -1, 1),
                        .gates = bench_f32(b, 4 * n, -6, 6),
                        .rows = rows,
                        .hidden = hidden,
                        .gates_row = 4 * hidden,
                        .h_row = hidden,
                        .c_row = hidden,
                        .c_prev_row = hidden,
                        .clip = INFINITY};
    bench_add_parts(b, "ingot", lstm, &p, rows, 4096 / hidden + 1);
    bench_run(b);
}

static void time_gru(bench *b, size_t rows, size_t hidden)
{
    const size_t n = rows * hidden;
    const bench_case c = {.name = "rnn_gru_cell_f32",
                          .family = "gru_cell_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 24 * (double)n};
    if (!bench_next(b, &c, "rows=%zu,H=%zu", rows, hidden)) return;
    gru_cell_args p = {.h = bench_take(b, 4 * n),
                       .gates = bench_f32(b, 3 * n, -6, 6),
                       .recurrent_h = bench_f32(b, n, -1, 1),
                       .h_prev = bench_f32(b, n, -1, 1),
                       .rows = rows,
                       .hidden = hidden,
                       .gates_row = 3 * hidden,
                       .h_row = hidden,
                       .recurrent_row = hidden,
                       .h_prev_row = hidden,
                       .clip = INFINITY};
    bench_add_parts(b, "ingot", gru, &p, rows, 4096 / hidden + 1);
    bench_run(b);
}

void bench_rnn(bench *b)
{
    time_lstm(b, 1, 512);
    if (!bench_quick(b)) time_lstm(b, 64, 256);
    time_gru(b, 1, 512);
}
