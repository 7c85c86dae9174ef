/* check_rnn.c - recurrent cells: variants bit for bit, the truth against double. */
#include "tests/kernels/kernel_check.h"
#include "kernels/rnn/rnn.h"

#include <math.h>

static double sig(double x) { return 1 / (1 + exp(-x)); }
static double clip(double x, double by) { return fmin(by, fmax(-by, x)); }

/* Gate sums lie within 6 and states within 2: gates err by 3 u, what they multiply is at most 2,
 * and a sum's own rounding, 4 u for |sum| <= 8, counts at most once by the slope of tanh: 32 u in
 * all. */
enum { ALLOWED_ULPS = 32 };
static void expect(float got, double want, const char *what, size_t r, size_t i)
{
    check_true(fabs((double)got - want) <= ALLOWED_ULPS * 0x1p-24, "%s %zu, %zu: %.9g, not %.9g",
               what, r, i, (double)got, want);
}

static void lstm_oracle(const lstm_cell_args *p, const float *c_prev)
{
    const size_t n = p->hidden;
    for (size_t r = 0; r < p->rows; r++)
        for (size_t i = 0; i < n; i++) {
            const float *g = p->gates + r * p->gates_row + i, *w = p->peephole;
            const double before = (double)c_prev[r * p->c_prev_row + i], by = (double)p->clip;
            const double gi = (double)g[0] + (w ? (double)w[i] * before : 0);
            const double gf = (double)g[2 * n] + (w ? (double)w[2 * n + i] * before : 0);
            const double c =
                sig(clip(gf, by)) * before + sig(clip(gi, by)) * tanh(clip((double)g[3 * n], by));
            const double go = (double)g[n] + (w ? (double)w[n + i] * c : 0);
            expect(p->c[r * p->c_row + i], c, "c", r, i);
            expect(p->h[r * p->h_row + i], sig(clip(go, by)) * tanh(c), "h", r, i);
        }
}

static void check_lstm(lstm_cell_f32_fn *fn, lstm_cell_f32_fn *ref, const char *name,
                       uint32_t needs)
{
    for (size_t i = 0; i < 50; i++) {
        const size_t hidden = i < 36 ? i : check_pick(36, 200), rows = check_pick(1, 4);
        const size_t gap = check_pick(0, 2), row = hidden + gap, n = rows * row;
        const bool peephole = check_pick(0, 1), clipped = check_pick(0, 1);
        if (!check_next(needs, name, "%zux%zu gap %zu%s%s", rows, hidden, gap,
                        peephole ? " peephole" : "", clipped ? " clip" : ""))
            continue;
        float *c_prev = check_f32(n, -2, 2);
        lstm_cell_args p = {.h = check_out_f32(n),
                            .c = check_out_f32(n),
                            .c_prev = c_prev,
                            .gates = check_f32(rows * (4 * hidden + gap), -6, 6),
                            .peephole = peephole ? check_f32(3 * hidden, -1, 1) : NULL,
                            .rows = rows,
                            .hidden = hidden,
                            .gates_row = 4 * hidden + gap,
                            .h_row = row,
                            .c_row = row,
                            .c_prev_row = row,
                            .clip = clipped ? 2.5f : INFINITY};
        ref(&p);
        lstm_oracle(&p, c_prev);
        lstm_cell_args got = p;
        got.h = check_out_f32(n);
        got.c = check_out_f32(n);
        fn(&got);
        check_same_f32(p.h, got.h, n);
        check_same_f32(p.c, got.c, n);
    }
}

static void gru_oracle(const gru_cell_args *p, bool reset_only)
{
    for (size_t r = 0; r < p->rows; r++)
        for (size_t i = 0; i < p->hidden; i++) {
            const float *g = p->gates + r * p->gates_row + i;
            const double before = (double)p->h_prev[r * p->h_prev_row + i], by = (double)p->clip;
            const double reset = sig(clip((double)g[p->hidden], by)),
                         z = sig(clip((double)g[0], by));
            double gh = (double)g[2 * p->hidden];
            if (p->recurrent_h) gh += reset * (double)p->recurrent_h[r * p->recurrent_row + i];
            const double h = z * before + (1 - z) * tanh(clip(gh, by));
            expect(p->h[r * p->h_row + i], reset_only ? reset * before : h, "h", r, i);
        }
}

static void check_gru(gru_cell_f32_fn *fn, gru_cell_f32_fn *ref, const char *name, uint32_t needs,
                      bool reset_only)
{
    for (size_t i = 0; i < 50; i++) {
        const size_t hidden = i < 36 ? i : check_pick(36, 200), rows = check_pick(1, 4);
        const size_t gap = check_pick(0, 2), row = hidden + gap, n = rows * row;
        const bool recurrent = check_pick(0, 1), clipped = check_pick(0, 1);
        if (!check_next(needs, name, "%zux%zu gap %zu%s%s", rows, hidden, gap,
                        recurrent ? " linear before reset" : "", clipped ? " clip" : ""))
            continue;
        gru_cell_args p = {.h = check_out_f32(n),
                           .h_prev = check_f32(n, -2, 2),
                           .gates = check_f32(rows * (3 * hidden + gap), -6, 6),
                           .recurrent_h = recurrent ? check_f32(n, -2, 2) : NULL,
                           .rows = rows,
                           .hidden = hidden,
                           .gates_row = 3 * hidden + gap,
                           .h_row = row,
                           .recurrent_row = row,
                           .h_prev_row = row,
                           .clip = clipped ? 2.5f : INFINITY};
        ref(&p);
        gru_oracle(&p, reset_only);
        gru_cell_args got = p;
        got.h = check_out_f32(n);
        fn(&got);
        check_same_f32(p.h, got.h, n);
    }
}

void check_rnn(void);
void check_rnn(void)
{
#define K(family, fn, needs) check_lstm(fn, family##_ref, #fn, needs);
#include "kernels/rnn/lstm_cell.kern"
#undef K
#define K(family, fn, needs) check_gru(fn, family##_ref, #fn, needs, false);
#include "kernels/rnn/gru_cell.kern"
#undef K
#define K(family, fn, needs) check_gru(fn, family##_ref, #fn, needs, true);
#include "kernels/rnn/gru_reset.kern"
#undef K
}
