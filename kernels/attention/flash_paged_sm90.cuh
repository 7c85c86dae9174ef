// flash_paged_sm90.cuh - prompts over the cache's pages on Hopper: flash_sm90.cuh with K and V
// gathered by page. 16-bit pages.
//
// The query heads that share a kv head, times some tokens, are the 128 rows of a tile: one box of
// TMA brings them (heads beside each other, tokens above), and a key tile is read once for all. K
// and V of 16 tokens are a box each 64 columns; 16 rows are two of the swizzle's groups of 8, so
// that boxes one after the other are the tile that wgmma wants. The producer warp reads the block
// table a tile ahead, a lane a box. Columns past d are zeros.
//
// Memory past a sequence's end is never written by it, and a weight of zero times NaN is NaN: the
// producer waits for the V tile with the end in it, the first of an item, and clears its rows
// before consumers see it; the next K is under way by then.
//
// A row's bits depend on its sequence alone: key tiles begin at multiples of N, and those that it
// does not see leave its sums as they are, before and behind. Bounds as in flash_sm90.cuh.
#pragma once
#include "kernels/attention/flash_sm90.cuh"

struct flash90_paged_args {
    float *y;
    int shared, kv_heads, dv, tokens, pieces; // tokens: of a tile of rows; pieces of a CU_KV_TILE
    int64_t y_head, y_row;
    const int32_t *image;
    int page_tokens;
    cu_att_rule rule;
    att_scores score;
};

enum { FLASH90_BOX = 16 }; // tokens of a page that a copy brings

#if defined(IGT_EMU) || defined(IGT_SM90A)
// Some tokens of a span and one kv head, and the key tiles [lo, hi) that they see.
struct flash90_chunk {
    int head, row, at, tokens, tk, lo,
        hi; // row: of the first token; at: its number in the sequence
    const int32_t *pages;
    __device__ __forceinline__ flash90_chunk(const flash90_paged_args &a, int item, int n_keys)
    {
        head = item % a.kv_heads;
        const int piece = a.pieces - 1 - item / a.kv_heads % a.pieces,
                  first = a.image[a.image[CU_KV_TILES_AT] + item / (a.kv_heads * a.pieces)];
        const cu_kv_row r = ((const cu_kv_row *)(a.image + a.image[CU_KV_ROWS_AT]))[first];
        row = first + piece * a.tokens;
        at = r.before + row - r.row;
        tokens = min(min(first + CU_KV_TILE, r.row + r.n) - row, a.tokens);
        tk = r.before + r.n;
        pages = a.image + r.pages;
        lo = att_sees(a.rule, at, tk).begin / n_keys;
        hi = tokens > 0 ? (att_sees(a.rule, at + tokens - 1, tk).end + n_keys - 1) / n_keys : lo;
    }
};

template <int D, int N>
__device__ __forceinline__ void flash90_gather(const flash90_memory<D, N> &m, const igt_tmap *tq,
                                               const igt_tmap *tk, const igt_tmap *tv,
                                               const flash90_paged_args &a, flash90_items items)
{
    typedef flash90_memory<D, N> M;
    constexpr int BOX = FLASH90_BOX * 128;
    static_assert(N / FLASH90_BOX <= 32, "a lane a box");
    const int lane = threadIdx.x;
    ring_place<FLASH90_STAGES> r;
    int q_phase = 0, cut_phase = 0;
    while (items.next()) {
        const flash90_chunk c(a, items.now, N);
        auto page_of = [&](int n) { // of this lane's box of tile n
            const int key = n * N + lane * FLASH90_BOX;
            const bool there = n >= c.lo && lane < N / FLASH90_BOX && key < c.tk;
            return there ? c.pages[key / a.page_tokens] : 0;
        };
        auto load = [&](char *to, const igt_tmap *map, uint64_t *bar, int n, int page) {
            const int boxes = min((c.tk - n * N + FLASH90_BOX - 1) / FLASH90_BOX, N / FLASH90_BOX);
            if (lane == 0) px_mbar_expect(bar, boxes * M::BLOCKS * BOX);
            for (int i = 0; i < boxes; i++) {
                const int p = px_shfl(page, i),
                          slot = px_shfl((n * N + lane * FLASH90_BOX) % a.page_tokens, i);
                if (lane == 0)
                    for (int b = 0; b < M::BLOCKS; b++)
                        px_tma_4d(to + b * M::KV_BLOCK + i * BOX, map, bar, b * 64, slot, c.head,
                                  p);
            }
        };
        // The V tile with the end in it: zeros from there on, then it is full.
        const int end = c.tk - (c.hi - 1) * N;
        bool owed = false;
        auto settle = [&](int st) {
            px_mbar_wait(m.cut, cut_phase);
            cut_phase ^= 1;
            for (int i = end * 8 + lane; i < N * 8; i += 32)
                for (int b = 0; b < M::BLOCKS; b++)
                    px_st16(m.v + st * M::TILE + b * M::KV_BLOCK + i * 16, {0, 0, 0, 0});
            px_fence_async();
            __syncwarp();
            if (lane == 0) px_mbar_arrive(m.vf + st);
            owed = false;
        };
        int page = page_of(c.hi - 1);
        for (int n = c.hi - 1; n >= c.lo; n--, r.next()) {
            const int next_page = page_of(n - 1);
            px_mbar_wait(m.ke + r.st, r.parity ^ 1);
            load(m.k + r.st * M::TILE, tk, m.kf + r.st, n, page);
            if (n == c.hi - 1) {
                px_mbar_wait(m.qe, q_phase ^ 1);
                q_phase ^= 1;
                if (lane == 0) {
                    px_mbar_expect(m.qf, M::BLOCKS * a.shared * a.tokens * 128);
                    for (int b = 0; b < M::BLOCKS; b++)
                        px_tma_3d(m.q + b * M::Q_BLOCK, tq, m.qf, b * 64, c.head * a.shared, c.row);
                }
            }
            if (owed) settle(r.st ^ 1);
            px_mbar_wait(m.ve + r.st, r.parity ^ 1);
            owed = n == c.hi - 1 && end < N;
            load(m.v + r.st * M::TILE, tv, owed ? m.cut : m.vf + r.st, n, page);
            page = next_page;
        }
        if (owed) settle(r.st ^ 1);
    }
}
#endif

template <int D, int N, class E>
__global__ void __launch_bounds__(384, 1)
    flash_paged_sm90(const __grid_constant__ igt_tmap tq, const __grid_constant__ igt_tmap tk,
                     const __grid_constant__ igt_tmap tv,
                     const __grid_constant__ flash90_paged_args a)
{
#if defined(IGT_EMU) || defined(IGT_SM90A)
    IGT_SMEM(smem);
    const flash90_memory<D, N> m(smem);
    const int wg = threadIdx.x / 128;
    flash90_open(m);
    flash90_items items(a.image[CU_KV_N_TILES] * a.kv_heads * a.pieces);
    if (wg == 0) {
        px_reg_dec<40>();
        if (threadIdx.x < 32) flash90_gather(m, &tq, &tk, &tv, a, items);
    } else {
        px_reg_inc<232>();
        flash90_rows<D, N, E> c(wg - 1);
        ring_place<FLASH90_STAGES> r;
        int q_phase = 0;
        const int lane = c.thread & 31, row = c.own * 64 + c.thread / 32 * 16 + lane / 4;
        while (items.next()) {
            const flash90_chunk k(a, items.now, N);
            const int last = k.tokens * a.shared - 1; // rows past it repeat its position
            auto position = [&](int i) { return k.at + min(i, last) / a.shared; };
            const flash90_view w = {{position(row), position(row + 8)},
                                    k.tk,
                                    {att_sees(a.rule, position(c.own * 64 + 63), k.tk).begin,
                                     att_sees(a.rule, position(c.own * 64), k.tk).end}};
            c.attend(m, r, q_phase, k.lo, k.hi, w, a.rule, a.score);
#    pragma unroll
            for (int q = 0; q < 2; q++) {
                const int i = row + q * 8, head = k.head * a.shared + i % a.shared;
                bool hidden;
                const float by = c.finish(q, head, a.rule, a.score, hidden);
                if (i > last) continue;
                float *y = a.y + (int64_t)(k.row + i / a.shared) * a.y_row + head * a.y_head;
#    pragma unroll
                for (int j = 0; j < D / 8; j++)
                    if (j * 8 + lane % 4 * 2 < a.dv)
                        *(float2 *)(y + j * 8 + lane % 4 * 2) = {c.o[j * 4 + q * 2] * by,
                                                                 c.o[j * 4 + q * 2 + 1] * by};
            }
            if (!flash90_memory<D, N>::APART && k.lo < k.hi && c.leader) px_mbar_arrive(m.qe);
        }
        c.close();
    }
#endif
}
