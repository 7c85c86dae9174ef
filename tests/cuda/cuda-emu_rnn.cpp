// Steps of recurrent cells on the emulator against double: products with the state, gates, what is
// over keeps its state. The step for any type: its activations; the rest in cuda-emu_rnn_types.cpp.
#include "kernels/cuda/number.h"
#include "kernels/rnn/rnn_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void step(cu_rnn_kind kind, int batch, int hidden, bool more)
{
    const int gates = kind == CU_LSTM ? 4 : kind == CU_RNN ? 1 : 3, n = gates * hidden;
    const bool two = kind == CU_GRU_RESET;
    const size_t state = (size_t)batch * hidden;
    const float *sums = random_f32((size_t)batch * n), *r = random_f32((size_t)n * hidden, 0.3),
                *bias = random_f32(2 * n), *h = random_f32(state), *c0 = random_f32(state),
                *peep = random_f32(3 * hidden);
    float *h_new = buffer<float>(state), *c = buffer<float>(state), *y = buffer<float>(state),
          *z = buffer<float>(state), *reset = buffer<float>(state);
    int32_t *lens = buffer<int32_t>(batch);
    for (int b = 0; b < batch; b++) lens[b] = b % 3 ? 5 : 2;
    cu_rnn_args a = {};
    a.kind = kind, a.batch = batch, a.hidden = hidden, a.gates = gates, a.t = 3;
    a.sums = sums, a.sums_row = n, a.r = r, a.h = h, a.h_new = h_new, a.c = c, a.z = z;
    a.reset = reset, a.y = y, a.y_row = hidden, a.clip = INFINITY;
    if (more) a.bias = bias, a.peephole = peep, a.lens = lens, a.lens_bytes = 4;
    a.act[0] = kind == CU_RNN ? CU_RNN_TANH : CU_RNN_SIGMOID;
    a.act[1] = a.act[2] = CU_RNN_TANH;
    char what[64];
    snprintf(what, sizeof what, "rnn kind %d, %d x %d, more %d", kind, batch, hidden, more);
    same_in_all_modes(what, h_new, state * 4, [&] {
        memcpy(c, c0, state * 4);
        int e = cu_rnn_step(&a, nullptr);
        if (e || !two) return e;
        a.kind = CU_GRU_FRESH;
        e = cu_rnn_step(&a, nullptr);
        a.kind = kind;
        return e;
    });
    std::vector<double> want(state), want_c(state);
    for (int b = 0; b < batch; b++)
        for (int j = 0; j < hidden; j++) {
            const size_t at = (size_t)b * hidden + j;
            const auto bias_of = [&](int g, bool recurrent) {
                return more ? (double)bias[(recurrent ? n : 0) + g * hidden + j] : 0.0;
            };
            const auto in = [&](int g) {
                return sums[(size_t)b * n + g * hidden + j] + bias_of(g, false);
            };
            const auto product = [&](int g, auto of) {
                double sum = bias_of(g, true);
                for (int k = 0; k < hidden; k++)
                    sum += (double)r[((size_t)g * hidden + j) * hidden + k] * of(k);
                return sum;
            };
            const auto old = [&](int k) { return (double)h[(size_t)b * hidden + k]; };
            const auto gate = [&](int g) { return in(g) + product(g, old); };
            const auto reset_of = [&](int k) { // r h of unit k
                double sum = sums[(size_t)b * n + hidden + k];
                if (more) sum += bias[hidden + k] + (double)bias[n + hidden + k];
                for (int q = 0; q < hidden; q++)
                    sum += (double)r[((size_t)hidden + k) * hidden + q] * old(q);
                return sigmoid(sum) * old(k);
            };
            want_c[at] = c0[at];
            double v;
            if (kind == CU_LSTM) {
                const double p = more ? 1 : 0, cell = c0[at];
                const double i = sigmoid(gate(0) + p * peep[j] * cell),
                             f = sigmoid(gate(2) + p * peep[2 * hidden + j] * cell);
                const double fresh = f * cell + i * tanh(gate(3));
                v = sigmoid(gate(1) + p * peep[hidden + j] * fresh) * tanh(fresh);
                if (!more || lens[b] > a.t) want_c[at] = fresh;
            } else if (kind == CU_RNN) {
                v = tanh(gate(0));
            } else {
                const double keep = sigmoid(gate(0));
                const double fresh =
                    two ? in(2) + product(2, reset_of) : in(2) + sigmoid(gate(1)) * product(2, old);
                v = keep * old(j) + (1 - keep) * tanh(fresh);
            }
            const bool active = !more || lens[b] > a.t;
            want[at] = active ? v : old(j);
            check(active || y[at] == 0, "%s: y of a sequence that is over", what);
        }
    check(distance(h_new, of_f32, want.data(), state) < 1e-6, "%s: the state", what);
    if (kind == CU_LSTM)
        check(distance(c, of_f32, want_c.data(), state) < 1e-6, "%s: the cell", what);
}

static double activated(int fn, double a, double b, double x)
{
    switch (fn) {
    case CU_RNN_AFFINE:
        return a * x + b;
    case CU_RNN_ELU:
        return x < 0 ? a * (exp(x) - 1) : x;
    case CU_RNN_HARD_SIGMOID:
        return fmin(1, fmax(0, a * x + b));
    case CU_RNN_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case CU_RNN_RELU:
        return fmax(x, 0);
    case CU_RNN_SCALED_TANH:
        return a * tanh(b * x);
    case CU_RNN_SIGMOID:
        return sigmoid(x);
    case CU_RNN_SOFTPLUS:
        return log(1 + exp(x));
    case CU_RNN_SOFTSIGN:
        return x / (1 + fabs(x));
    case CU_RNN_TANH:
        return tanh(x);
    default:
        return x > a ? x : 0;
    }
}

// The step for any type: every activation, with and without a clip.
static void activations(int fn, double clip)
{
    const int hidden = 70;
    double *x = buffer<double>(1), *w = buffer<double>(hidden), *r = buffer<double>(1);
    double *h_new = buffer<double>(hidden), *c_new = buffer<double>(hidden);
    x[0] = 1;
    for (int j = 0; j < hidden; j++) w[j] = (j - 35) / 8.0;
    cu_rnn_any_args a = {};
    a.kind = CU_RNN, a.type = NB_F64, a.batch = 1, a.hidden = hidden, a.gates = 1, a.input = 1;
    a.x = x, a.x_row = 1, a.w = w, a.r = r, a.h_new = h_new, a.c_new = c_new, a.clip = clip;
    a.act[0] = fn, a.alpha[0] = 0.6, a.beta[0] = 0.3; // no state before: r is not read
    char what[64];
    snprintf(what, sizeof what, "activation %d, clip %g", fn, clip);
    same_in_all_modes(what, h_new, (size_t)hidden * 8,
                      [&] { return cu_rnn_any_step(&a, nullptr); });
    bool ok = true;
    for (int j = 0; j < hidden; j++) {
        const double v = activated(fn, 0.6, 0.3, fmin(fmax(w[j], -clip), clip));
        ok = ok && fabs(h_new[j] - v) < 1e-13;
    }
    check(ok, "%s", what);
}

int main()
{
    for (int fn = CU_RNN_AFFINE; fn <= CU_RNN_THRESHOLDED_RELU; fn++)
        for (double clip : {(double)INFINITY, 1.5}) activations(fn, clip);
    for (cu_rnn_kind kind : {CU_RNN, CU_GRU_LINEAR, CU_GRU_RESET, CU_LSTM})
        for (bool more : {false, true}) {
            step(kind, 1, 7, more);
            step(kind, 6, 37, more);
        }
    return done();
}
