// rnn, gru and lstm of f16, bf16 and f64 on the device beside the CPU's: directions, layouts,
// activations, lengths, states that begin and end. linear_attention with states of other types.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;
typedef std::vector<op_attribute> attributes;

struct Cell {
    const char *op;
    int gates, outputs;
};

// `what` is beside the usual attributes; lens_type 0: no lengths.
static void cell(const Cell &c, int dtype, const attributes &what, int dirs, bool batch_first,
                 int lens_type, bool more)
{
    const int64_t T = 5, B = 3, I = 35, H = 7, G = c.gates * H;
    const double t = dtype == INGOT_F64   ? 1e-12
                     : dtype == INGOT_F32 ? 2e-6
                     : dtype == INGOT_F16 ? 1e-3
                                          : 8e-3;
    const auto state = [&] {
        return Tensor(dtype, batch_first ? std::vector<int64_t>{B, dirs, H}
                                         : std::vector<int64_t>{dirs, B, H});
    };
    Tensor x =
        Tensor(dtype, batch_first ? std::vector<int64_t>{B, T, I} : std::vector<int64_t>{T, B, I});
    Tensor w = Tensor(dtype, {dirs, G, I}, true), r = Tensor(dtype, {dirs, G, H}, true), none;
    std::vector<Tensor> in = {x.random(), w.random(0.4), r.random(0.4)};
    in.push_back(more ? Tensor(dtype, {dirs, 2 * G}).random() : none);
    in.push_back(none);
    if (lens_type)
        in[4] = Tensor(lens_type, {B}).fill([&](size_t i) { return (double)(i ? 2 * i : 5); });
    if (more) in.push_back(state().random());
    if (more && !strcmp(c.op, "lstm")) {
        in.push_back(state().random());
        in.push_back(Tensor(dtype, {dirs, 3 * H}).random());
    }
    attributes all = what;
    all.push_back(attribute("hidden_size", H));
    all.push_back(attribute("layout", (int64_t)batch_first));
    all.push_back(attribute("direction", dirs == 2 ? "bidirectional"
                                         : more    ? "reverse"
                                                   : "forward"));
    op_agrees(describe(c.op, dtype) + (batch_first ? " batch first" : ""), c.op, all, in,
              (size_t)c.outputs, t, dirs == 1 && more ? 3 : 1);
}

// States of linear attention, which the kernel keeps in f32, of every type that they may have.
static void linear_attention()
{
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_BF16})
        for (int state : {0, (int)INGOT_F32, (int)INGOT_F16, (int)INGOT_BF16}) {
            std::vector<Tensor> in = {Tensor(dtype, {2, 5, 32}).random(),
                                      Tensor(dtype, {2, 5, 16}).random(0.4),
                                      Tensor(dtype, {2, 5, 12}).random()};
            if (state) in.push_back(Tensor(state, {2, 2, 8, 6}).random());
            const double t = dtype == INGOT_BF16 || state == INGOT_BF16 ? 8e-3
                             : dtype == INGOT_F16 || state == INGOT_F16 ? 1e-3
                                                                        : 2e-6;
            op_agrees(describe("linear_attention", dtype) + ", state " + std::to_string(state),
                      "linear_attention", {attribute("q_heads", 4), attribute("kv_heads", 2)}, in,
                      2, t, 2);
        }
}

int main()
{
    linear_attention();
    const Cell rnn = {"rnn", 1, 2}, gru = {"gru", 3, 2}, lstm = {"lstm", 4, 3};
    for (int dtype : {INGOT_F16, INGOT_BF16, INGOT_F64})
        for (const Cell &c : {rnn, gru, lstm}) {
            cell(c, dtype, {}, 1, false, 0, false);
            cell(c, dtype, {attribute("clip", 0.7)}, 1, false, INGOT_I32, true);
            cell(c, dtype, {}, 2, true, INGOT_I64, true);
        }
    cell(gru, INGOT_F64, {attribute("linear_before_reset", 1)}, 2, false, INGOT_I32, true);
    cell(gru, INGOT_F16, {attribute("linear_before_reset", 1)}, 1, true, 0, false);
    cell(lstm, INGOT_F64, {attribute("input_forget", 1)}, 1, false, 0, true);
    for (int lens : {INGOT_I8, INGOT_I16})
        cell(lens == INGOT_I8 ? lstm : gru, INGOT_F32, {}, 1, false, lens, true);
    return done();
}
