// flash_sm90.cuh - many queries against many keys on Hopper (FlashAttention-3, Shah et al. 2024):
// TMA, wgmma, specialised warps. Causal, windows, caps, sinks, grouped heads, ragged ends. Here:
// the machine, and the kernel over tensors; flash_paged_sm90.cuh has the one over pages.
//
// A block has 128 rows of queries at a time: one producer warpgroup, of which one warp drives TMA,
// and two consumer warpgroups of 64 rows each. K and V pass through a ring of two stages of N keys.
// A consumer issues S = Q K^T of the next keys and O += P V of the present ones together, then does
// the softmax of the next while the second runs; two named barriers let the consumers issue in
// turns, so that one's softmax falls into the other's products. P stays in registers: the
// accumulator's layout of two n8 tiles is the A operand's; V is read N-major. 16-bit results pass
// through shared memory and leave 16 bytes a thread.
//
// Blocks are persistent: a round over the grid takes the longest tiles first, the next goes back,
// so that who had the longest then has the shortest; the ring goes on filling while results are
// stored.
//
// Registers a consumer thread: O D / 2, S N / 2, P N / 4: 160 for D = 128 and N = 128, 196 for N =
// 176 (where nothing is masked), 188 for 256 and 80. Shared memory: (128 + 4 N) D 2 bytes, 160 KB,
// and 32 KB of results. The limit is the tensor cores': 4 * 128 * N * D FLOP of products a tile
// beside 128 * N exponentials, which the alternation hides; for D = N = 128 they take 2048 cycles,
// in which the next K and V, 64 KB, come from L2.
#pragma once
#include "kernels/attention/element_sm80.cuh"
#include "kernels/cuda/ring_sm90.cuh"

struct flash90_args {
    void *y;
    cu_att_type y_type;
    int shared, heads, tq, tk, dv, offset; // shared: query heads a kv head
    int all, group;                        // heads of all batches; of them, side by side
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

// Shared memory of a block: 64 columns of all rows lie together, 128 swizzled bytes a row.
template <int D, int N> struct flash90_memory {
    static constexpr int ST = FLASH90_STAGES, BLOCKS = D / 64, Q_BLOCK = FLASH90_M * 128,
                         KV_BLOCK = N * 128, TILE = BLOCKS * KV_BLOCK,
                         RING = BLOCKS * Q_BLOCK + 2 * ST * TILE, BARRIERS = 256;
    // results have a place of their own where there is room, else that of the queries
    static constexpr bool APART = RING + BLOCKS * Q_BLOCK + BARRIERS <= 232448;
    static constexpr int AT_OUT = APART ? RING : 0,
                         AT_BARRIERS = RING + (APART ? BLOCKS * Q_BLOCK : 0),
                         BYTES = AT_BARRIERS + BARRIERS;
    char *q, *k, *v, *out;
    uint64_t *qf, *qe, *cut, *kf, *vf, *ke, *ve; // f: full, e: empty; cut: of a V with an end in it

    __device__ __forceinline__ explicit flash90_memory(char *smem)
        : q(smem), k(q + BLOCKS * Q_BLOCK), v(k + ST * TILE), out(smem + AT_OUT),
          qf((uint64_t *)(smem + AT_BARRIERS)), qe(qf + 1), cut(qe + 1), kf(cut + 1), vf(kf + ST),
          ke(vf + ST), ve(ke + ST)
    {
    }
};

#if defined(IGT_EMU) || defined(IGT_SM90A)
template <int D, int N> __device__ __forceinline__ void flash90_open(const flash90_memory<D, N> &m)
{
    if (threadIdx.x == 0) {
        px_mbar_init(m.qf, 1);
        px_mbar_init(m.qe, 2);
        px_mbar_init(m.cut, 1);
        ring_init<FLASH90_STAGES>(m.kf, m.ke, 2);
        ring_init<FLASH90_STAGES>(m.vf, m.ve, 2);
        px_mbar_fence_init();
    }
    __syncthreads();
}

// A block's share of n items: `now`, as long as next() says so.
struct flash90_items {
    int n, round = 0, now = 0;
    __device__ __forceinline__ explicit flash90_items(int n_) : n(n_) {}
    __device__ __forceinline__ bool next()
    {
        const int grid = gridDim.x, me = blockIdx.x;
        while ((int64_t)round * grid < n) {
            now = round * grid + (round & 1 ? grid - 1 - me : me);
            round++;
            if (now < n) return true;
        }
        return false;
    }
};

// What a consumer thread sees: positions of its two rows, keys that all rows of its warpgroup see.
struct flash90_view {
    int at[2], tk;
    att_range all;
};

// A consumer thread's sums of rows r and r + 8, and what it has of the block's order: barriers 1
// and 2 are the warpgroups' turns.
template <int D, int N, class E> struct flash90_rows {
    float o[D / 2], most[2], sum[2];
    int own, thread;
    bool leader;

    // Who comes first is let in before anyone has had a turn.
    __device__ __forceinline__ explicit flash90_rows(int own_)
        : own(own_), thread(threadIdx.x % 128), leader(thread == 0)
    {
        if (own == 1) pass();
    }
    __device__ __forceinline__ void turn() const { px_bar_sync(1 + own, 256); }
    __device__ __forceinline__ void pass() const { px_bar_arrive(1 + (own ^ 1), 256); }
    // The last turn that is given away is nobody's.
    __device__ __forceinline__ void close() const
    {
        if (own == 0) turn();
    }

    // s of keys n N on becomes weights; f: what multiplies the sums so far.
    __device__ __forceinline__ void softmax(float (&s)[N / 2], float (&f)[2], int n,
                                            const flash90_view &w, const cu_att_rule &rule,
                                            const att_scores &score)
    {
        const int t = thread & 3;
        const bool capped = score.cap_mul != 0;
        const float mul = capped ? 1.0f : score.mul;
        if (capped)
#    pragma unroll
            for (int i = 0; i < N / 2; i++) s[i] = score(s[i]);
        if (n * N + N > w.all.end || n * N < w.all.begin) {
#    pragma unroll
            for (int q = 0; q < 2; q++) {
                const att_range e = att_sees(rule, w.at[q], w.tk);
#    pragma unroll
                for (int i = 0; i < N / 4; i++) {
                    const int key = n * N + i / 2 * 8 + t * 2 + (i & 1);
                    if (key < e.begin || key >= e.end) s[i / 2 * 4 + q * 2 + (i & 1)] = ATT_NONE;
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
    }

    // Key tiles lo to hi - 1, the last first.
    __device__ __forceinline__ void attend(const flash90_memory<D, N> &m,
                                           ring_place<FLASH90_STAGES> &r, int &q_phase, int lo,
                                           int hi, const flash90_view &w, const cu_att_rule &rule,
                                           const att_scores &score)
    {
        typedef flash90_memory<D, N> M;
        float s[N / 2], f[2];
        uint32_t p[N / 16][4];
#    pragma unroll
        for (int q = 0; q < 2; q++) most[q] = ATT_NONE, sum[q] = 0;
#    pragma unroll
        for (int i = 0; i < D / 2; i++) o[i] = 0;
        auto issue_s = [&](int stage) {
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < D / 16; k++)
                E::ss(s, px_desc_k128(m.q + k / 4 * M::Q_BLOCK + own * 64 * 128) + k % 4 * 2,
                      px_desc_k128(m.k + stage * M::TILE + k / 4 * M::KV_BLOCK) + k % 4 * 2, k > 0);
            px_wg_commit();
        };
        auto issue_o = [&](int stage) {
            px_wg_fence();
#    pragma unroll
            for (int k = 0; k < N / 16; k++)
                E::rs(o, p[k], px_desc_mn128(m.v + stage * M::TILE + k * 16 * 128, M::KV_BLOCK));
            px_wg_commit();
        };
        auto pack = [&] {
#    pragma unroll
            for (int i = 0; i < N / 4; i++) p[i / 4][i % 4] = E::pack(s[i * 2], s[i * 2 + 1]);
        };
        if (lo >= hi) return;
        px_mbar_wait(m.qf, q_phase);
        q_phase ^= 1;
        px_mbar_wait(m.kf + r.st, r.parity);
        turn();
        issue_s(r.st);
        pass();
        px_wg_wait<0>();
        if (leader) px_mbar_arrive(m.ke + r.st);
        softmax(s, f, hi - 1, w, rule, score);
        pack();
        for (int n = hi - 2; n >= lo; n--) {
            const int now = r.st, now_phase = r.parity;
            r.next();
            px_mbar_wait(m.kf + r.st, r.parity);
            turn();
            issue_s(r.st);
            px_mbar_wait(m.vf + now, now_phase);
            issue_o(now);
            pass();
            px_wg_wait<1>(); // S
            if (leader) px_mbar_arrive(m.ke + r.st);
            softmax(s, f, n, w, rule, score);
            px_wg_wait<0>(); // O
            if (leader) px_mbar_arrive(m.ve + now);
#    pragma unroll
            for (int i = 0; i < D / 2; i++) o[i] *= f[i >> 1 & 1];
            pack();
        }
        if (M::APART && leader) px_mbar_arrive(m.qe);
        turn();
        px_mbar_wait(m.vf + r.st, r.parity);
        issue_o(r.st);
        pass();
        px_wg_wait<0>();
        if (leader) px_mbar_arrive(m.ve + r.st);
        r.next();
    }

    // What o of row q is to be multiplied by; hidden: it saw nothing.
    __device__ __forceinline__ float finish(int q, int head, const cu_att_rule &rule,
                                            const att_scores &score, bool &hidden) const
    {
        float total = sum[q], shift;
        total += px_shfl_xor(total, 1);
        total += px_shfl_xor(total, 2);
        hidden = total == 0 && !rule.sinks;
        const float mul = score.cap_mul != 0 ? 1.0f : score.mul;
        return att_inverse(rule, head, most[q] * mul, total, &shift) * shift;
    }
};

// A tile of queries of one head, and its key tiles [lo, hi). Heads go in groups whose K and V the
// L2 holds; in a group the longest tiles come first.
struct flash90_tile {
    int head, batch, m0, rows, lo, hi;
    __device__ __forceinline__ flash90_tile(const flash90_args &a, int item, int n_keys)
    {
        const int tiles = (a.tq + FLASH90_M - 1) / FLASH90_M, first = item / (a.group * tiles);
        const int beside = min(a.group, a.all - first * a.group);
        const int rest = item - first * a.group * tiles, h = first * a.group + rest % beside;
        head = h % a.heads, batch = h / a.heads;
        m0 = (tiles - 1 - rest / beside) * FLASH90_M;
        rows = min(a.tq - m0, FLASH90_M);
        lo = att_sees(a.rule, m0 + a.offset, a.tk).begin / n_keys;
        hi = (att_sees(a.rule, m0 + rows - 1 + a.offset, a.tk).end + n_keys - 1) / n_keys;
    }
};

template <int D, int N>
__device__ __forceinline__ void flash90_produce(const flash90_memory<D, N> &m, const igt_tmap *tq,
                                                const igt_tmap *tk, const igt_tmap *tv,
                                                const flash90_args &a, flash90_items items)
{
    typedef flash90_memory<D, N> M;
    ring_place<FLASH90_STAGES> r;
    int q_phase = 0;
    while (items.next()) {
        const flash90_tile t(a, items.now, N);
        auto load = [&](char *to, const igt_tmap *map, uint64_t *bar, int block, int row, int h) {
            px_mbar_expect(bar, M::BLOCKS * block);
            for (int b = 0; b < M::BLOCKS; b++)
                px_tma_4d(to + b * block, map, bar, b * 64, row, h, t.batch);
        };
        for (int n = t.hi - 1; n >= t.lo; n--, r.next()) {
            px_mbar_wait(m.ke + r.st, r.parity ^ 1);
            load(m.k + r.st * M::TILE, tk, m.kf + r.st, M::KV_BLOCK, n * N, t.head / a.shared);
            if (n == t.hi - 1) {
                px_mbar_wait(m.qe, q_phase ^ 1);
                q_phase ^= 1;
                load(m.q, tq, m.qf, M::Q_BLOCK, t.m0, t.head);
            }
            px_mbar_wait(m.ve + r.st, r.parity ^ 1);
            load(m.v + r.st * M::TILE, tv, m.vf + r.st, M::KV_BLOCK, n * N, t.head / a.shared);
        }
    }
}

// A consumer warpgroup's results: f32 straight from the registers, 16 bits by way of `out`.
template <int D, int N, class E>
__device__ __forceinline__ void flash90_store(const flash90_memory<D, N> &m,
                                              const flash90_rows<D, N, E> &c,
                                              const flash90_tile &to, const flash90_args &a)
{
    typedef flash90_memory<D, N> M;
    const bool wide = a.y_type != CU_ATT_F32;
    const int lane = c.thread & 31, t = lane & 3, r0 = c.thread / 32 * 16 + (lane >> 2);
    char *out = m.out + c.own * 64 * 128;
    const int64_t at =
        to.batch * a.y_batch + to.head * a.y_head + (int64_t)(to.m0 + c.own * 64) * a.y_row;
    const int rows = to.rows - c.own * 64; // of this warpgroup
#    pragma unroll
    for (int q = 0; q < 2; q++) {
        bool hidden;
        const float by = c.finish(q, to.head, a.rule, a.score, hidden);
        const int r = r0 + q * 8;
        float *y = (float *)a.y + at + r * a.y_row;
#    pragma unroll
        for (int j = 0; j < D / 8; j++) {
            const float x0 = hidden ? a.rule.hidden : c.o[j * 4 + q * 2] * by,
                        x1 = hidden ? a.rule.hidden : c.o[j * 4 + q * 2 + 1] * by;
            if (wide)
                *(uint32_t *)(out + j / 8 * M::Q_BLOCK + r * 128 + ((j % 8) ^ (r & 7)) * 16 +
                              t * 4) = E::pack(x0, x1);
            else if (r < rows && j * 8 + t * 2 < a.dv)
                *(float2 *)(y + j * 8 + t * 2) = {x0, x1};
        }
    }
    if (!wide) return;
    px_bar_sync(3 + c.own, 128);
    for (int i = c.thread; i < 64 * D / 8; i += 128) {
        const int r = i / (D / 8), p = i % (D / 8);
        if (r >= rows || p * 8 >= a.dv) continue;
        const uint4 v = px_ld16(out + p / 8 * M::Q_BLOCK + r * 128 + ((p % 8) ^ (r & 7)) * 16);
        px_st16((uint16_t *)a.y + at + r * a.y_row + p * 8, v);
    }
    if (!M::APART) px_fence_async(); // queries come there next
    px_bar_sync(3 + c.own, 128);
}
#endif

template <int D, int N, class E>
__global__ void __launch_bounds__(384, 1)
    flash_sm90(const __grid_constant__ igt_tmap tq, const __grid_constant__ igt_tmap tk,
               const __grid_constant__ igt_tmap tv, const __grid_constant__ flash90_args a,
               int n_items)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    typedef flash90_memory<D, N> M;
    IGT_SMEM(smem);
    const M m(smem);
    const int wg = threadIdx.x / 128;
    flash90_open(m);
    flash90_items items(n_items);
    if (wg == 0) {
        px_reg_dec<24>();
        if (threadIdx.x == 0) flash90_produce(m, &tq, &tk, &tv, a, items);
    } else {
        px_reg_inc<240>();
        flash90_rows<D, N, E> c(wg - 1);
        ring_place<FLASH90_STAGES> r;
        int q_phase = 0;
        while (items.next()) {
            const flash90_tile t(a, items.now, N);
            const int first = t.m0 + c.own * 64 + a.offset,
                      row = c.thread / 32 * 16 + (c.thread & 31) / 4;
            const att_range low = att_sees(a.rule, first, a.tk),
                            high = att_sees(a.rule, first + 63, a.tk);
            const flash90_view w = {{first + row, first + row + 8},
                                    a.tk,
                                    {max(low.begin, high.begin), min(low.end, high.end)}};
            c.attend(m, r, q_phase, t.lo, t.hi, w, a.rule, a.score);
            flash90_store(m, c, t, a);
            if (!M::APART && t.lo < t.hi && c.leader) px_mbar_arrive(m.qe);
        }
        c.close();
    }
#endif
}
