// flash_sm80.cuh - many queries against many keys: FlashAttention-2 (Dao 2023) on mma.sync, over
// tensors or over pages (chunks of a prompt behind what is cached).
//
// The query heads that share a kv head, times some tokens, are the rows of a block of 64 MT: keys
// and values are read once for all of them. Four warps of MT m16 tiles each; KEYS keys at a time
// through two stages of K and of V that cp.async fills (8-bit pages: loads, widened to bf16 with
// their scales on the way). S and O stay in registers: d = 128 with MT = 2 has 128 of O and, with
// 32 keys, 32 of S a thread; 64 keys spill. Only tiles on the edge of what a warp sees are masked.
// A row's bits do not depend on the rows beside it: key tiles begin at multiples of KEYS.
//
// Limits: 4 * 64 MT * d FLOP a key beside 4 d bytes of it: 64 MT FLOP a byte of L2, so products
// bound it. Shared memory (64 MT + 4 KEYS) 2 d bytes: 64 KB for d = 128, two blocks a processor of
// 164 KB.
#pragma once
#include "kernels/attention/paged_decode_sm80.cuh"

struct flash_args {
    const void *q, *k, *v, *mask;
    void *y;
    cu_att_type y_type, mask_type;
    int heads, kv_heads, tq, tk, d, dv, tokens; // tokens: of a block
    int64_t q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row;
    int64_t y_batch, y_head, y_row, mask_batch, mask_head, mask_row;
    int mask_len, offset;
    const int32_t *image;      // not NULL: k and v are pages
    const unsigned char *base; // of the layer, in page 0
    int64_t page_bytes, head_bytes, v_at, k_scales_at, v_scales_at;
    int page_tokens, k_bytes, v_bytes; // of a row
    cu_att_rule rule;
    att_scores score;
};

enum flash_source_kind { FLASH_DENSE, FLASH_MASKED, FLASH_PAGED };

// Rows of D 16-bit elements without bank conflicts of ldmatrix.
template <int D> __device__ __forceinline__ int flash_at(int row, int piece)
{
    return (row * (D / 8) + (piece ^ (row & 7))) * 16;
}

template <int D, int MT, int KEYS> constexpr int flash_smem()
{
    return (64 * MT + 4 * KEYS) * D * 2;
}

// Where keys are; a piece is 8 elements of a row.
template <class E, bool PAGED> struct flash_source {
    const flash_args &a;
    const unsigned char *k, *v; // pages: the kv head's part of page 0
    const int32_t *pages;
    int tk;
    // Piece c of key `key` to shared memory; which: 0 keys, 1 values. Zeros where there is none.
    template <int WHICH> __device__ __forceinline__ void copy(char *to, int key, int c) const
    {
        const int size = WHICH ? a.dv : a.d;
        const bool there = key < tk && c * 8 < size;
        if constexpr (!PAGED) {
            const int64_t row = (int64_t)key * (WHICH ? a.v_row : a.k_row);
            px_cp16(to, (WHICH ? v : k) + (there ? (row + c * 8) * 2 : 0), there ? 16 : 0);
        } else {
            const unsigned char *page = k;
            int slot = 0;
            if (there) {
                slot = key % a.page_tokens;
                page += (int64_t)pages[key / a.page_tokens] * a.page_bytes;
            }
            const int64_t at =
                (WHICH ? a.v_at + (int64_t)slot * a.v_bytes : (int64_t)slot * a.k_bytes) +
                c * 8 * E::BYTES;
            if constexpr (E::BYTES == 2) {
                px_cp16(to, page + (there ? at : 0), there ? 16 : 0);
            } else {
                uint2 w = {0, 0};
                float scale = 0;
                if (there) {
                    w = *(const uint2 *)(page + at);
                    scale = ((const float *)(page + (WHICH ? a.v_scales_at : a.k_scales_at)))[slot];
                }
                const uint32_t x[4] = {E::template widen<0, 1>(w.x), E::template widen<2, 3>(w.x),
                                       E::template widen<0, 1>(w.y), E::template widen<2, 3>(w.y)};
                uint32_t o[4];
#pragma unroll
                for (int i = 0; i < 4; i++)
                    o[i] = px_pack_bf16(px_bf16_lo(x[i]) * scale, px_bf16_hi(x[i]) * scale);
                px_st16(to, {o[0], o[1], o[2], o[3]});
            }
        }
    }
};

template <int D, int MT, int KEYS, class E, flash_source_kind KIND>
__global__ void __launch_bounds__(128, 1) flash_sm80(const __grid_constant__ flash_args a)
{
    constexpr bool PAGED = KIND == FLASH_PAGED, MASKED = KIND == FLASH_MASKED;
    constexpr int BM = 64 * MT, CH = D / 8, NK = D / 16, NS = KEYS / 8, TILE = KEYS * D * 2;
    IGT_SMEM(smem);
    char *sq = smem, *sk = sq + BM * D * 2, *sv = sk + 2 * TILE;
    const int tid = threadIdx.x, lane = tid & 31, w = tid >> 5, g = lane >> 2, t = lane & 3;
    const int hk = blockIdx.y, G = a.heads / a.kv_heads;
    const int n_tiles = PAGED ? a.image[CU_KV_N_TILES] : (int)gridDim.x;

    for (int tile = blockIdx.x; tile < n_tiles; tile += gridDim.x) {
        // ---- which tokens, which keys ----
        int row0 = 0, first, n_tokens, offset = a.offset, batch = 0;
        flash_source<E, PAGED> from = {a, (const unsigned char *)a.k, (const unsigned char *)a.v,
                                       nullptr, a.tk};
        if constexpr (PAGED) {
            const int row = a.image[a.image[CU_KV_TILES_AT] + tile];
            const cu_kv_row r = ((const cu_kv_row *)(a.image + a.image[CU_KV_ROWS_AT]))[row];
            row0 = r.row;
            first = row - r.row + (int)blockIdx.z * a.tokens;
            n_tokens = min(min(row - r.row + CU_KV_TILE, r.n) - first, a.tokens);
            offset = r.before;
            from.tk = r.before + r.n;
            from.pages = a.image + r.pages;
            from.k = a.base + hk * a.head_bytes;
        } else {
            batch = blockIdx.z; // causal: the longest first
            first = ((int)gridDim.x - 1 - tile) * a.tokens;
            n_tokens = min(a.tq - first, a.tokens);
            from.k += (batch * a.k_batch + hk * a.k_head) * 2;
            from.v += (batch * a.v_batch + hk * a.v_head) * 2;
        }
        if (n_tokens <= 0) continue;
        const int rows = n_tokens * G;
        auto sees = [&](int r) { // of row r of the block
            return att_sees(a.rule, first + min(r, rows - 1) / G + offset, from.tk);
        };
        const int lo = sees(0).begin / KEYS * KEYS, hi = sees(rows - 1).end;

        // ---- loads ----
        __syncthreads(); // the tile before is done with shared memory
        for (int i = tid; i < BM * CH; i += 128) {
            const int r = i / CH, c = i % CH;
            const bool there = r < rows && c * 8 < a.d;
            const int64_t at = batch * a.q_batch + (hk * G + r % G) * a.q_head +
                               (int64_t)(row0 + first + r / G) * a.q_row + c * 8;
            px_cp16(sq + flash_at<D>(r, c), (const uint16_t *)a.q + (there ? at : 0),
                    there ? 16 : 0);
        }
        auto load_k = [&](int n0, int st) {
#pragma unroll 2
            for (int i = 0; i < KEYS * CH / 128; i++) {
                const int e = tid + i * 128, r = e / CH, c = e % CH;
                from.template copy<0>(sk + st * TILE + flash_at<D>(r, c), n0 + r, c);
            }
        };
        auto load_v = [&](int n0, int st) {
#pragma unroll 2
            for (int i = 0; i < KEYS * CH / 128; i++) {
                const int e = tid + i * 128, r = e / CH, c = e % CH;
                from.template copy<1>(sv + st * TILE + flash_at<D>(r, c), n0 + r, c);
            }
        };
        if (lo < hi) load_k(lo, 0);
        px_cp_commit();
        if (lo < hi) load_v(lo, 0);
        px_cp_commit();

        // ---- this warp's rows: w * 16 MT on; a thread's: + m * 16 + g and + 8 ----
        const int wr = w * 16 * MT;
        const att_range top = sees(wr), low = sees(min(wr + 16 * MT, rows) - 1);
        const bool live = wr < rows, plain = !MASKED && !a.rule.slopes;
        float o[MT][D / 8][4], most[MT][2], sum[MT][2];
#pragma unroll
        for (int m = 0; m < MT; m++) {
#pragma unroll
            for (int h = 0; h < 2; h++) most[m][h] = ATT_NONE, sum[m][h] = 0;
#pragma unroll
            for (int j = 0; j < D / 8; j++)
#pragma unroll
                for (int i = 0; i < 4; i++) o[m][j][i] = 0;
        }
        int st = 0;
        for (int n0 = lo; n0 < hi; n0 += KEYS, st ^= 1) {
            const bool mine = live && n0 < low.end && n0 + KEYS > top.begin;
            px_cp_wait<1>();
            __syncthreads(); // K is there, and everyone is done with the stage before
            if (n0 + KEYS < hi) load_k(n0 + KEYS, st ^ 1);
            px_cp_commit();
            float s[MT][NS][4];
#pragma unroll
            for (int m = 0; m < MT; m++)
#pragma unroll
                for (int j = 0; j < NS; j++)
#pragma unroll
                    for (int i = 0; i < 4; i++) s[m][j][i] = 0;
            if (mine) {
#pragma unroll
                for (int k = 0; k < NK; k++) {
                    uint32_t q[MT][4];
#pragma unroll
                    for (int m = 0; m < MT; m++)
                        px_ldsm4(q[m],
                                 sq + flash_at<D>(wr + m * 16 + (lane & 15), k * 2 + (lane >> 4)));
#pragma unroll
                    for (int j = 0; j < NS; j += 2) {
                        uint32_t b[4];
                        px_ldsm4(b, sk + st * TILE +
                                        flash_at<D>(j * 8 + (lane & 7) + (lane >> 4) * 8,
                                                    k * 2 + (lane >> 3 & 1)));
#pragma unroll
                        for (int m = 0; m < MT; m++) {
                            E::mma(s[m][j], q[m], b);
                            E::mma(s[m][j + 1], q[m], b + 2);
                        }
                    }
                }
                const bool edge = n0 + KEYS > top.end || n0 < low.begin;
#pragma unroll
                for (int m = 0; m < MT; m++)
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        const int r = wr + m * 16 + g + h * 8;
                        if (!edge && plain) {
#pragma unroll
                            for (int j = 0; j < NS; j++)
#pragma unroll
                                for (int i = 0; i < 2; i++)
                                    s[m][j][h * 2 + i] = a.score(s[m][j][h * 2 + i]);
                        } else {
                            const att_range e = sees(r);
                            const int token = first + min(r, rows - 1) / G;
                            const int head = hk * G + min(r, rows - 1) % G;
                            const float slope =
                                a.rule.slopes ? a.rule.slopes[head] * ATT_LOG2E : 0.0f;
                            const int64_t mask_at = batch * a.mask_batch + head * a.mask_head +
                                                    (int64_t)token * a.mask_row;
#pragma unroll
                            for (int j = 0; j < NS; j++)
#pragma unroll
                                for (int i = 0; i < 2; i++) {
                                    const int key = n0 + j * 8 + t * 2 + i;
                                    float z = a.score(s[m][j][h * 2 + i]) +
                                              slope * (float)(key - token - offset);
                                    const bool seen = key >= e.begin && key < e.end;
                                    if (MASKED && seen)
                                        z += key < a.mask_len
                                                 ? ATT_LOG2E *
                                                       att_load(a.mask, a.mask_type, mask_at + key)
                                                 : ATT_NONE;
                                    s[m][j][h * 2 + i] = seen ? z : ATT_NONE;
                                }
                        }
                        float up = most[m][h];
#pragma unroll
                        for (int j = 0; j < NS; j++)
                            up = fmaxf(up, fmaxf(s[m][j][h * 2], s[m][j][h * 2 + 1]));
                        up = fmaxf(up, px_shfl_xor(up, 1));
                        up = fmaxf(up, px_shfl_xor(up, 2));
                        const float base = att_base(up), f = px_exp2(most[m][h] - base);
                        most[m][h] = up;
                        sum[m][h] *= f;
#pragma unroll
                        for (int j = 0; j < D / 8; j++) {
                            o[m][j][h * 2] *= f;
                            o[m][j][h * 2 + 1] *= f;
                        }
#pragma unroll
                        for (int j = 0; j < NS; j++)
#pragma unroll
                            for (int i = 0; i < 2; i++) {
                                s[m][j][h * 2 + i] = px_exp2(s[m][j][h * 2 + i] - base);
                                sum[m][h] += s[m][j][h * 2 + i];
                            }
                    }
            }
            px_cp_wait<1>();
            __syncthreads(); // V is there
            if (n0 + KEYS < hi) load_v(n0 + KEYS, st ^ 1);
            px_cp_commit();
            if (!mine) continue;
#pragma unroll
            for (int k = 0; k < KEYS / 16; k++) {
                uint32_t p[MT][4];
#pragma unroll
                for (int m = 0; m < MT; m++)
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        const float *x = &s[m][k * 2 + i / 2][i % 2 * 2];
                        p[m][i] = E::pack(x[0], x[1]);
                    }
#pragma unroll
                for (int n = 0; n < D / 16; n++) {
                    uint32_t b[4];
                    px_ldsm4_t(b, sv + st * TILE +
                                      flash_at<D>(k * 16 + (lane & 15), n * 2 + (lane >> 4)));
#pragma unroll
                    for (int m = 0; m < MT; m++) {
                        E::mma(o[m][n * 2], p[m], b);
                        E::mma(o[m][n * 2 + 1], p[m], b + 2);
                    }
                }
            }
        }
        px_cp_wait<0>();
        // ---- results ----
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int h = 0; h < 2; h++) {
                const int r = wr + m * 16 + g + h * 8;
                float total = sum[m][h], shift;
                total += px_shfl_xor(total, 1);
                total += px_shfl_xor(total, 2);
                if (r >= rows) continue;
                const int head = hk * G + r % G;
                const float by = att_inverse(a.rule, head, most[m][h], total, &shift) * shift;
                const bool hidden = total == 0 && !a.rule.sinks;
                const int64_t at = batch * a.y_batch + head * a.y_head +
                                   (int64_t)(row0 + first + r / G) * a.y_row + t * 2;
#pragma unroll
                for (int j = 0; j < D / 8; j++) {
                    if (j * 8 + t * 2 >= a.dv) continue;
                    const float x0 = hidden ? a.rule.hidden : o[m][j][h * 2] * by,
                                x1 = hidden ? a.rule.hidden : o[m][j][h * 2 + 1] * by;
                    if (a.y_type == CU_ATT_F32)
                        *(float2 *)((float *)a.y + at + j * 8) = {x0, x1};
                    else
                        *(uint32_t *)((uint16_t *)a.y + at + j * 8) = E::pack(x0, x1);
                }
            }
    }
}
