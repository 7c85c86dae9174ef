// flash_sm90.cuh - many queries against many keys on Hopper (FlashAttention-3, Shah et al. 2024):
// TMA, wgmma, specialised warps. Causal, windows, caps, sinks, grouped heads, ragged ends.
//
// A block has 128 queries of a head: one producer warpgroup, of which one thread drives TMA, and
// two consumer warpgroups of 64 queries each. K and V pass through a ring of two stages of N keys.
// A consumer issues S = Q K^T of the next keys and O += P V of the present ones together, then does
// the softmax of the next while the second runs; two named barriers let the consumers issue in
// turns, so that one's softmax falls into the other's products. P stays in registers: the
// accumulator's layout of two n8 tiles is the A operand's; V is read N-major. Results pass through
// the queries' shared memory and leave 16 bytes a thread.
//
// Registers a consumer thread: O D / 2, S N / 2, P N / 4: 160 for D = 128 and N = 128, 188 for 256
// and 80. Shared memory: (128 + 4 N) D 2 bytes, 160 KB. The limit is the tensor cores': 4 * 128 * N
// * D FLOP of products a tile beside 128 * N exponentials, which the alternation hides.
#pragma once
#include "kernels/attention/element_sm80.cuh"

struct flash90_args {
    void *y;
    cu_att_type y_type;
    int shared, heads, tq, tk, dv, offset; // shared: query heads a kv head
    int64_t y_batch, y_head, y_row;
    cu_att_rule rule;
    att_scores score;
};

#if defined(IGT_EMU) || defined(IGT_SM90A)
struct att_w_bf16 {
    template <int R>
    static __device__ __forceinline__ void ss(float (&d)[R], uint64_t a, uint64_t b, bool keep)
    {
        px_wgmma_bf16(d, a, b, keep);
    }
    template <int R>
    static __device__ __forceinline__ void rs(float (&d)[R], const uint32_t (&a)[4], uint64_t b)
    {
        px_wgmma_bf16_rs_bt(d, a, b, true);
    }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_bf16(lo, hi);
    }
};
struct att_w_f16 {
    template <int R>
    static __device__ __forceinline__ void ss(float (&d)[R], uint64_t a, uint64_t b, bool keep)
    {
        px_wgmma_f16(d, a, b, keep);
    }
    template <int R>
    static __device__ __forceinline__ void rs(float (&d)[R], const uint32_t (&a)[4], uint64_t b)
    {
        px_wgmma_f16_rs_bt(d, a, b, true);
    }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_f16(lo, hi);
    }
};
#else
struct att_w_bf16;
struct att_w_f16;
#endif

constexpr int FLASH90_M = 128, FLASH90_STAGES = 2;
template <int D, int N> constexpr int flash90_smem()
{
    return (FLASH90_M + 2 * FLASH90_STAGES * N) * D * 2 + 256;
}

template <int D, int N, class E>
__global__ void __launch_bounds__(384, 1)
    flash_sm90(const __grid_constant__ igt_tmap tq, const __grid_constant__ igt_tmap tk,
               const __grid_constant__ igt_tmap tv, const __grid_constant__ flash90_args a)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    constexpr int BLOCKS = D / 64, Q_BLOCK = FLASH90_M * 128, KV_BLOCK = N * 128;
    constexpr int ST = FLASH90_STAGES, TILE = BLOCKS * KV_BLOCK;
    IGT_SMEM(smem);
    char *sq = smem, *sk = sq + BLOCKS * Q_BLOCK, *sv = sk + ST * TILE;
    uint64_t *qf = (uint64_t *)(sv + ST * TILE), *kf = qf + 1, *vf = kf + ST, *ke = vf + ST,
             *ve = ke + ST;
    const int tid = threadIdx.x, wg = tid / 128;
    const int head = blockIdx.y, batch = blockIdx.z;
    const int m0 = ((int)gridDim.x - 1 - (int)blockIdx.x) * FLASH90_M; // causal: the longest first
    const int rows = min(a.tq - m0, FLASH90_M);
    const int lo = att_sees(a.rule, m0 + a.offset, a.tk).begin / N;
    const int hi = (att_sees(a.rule, m0 + rows - 1 + a.offset, a.tk).end + N - 1) / N;
    if (tid == 0) {
        px_mbar_init(qf, 1);
        for (int i = 0; i < ST; i++) {
            px_mbar_init(kf + i, 1);
            px_mbar_init(vf + i, 1);
            px_mbar_init(ke + i, 2);
            px_mbar_init(ve + i, 2);
        }
        px_mbar_fence_init();
    }
    __syncthreads();
    int st = 0, phase = 0;
    auto next = [&] {
        if (++st == ST) {
            st = 0;
            phase ^= 1;
        }
    };
    if (wg == 0) {
        px_reg_dec<24>();
        if (tid == 0 && lo < hi) {
            auto load = [&](char *to, const igt_tmap *t, uint64_t *bar, int block, int row, int h) {
                px_mbar_expect(bar, BLOCKS * block);
                for (int b = 0; b < BLOCKS; b++)
                    px_tma_4d(to + b * block, t, bar, b * 64, row, h, batch);
            };
            load(sq, &tq, qf, Q_BLOCK, m0, head);
            for (int n = hi - 1; n >= lo; n--, next()) {
                px_mbar_wait(ke + st, phase ^ 1);
                load(sk + st * TILE, &tk, kf + st, KV_BLOCK, n * N, head / a.shared);
                px_mbar_wait(ve + st, phase ^ 1);
                load(sv + st * TILE, &tv, vf + st, KV_BLOCK, n * N, head / a.shared);
            }
        }
    } else {
        px_reg_inc<240>();
        const int own = wg - 1, lane = tid & 31, t = lane & 3;
        const int r0 = own * 64 + tid % 128 / 32 * 16 + (lane >> 2); // rows r0 and r0 + 8
        const bool capped = a.score.cap_mul != 0;
        const float mul = capped ? 1.0f : a.score.mul;
        float o[D / 2], s[N / 2], most[2] = {ATT_NONE, ATT_NONE}, sum[2] = {0, 0}, f[2];
        uint32_t p[N / 16][4];
#    pragma unroll
        for (int i = 0; i < D / 2; i++) o[i] = 0;
        auto issue_s = [&](int stage) {
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < D / 16; k++)
                E::ss(s, px_desc_k128(sq + k / 4 * Q_BLOCK + own * 64 * 128) + k % 4 * 2,
                      px_desc_k128(sk + stage * TILE + k / 4 * KV_BLOCK) + k % 4 * 2, k > 0);
            px_wg_commit();
        };
        auto issue_o = [&](int stage) {
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < N / 16; k++)
                E::rs(o, p[k], px_desc_mn128(sv + stage * TILE + k * 16 * 128, KV_BLOCK));
            px_wg_commit();
        };
        // s of keys n N on becomes weights; f: what multiplies the sums so far.
        auto softmax = [&](int n) {
            const att_range first = att_sees(a.rule, m0 + own * 64 + a.offset, a.tk);
            const att_range last = att_sees(a.rule, m0 + own * 64 + 63 + a.offset, a.tk);
            if (capped)
#    pragma unroll
                for (int i = 0; i < N / 2; i++) s[i] = a.score(s[i]);
            if (n * N + N > min(first.end, last.end) || n * N < max(first.begin, last.begin)) {
#    pragma unroll
                for (int q = 0; q < 2; q++) {
                    const att_range e = att_sees(a.rule, m0 + r0 + q * 8 + a.offset, a.tk);
#    pragma unroll
                    for (int i = 0; i < N / 4; i++) {
                        const int key = n * N + i / 2 * 8 + t * 2 + (i & 1);
                        if (key < e.begin || key >= e.end)
                            s[i / 2 * 4 + q * 2 + (i & 1)] = ATT_NONE;
                    }
                }
            }
#    pragma unroll
            for (int q = 0; q < 2; q++) {
                float up = most[q];
#    pragma unroll
                for (int i = 0; i < N / 4; i++) up = fmaxf(up, s[i / 2 * 4 + q * 2 + (i & 1)]);
                up = fmaxf(up, px_shfl_xor(up, 1));
                up = fmaxf(up, px_shfl_xor(up, 2));
                const float base = att_base(up) * mul;
                f[q] = px_exp2(fmaf(most[q], mul, -base));
                most[q] = up;
                sum[q] *= f[q];
#    pragma unroll
                for (int i = 0; i < N / 4; i++) {
                    float &x = s[i / 2 * 4 + q * 2 + (i & 1)];
                    x = px_exp2(fmaf(x, mul, -base));
                    sum[q] += x;
                }
            }
        };
        auto pack = [&] {
#    pragma unroll
            for (int i = 0; i < N / 4; i++) p[i / 4][i % 4] = E::pack(s[i * 2], s[i * 2 + 1]);
        };
        auto turn = [&] { px_bar_sync(1 + own, 256); };         // wait for this warpgroup's turn
        auto pass = [&] { px_bar_arrive(1 + (own ^ 1), 256); }; // it is the other's
        if (lo < hi) {
            if (own == 1) pass();
            px_mbar_wait(qf, 0);
            px_mbar_wait(kf + st, phase);
            turn();
            issue_s(st);
            pass();
            px_wg_wait<0>();
            if (tid % 128 == 0) px_mbar_arrive(ke + st);
            softmax(hi - 1);
            pack();
            for (int n = hi - 2; n >= lo; n--) {
                const int now = st, now_phase = phase;
                next();
                px_mbar_wait(kf + st, phase);
                turn();
                issue_s(st);
                px_mbar_wait(vf + now, now_phase);
                issue_o(now);
                pass();
                px_wg_wait<1>(); // S
                if (tid % 128 == 0) px_mbar_arrive(ke + st);
                softmax(n);
                px_wg_wait<0>(); // O
                if (tid % 128 == 0) px_mbar_arrive(ve + now);
#    pragma unroll
                for (int i = 0; i < D / 2; i++) o[i] *= f[i >> 1 & 1];
                pack();
            }
            turn();
            px_mbar_wait(vf + st, phase);
            issue_o(st);
            if (own == 0) pass(); // nobody waits for the last warpgroup
            px_wg_wait<0>();
        }
        // ---- results: through this warpgroup's rows of the queries' memory ----
        const bool wide = a.y_type != CU_ATT_F32;
        char *out = sq + own * 64 * 128;
#    pragma unroll
        for (int q = 0; q < 2; q++) {
            float total = sum[q], shift;
            total += px_shfl_xor(total, 1);
            total += px_shfl_xor(total, 2);
            const bool hidden = total == 0 && !a.rule.sinks;
            const float by = att_inverse(a.rule, head, most[q] * mul, total, &shift) * shift;
            const int r = r0 + q * 8, in = r - own * 64;
            float *y =
                (float *)a.y + batch * a.y_batch + head * a.y_head + (int64_t)(m0 + r) * a.y_row;
#    pragma unroll
            for (int j = 0; j < D / 8; j++) {
                const float x0 = hidden ? a.rule.hidden : o[j * 4 + q * 2] * by,
                            x1 = hidden ? a.rule.hidden : o[j * 4 + q * 2 + 1] * by;
                if (wide)
                    *(uint32_t *)(out + j / 8 * Q_BLOCK + in * 128 + ((j % 8) ^ (in & 7)) * 16 +
                                  t * 4) = E::pack(x0, x1);
                else if (r < rows && j * 8 + t * 2 < a.dv)
                    *(float2 *)(y + j * 8 + t * 2) = {x0, x1};
            }
        }
        if (wide) {
            px_bar_sync(3 + own, 128);
            for (int i = tid % 128; i < 64 * D / 8; i += 128) {
                const int in = i / (D / 8), c = i % (D / 8), r = own * 64 + in;
                if (r >= rows || c * 8 >= a.dv) continue;
                const uint4 v =
                    px_ld16(out + c / 8 * Q_BLOCK + in * 128 + ((c % 8) ^ (in & 7)) * 16);
                px_st16((uint16_t *)a.y + batch * a.y_batch + head * a.y_head +
                            (int64_t)(m0 + r) * a.y_row + c * 8,
                        v);
            }
        }
    }
#endif
}
