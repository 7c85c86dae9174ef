// Mixtures of experts on the emulator: routing and lists against a plain search, products over the
// lists with weights of f16, bf16 and f32 against sums in double.
#include "kernels/moe/moe_cuda.h"
#include "tests/cuda/harness.hpp"
#pragma GCC diagnostic ignored "-Wextra" // a C header that compares enums and numbers
extern "C" {
#include "kernels/gemm_q/q_tiles.h"
}

using namespace cuda_test;

struct Lists {
    int32_t *chosen, *order, *row;
    float *weight;
    cu_q_slot *slots;
    int *n_slots;
    int rows, tile, max_slots;
};

static bool better(const float *l, int a, int b)
{ // does a come before b?
    const bool na = l[a] != l[a], nb = l[b] != l[b];
    if (na != nb) return nb;
    if (!na && l[a] != l[b]) return l[a] > l[b];
    return a < b;
}

static Lists route(int tokens, int experts, int top, cu_moe_scores scores, bool renormalise,
                   bool special)
{
    float *logits = random_f32((size_t)tokens * experts, 6);
    for (int i = 0; i < tokens * experts; i++)
        if (below(4) == 0) logits[i] = (float)(below(3) - 1) * 2; // equal ones
    if (special) {
        logits[0] = NAN, logits[1] = -INFINITY;
        logits[experts > 2 ? 2 : 0] = -0.0f;
    }
    const int pairs = tokens * top;
    Lists l = {};
    l.tile = cu_moe_tile(pairs, experts);
    l.rows = (int)cu_moe_rows(pairs, experts);
    l.max_slots = (int)cu_moe_slots(pairs, experts, l.tile);
    l.chosen = buffer<int32_t>(pairs), l.row = buffer<int32_t>(pairs),
    l.order = buffer<int32_t>(l.rows);
    l.weight = buffer<float>(pairs);
    l.slots = buffer<cu_q_slot>(l.max_slots), l.n_slots = buffer<int>(1);
    const cu_moe_route_args r = {logits, l.chosen, l.weight,    tokens, experts,
                                 top,    scores,   renormalise, 0.5f};
    char what[96];
    snprintf(what, sizeof what, "route %d tokens, %d of %d", tokens, top, experts);
    same_in_all_modes(what, l.weight, pairs * 4, [&] { return cu_moe_route(&r, nullptr); });
    bool right = true;
    double worst = 0;
    for (int t = 0; t < tokens; t++) {
        const float *lt = logits + (size_t)t * experts;
        std::vector<char> taken(experts);
        std::vector<double> w(top);
        double sum = 0, all = 0;
        for (int i = 0; i < top; i++) {
            int best = -1;
            for (int e = 0; e < experts; e++)
                if (!taken[e] && (best < 0 || better(lt, e, best))) best = e;
            taken[best] = 1;
            right &= l.chosen[t * top + i] == best;
            w[i] = lt[best];
        }
        for (int e = 0; e < experts; e++)
            if (scores == CU_MOE_SOFTMAX || (scores == CU_MOE_TOP_SOFTMAX && taken[e]))
                sum += exp((double)lt[e]);
        for (double &x : w) {
            x = scores == CU_MOE_SIGMOID ? 1 / (1 + exp(-x)) : exp(x) / sum;
            all += x;
        }
        for (int i = 0; i < top && !(special && t == 0); i++) {
            const double want = w[i] / (renormalise ? all : 1) * 0.5;
            worst = fmax(worst, fabs(l.weight[t * top + i] - want) / want);
        }
    }
    check(right, "%s: other experts", what);
    check(worst < 2e-6, "%s: weights off by %.1e", what, worst);

    const cu_moe_list_args list = {l.chosen,
                                   tokens,
                                   experts,
                                   top,
                                   l.tile,
                                   l.order,
                                   l.row,
                                   l.rows,
                                   l.slots,
                                   l.n_slots,
                                   buffer<int>(2 * experts)};
    check(cu_moe_list(&list, nullptr) == 0, "list");
    right = *l.n_slots <= l.max_slots;
    std::vector<int> seen(l.rows, -1);
    for (int s = 0; s < *l.n_slots; s++) {
        right &= l.slots[s].first % 8 == 0 && l.slots[s].rows >= 1 && l.slots[s].rows <= l.tile;
        for (int r = 0; r < l.slots[s].rows; r++) {
            right &= seen[l.slots[s].first + r] < 0;
            seen[l.slots[s].first + r] = l.slots[s].expert;
        }
    }
    int filled = 0;
    for (int r = 0; r < l.rows; r++) {
        right &= (l.order[r] >= 0) == (seen[r] >= 0);
        filled += seen[r] >= 0;
    }
    for (int i = 0; i < pairs; i++)
        right &= seen[l.row[i]] == l.chosen[i] && l.order[l.row[i]] == i / top;
    check(right && filled == pairs, "%s: lists", what);
    return l;
}

// y[t] = sum of weight * (x[t] W[chosen] + bias[chosen]), W of 16 bits.
static void experts16(int tokens, int experts, int top, int n, int k, bool bf16)
{
    const Lists l = route(tokens, experts, top, CU_MOE_SOFTMAX, true, false);
    ig_q_tiles t;
    check(ig_q_tiles16_of(&t, n, k), "tiles of 16 bits");
    const size_t depth = bf16 ? k + k % 2 : k, panels = (n + 15) / 16;
    std::vector<uint16_t> p(panels * 16 * depth);
    std::vector<double> w((size_t)experts * n * k);
    uint8_t *tiles = buffer<uint8_t>(t.bytes * experts);
    for (int e = 0; e < experts; e++) {
        for (auto &h : p) h = 0;
        for (int r = 0; r < n; r++) {
            const double size = exp2(below(20) - 10);
            for (int c = 0; c < k; c++) {
                const float v = (float)(uniform() * size);
                const size_t at = r / 16 * 16 * depth +
                                  (bf16 ? c / 2 * 32 + r % 16 * 2 + c % 2 : c * 16 + r % 16);
                p[at] = bf16 ? px_f2bf(v) : px_f2h(v);
                w[((size_t)e * n + r) * k + c] = bf16 ? px_bf2f(p[at]) : px_h2f(p[at]);
            }
        }
        check(ig_q_tiles16_fill(tiles + e * t.bytes, &t, p.data(), bf16, n, k) == p.size() * 2,
              "bytes of panels");
    }
    const float *x = random_f32((size_t)tokens * k), *bias = random_f32((size_t)experts * n);
    cu_gemm_q_args g = {};
    g.w.quants = tiles, g.w.row = (const float *)(tiles + t.row);
    g.w.bits = 16, g.w.group_log2 = (int)t.group_log2;
    g.w.n = (int)t.n, g.w.k = (int)t.k, g.w.expert_bytes = (int64_t)t.bytes;
    g.m = g.rows = l.rows;
    g.slots = l.slots, g.n_slots = l.n_slots, g.max_slots = l.max_slots, g.tokens = l.tile;
    uint16_t *xs = buffer<uint16_t>((size_t)l.rows * t.k);
    float *factor = buffer<float>(l.rows), *out = buffer<float>((size_t)l.rows * n);
    const size_t tickets = cu_gemm_q_tickets(&g);
    g.tickets = zeros<int>(tickets);
    g.partial = (float *)buffer<char>(cu_gemm_q_scratch(&g));
    g.x = xs, g.factor = factor;
    g.finish.y = out, g.finish.ldy = g.finish.n_out = n;
    g.finish.bias = bias, g.finish.bias_step = n;
    cu_q_acts_args acts = {};
    acts.tiles = xs, acts.factor = factor, acts.x = x, acts.ldx = k, acts.order = l.order;
    acts.m = acts.rows = l.rows, acts.k = k;
    float *y = buffer<float>((size_t)tokens * n);
    const cu_moe_combine_args sum = {out, l.weight, l.row, y, tokens, top, n};
    char what[96];
    snprintf(what, sizeof what, "experts of %s, %d tokens, %d of %d, %dx%d", bf16 ? "bf16" : "f16",
             tokens, top, experts, n, k);
    same_in_all_modes(what, y, (size_t)tokens * n * 4, [&] {
        int status = cu_q_acts(&acts, nullptr);
        if (!status) status = cu_gemm_q(&g, nullptr);
        return status ? status : cu_moe_combine(&sum, nullptr);
    });
    std::vector<double> want((size_t)tokens * n);
    for (int i = 0; i < tokens * top; i++) {
        const int e = l.chosen[i];
        for (int r = 0; r < n; r++) {
            double s = bias[(size_t)e * n + r];
            for (int c = 0; c < k; c++)
                s += (double)x[(size_t)(i / top) * k + c] * w[((size_t)e * n + r) * k + c];
            want[(size_t)(i / top) * n + r] += l.weight[i] * s;
        }
    }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 5e-4, "%s: error %.2e", what, err);
}

// Experts of f32: up * relu(gate), pairs of rows 8 apart, or plain rows; f32's own precision.
static void experts32(int tokens, int experts, int top, int n, int k, bool gated)
{
    const Lists l = route(tokens, experts, top, CU_MOE_SOFTMAX, true, false);
    const int panels = gated ? (n + 7) / 8 : (n + 15) / 16, columns = panels * 16;
    const float *w = random_f32((size_t)experts * columns * k), *x = random_f32((size_t)tokens * k),
                *bias = random_f32((size_t)experts * columns);
    float *out = buffer<float>((size_t)l.rows * n), *y = buffer<float>((size_t)tokens * n);
    cu_moe_f32_args f = {};
    f.x = x, f.w = w, f.ldx = f.k = k, f.panels = panels;
    f.order = l.order, f.slots = l.slots, f.n_slots = l.n_slots;
    f.max_slots = l.max_slots, f.tile = l.tile;
    f.finish.y = out, f.finish.ldy = f.finish.n_out = n, f.finish.gated = gated;
    f.finish.bias = bias, f.finish.bias_step = columns;
    f.finish.act = gated ? CU_ACT_relu : CU_ACT_none;
    const cu_moe_combine_args sum = {out, l.weight, l.row, y, tokens, top, n};
    char what[96];
    snprintf(what, sizeof what, "experts of f32, %d tokens, %d of %d, %dx%d", tokens, top, experts,
             n, k);
    same_in_all_modes(what, y, (size_t)tokens * n * 4, [&] {
        const int status = cu_moe_f32(&f, nullptr);
        return status ? status : cu_moe_combine(&sum, nullptr);
    });
    const auto product = [&](int e, int t, int column) {
        double s = bias[(size_t)e * columns + column];
        for (int c = 0; c < k; c++)
            s += (double)x[(size_t)t * k + c] *
                 w[(((size_t)e * panels + column / 16) * k + c) * 16 + column % 16];
        return s;
    };
    std::vector<double> want((size_t)tokens * n);
    for (int i = 0; i < tokens * top; i++)
        for (int r = 0; r < n; r++) {
            const int e = l.chosen[i], t = i / top, up = r / 8 * 16 + r % 8;
            const double v =
                gated ? product(e, t, up) * fmax(0, product(e, t, up + 8)) : product(e, t, r);
            want[(size_t)t * n + r] += l.weight[i] * v;
        }
    const double err = distance(y, of_f32, want.data(), want.size());
    check(err < 2e-6, "%s: error %.2e", what, err);
}

int main()
{
    route(1, 8, 2, CU_MOE_SOFTMAX, true, false);
    route(9, 130, 7, CU_MOE_TOP_SOFTMAX, false, true);
    route(5, 3, 3, CU_MOE_SIGMOID, true, true);
    route(700, 6, 2, CU_MOE_SIGMOID, false, false);
    route(2, 2500, 4, CU_MOE_SOFTMAX, false, false); // more experts than threads
    experts16(1, 8, 2, 70, 100, true);
    experts16(20, 3, 2, 40, 130, false);
    experts16(90, 2, 1, 64, 64, true);
    experts32(1, 8, 2, 70, 100, true);
    experts32(20, 3, 2, 40, 130, false);
    experts32(90, 2, 1, 21, 300, true);
    return done();
}
