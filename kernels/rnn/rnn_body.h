/* rnn_body.h - the cells over the sixteen-lane vector of the including file. Bound by exp and
 * division: five of each an LSTM element. */
#include "kernels/rnn/rnn.h"
#include "kernels/vec/vec_math.h"

/* n <= 16 elements; 0 beyond. */
VEC_INLINE vf take(const float *p, size_t n)
{
    return n == 16 ? vf_load(p) : vf_load_n(p, n, vf_set(0.0f));
}

VEC_INLINE void put(float *p, vf v, size_t n)
{
    if (n == 16)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

VEC_INLINE vf within(vf x, float clip) { return vf_min(vf_set(clip), vf_max(vf_set(-clip), x)); }

VEC_INLINE void lstm_step(const lstm_cell_args *p, size_t r, size_t i, size_t n)
{
    const size_t hidden = p->hidden;
    const float *g = p->gates + r * p->gates_row + i;
    const vf before = take(p->c_prev + r * p->c_prev_row + i, n);
    vf gi = take(g, n), go = take(g + hidden, n), gf = take(g + 2 * hidden, n);
    if (p->peephole) {
        gi = vf_fma(take(p->peephole + i, n), before, gi);
        gf = vf_fma(take(p->peephole + 2 * hidden + i, n), before, gf);
    }
    const vf in = vf_sigmoid(within(gi, p->clip)), forget = vf_sigmoid(within(gf, p->clip));
    const vf fresh = vf_tanh(within(take(g + 3 * hidden, n), p->clip));
    const vf c = vf_fma(in, fresh, vf_mul(forget, before));
    if (p->peephole) go = vf_fma(take(p->peephole + hidden + i, n), c, go);
    const vf out = vf_sigmoid(within(go, p->clip));
    put(p->c + r * p->c_row + i, c, n);
    put(p->h + r * p->h_row + i, vf_mul(out, vf_tanh(c)), n);
}

VEC_INLINE void gru_step(const gru_cell_args *p, size_t r, size_t i, size_t n)
{
    const float *g = p->gates + r * p->gates_row + i;
    const vf z = vf_sigmoid(within(take(g, n), p->clip));
    vf gh = take(g + 2 * p->hidden, n);
    if (p->recurrent_h) {
        const vf reset = vf_sigmoid(within(take(g + p->hidden, n), p->clip));
        gh = vf_fma(reset, take(p->recurrent_h + r * p->recurrent_row + i, n), gh);
    }
    const vf fresh = vf_tanh(within(gh, p->clip)),
             before = take(p->h_prev + r * p->h_prev_row + i, n);
    const vf rest = vf_sub(vf_set(1.0f), z);
    put(p->h + r * p->h_row + i, vf_fma(z, before, vf_mul(rest, fresh)), n);
}

VEC_INLINE void reset_step(const gru_cell_args *p, size_t r, size_t i, size_t n)
{
    const vf gr = take(p->gates + r * p->gates_row + p->hidden + i, n);
    const vf before = take(p->h_prev + r * p->h_prev_row + i, n);
    put(p->h + r * p->h_row + i, vf_mul(vf_sigmoid(within(gr, p->clip)), before), n);
}

#define CELL(name, args, step)                                      \
    void IG_ISA(name##_f32)(const args *p)                          \
    {                                                               \
        for (size_t r = 0; r < p->rows; r++) {                      \
            size_t i = 0;                                           \
            for (; i + 16 <= p->hidden; i += 16) step(p, r, i, 16); \
            if (i < p->hidden) step(p, r, i, p->hidden - i);        \
        }                                                           \
    }

CELL(lstm_cell, lstm_cell_args, lstm_step)
CELL(gru_cell, gru_cell_args, gru_step)
CELL(gru_reset, gru_cell_args, reset_step)
