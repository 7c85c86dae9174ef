// paged_decode_sm80.cuh - decoding over pages: the few queries of a span (one new token, or some of
// speculation) against all keys of its sequence, split over blocks (flash-decoding, Dao et al.
// 2023), joined by the block that comes last: no second launch, no waiting.
//
// The query heads that share a kv head, times the span's tokens, are the rows of m16 tiles: a
// page's bytes are read once for up to 16 of them. A warp takes every fourth group of 16 keys, K by
// ldmatrix and V by ldmatrix.trans from a ring of its own that cp.async fills; groups belong to
// warps by their number in the sequence. After each chunk of keys (kv_cuda.h) the four warps' sums
// are joined in order, then joined to the chunks before, here or by the last block: the same
// additions in the same order, so that a row's bits depend on its own sequence only.
//
// 8-bit pages: ldmatrix moves pairs of bytes. K: a lane gets 4 neighbours along d, so the elements
// of q are put in that order, too. V transposed: a lane gets columns 2 n and 2 n + 1 of two tokens,
// so that one tile of output has the even, the next the odd columns. A key's scale multiplies its
// score, a value's scale its weight.
//
// Bound by memory. Bytes in flight a block: 4 warps * (ST - 1) stages of 16 keys, 64 KB for d = 128
// of 16 bits; two blocks a processor where shared memory allows (227 KB).
#pragma once
#include "kernels/attention/element_sm80.cuh"

struct paged_few_args {
    const void *q; // [rows, heads, D], turned, of the products' type
    float *y;
    float *parts; // [part][heads][D + 4]: sums, the largest score, the sum of weights
    unsigned char *base;
    int32_t *image;
    int64_t page_bytes, at, head_bytes, v_at, k_scales_at, v_scales_at;
    int page_tokens, heads, kv_heads;
    cu_att_rule rule;
    att_scores score;
};

// ---- page elements: bytes, and how two or four become operands of the product ----
struct att_e_bf16 {
    static constexpr int BYTES = 2;
    static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4],
                                               const uint32_t *b)
    {
        px_mma_bf16(c, a, b);
    }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_bf16(lo, hi);
    }
};
struct att_e_f16 {
    static constexpr int BYTES = 2;
    static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4],
                                               const uint32_t *b)
    {
        px_mma_f16(c, a, b);
    }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_f16(lo, hi);
    }
};
// Bytes A and B of w, each -127 .. 127, as bf16: 2^23 + 128 + x is exact in a float.
struct att_e_i8 : att_e_bf16 {
    static constexpr int BYTES = 1;
    template <int A, int B> static __device__ __forceinline__ uint32_t widen(uint32_t w)
    {
        const uint32_t u = w ^ 0x80808080u;
        const float a = px_float(px_prmt(u, 0x4b000000u, 0x7440u | A)) - 8388736.0f;
        const float b = px_float(px_prmt(u, 0x4b000000u, 0x7440u | B)) - 8388736.0f;
        return px_pack_bf16(a, b);
    }
};
// e4m3: its exponent and fraction in a bf16's place are 2^120 too small.
struct att_e_f8 : att_e_bf16 {
    static constexpr int BYTES = 1;
    template <int A, int B> static __device__ __forceinline__ uint32_t widen(uint32_t w)
    {
        const uint32_t u = px_prmt(w, 0, 0x0404u | A << 4 | B << 12); // bytes A and B on top
        return px_mul_bf16x2((u & 0x80008000u) | (u >> 4 & 0x07f007f0u), 0x7b807b80u);
    }
};

// ---- shared memory ----
// A group of 16 rows of CH 16-byte pieces without bank conflicts of ldmatrix: pieces are swapped
// about where a row fills all banks, else rows lie an odd number of pieces apart.
template <int CH> struct att_tile {
    static constexpr int PITCH = CH % 8 == 0 ? CH : CH | 1, BYTES = 16 * PITCH * 16;
    static __device__ __forceinline__ int at(int row, int piece)
    {
        return (row * PITCH + (CH % 8 == 0 ? piece ^ (row & 7) : piece)) * 16;
    }
};

template <int D, class E, int ST> struct paged_few_smem {
    static constexpr bool SCALED = E::BYTES == 1, Q_SHARED = D > 128;
    typedef att_tile<D * E::BYTES / 16> tile;
    static constexpr int STAGE = 2 * tile::BYTES + (SCALED ? 128 : 0), RING = 4 * ST * STAGE;
    static constexpr int PITCH = D + 8; // of a row of sums
    static constexpr int SUMS = 16 * PITCH * 4, QS = Q_SHARED ? att_tile<D / 8>::BYTES : 0;
    static constexpr int BYTES = RING + 2 * SUMS + 3 * 16 * 2 * 4 + QS;
};

template <int D, class E, int ST>
__global__ void __launch_bounds__(128, D > 128 ? 1 : 2)
    paged_few_sm80(const __grid_constant__ paged_few_args a)
{
    px_grid_wait();
    px_grid_launch();
    typedef paged_few_smem<D, E, ST> S;
    typedef typename S::tile tile;
    constexpr int CH = D * E::BYTES / 16, NK = D / 16, NT = D / 8, PER_ROW = D / 4;
    IGT_SMEM(smem);
    float *cur = (float *)(smem + S::RING), *acc = cur + 16 * S::PITCH;
    float2 *cur_ml = (float2 *)(acc + 16 * S::PITCH), *acc_ml = cur_ml + 16; // [16], [2][16]
    char *qs = (char *)(acc_ml + 32);
    const int tid = threadIdx.x, lane = tid & 31, w = tid >> 5, g = lane >> 2, t = lane & 3;
    const int hk = blockIdx.y, G = a.heads / a.kv_heads;
    const int groups_page = a.page_tokens / 16;
    char *ring = smem + w * ST * S::STAGE;
    const unsigned char *pool = a.base + a.at + hk * a.head_bytes;
    const int n_items = a.image[CU_KV_N_ITEMS];

    for (int item = blockIdx.x; item < n_items; item += gridDim.x) {
        const cu_kv_item it = ((const cu_kv_item *)(a.image + CU_KV_HEAD))[item];
        const int length = it.span.before + it.span.n, chunk = cu_kv_chunk(length);
        const int n_rows = it.span.n * G;
        for (int m0 = 0; m0 < n_rows; m0 += 16) {
            // ---- this tile's rows: token (m0 + r) / G of the span, query head (m0 + r) % G ----
            const int first = m0 / G, last = (min(m0 + 16, n_rows) - 1) / G;
            auto q_at = [&](int r) {
                const int flat = min(m0 + r, n_rows - 1);
                return (int64_t)(it.span.row + flat / G) * a.heads + hk * G + flat % G;
            };
            int begin[2], at[2]; // keys begin .. at are seen; a row that is none is at -1
            float slope[2] = {0, 0};
#pragma unroll
            for (int h = 0; h < 2; h++) {
                const int flat = m0 + g + h * 8;
                at[h] = flat < n_rows ? it.span.before + flat / G : -1;
                begin[h] = att_sees(a.rule, at[h], length).begin;
                if (a.rule.slopes && flat < n_rows)
                    slope[h] = a.rule.slopes[hk * G + flat % G] * ATT_LOG2E;
            }
            uint32_t qf[S::Q_SHARED ? 1 : NK][4];
            if (S::Q_SHARED) {
                __syncthreads(); // the tile before is done with it
                for (int i = tid; i < 16 * D / 8; i += 128) {
                    const int r = i / (D / 8), c = i % (D / 8);
                    uint4 v = {0, 0, 0, 0};
                    if (m0 + r < n_rows) v = px_ld16((const uint16_t *)a.q + q_at(r) * D + c * 8);
                    *(uint4 *)(qs + att_tile<D / 8>::at(r, c)) = v;
                }
                __syncthreads();
            } else {
                // 8-bit pages: k steps take elements t * 4 .. t * 4 + 3, else t * 2 and t * 2 + 8
                constexpr int STEP = E::BYTES == 1 ? 4 : 2, FAR = E::BYTES == 1 ? 2 : 8;
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const uint16_t *q = (const uint16_t *)a.q + q_at(g + h * 8) * D + t * STEP;
                    const bool live = m0 + g + h * 8 < n_rows;
#pragma unroll
                    for (int k = 0; k < (S::Q_SHARED ? 1 : NK); k++) {
                        qf[k][h] = live ? *(const uint32_t *)(q + k * 16) : 0u;
                        qf[k][h + 2] = live ? *(const uint32_t *)(q + k * 16 + FAR) : 0u;
                    }
                }
            }
            for (int i = tid; i < 16 * PER_ROW; i += 128)
                *(float4 *)(acc + i / PER_ROW * S::PITCH + i % PER_ROW * 4) = {0, 0, 0, 0};
            if (tid < 16) acc_ml[tid] = {ATT_NONE, 0};
            int side = 0; // which half of acc_ml holds

            // ---- groups of 16 keys: those of warp w are w, w + 4, ... of the sequence ----
            const int lo = max(att_sees(a.rule, it.span.before + first, length).begin, it.begin);
            const int hi = min(it.span.before + last + 1, it.end);
            const int g_lo = lo / 16, g_hi = (hi + 15) / 16;
            const int mine = g_lo + ((w - g_lo) & 3); // the first of this warp
            int next = mine, ids = 0;                 // the next to load; pages of 32 of mine
            auto load = [&](int st) {
                const int k = (next - mine) >> 2;
                if ((k & 31) == 0) {
                    const int mid = next + lane * 4;
                    ids = mid < g_hi ? a.image[it.span.pages + mid / groups_page] : 0;
                }
                const int page = px_shfl(ids, k & 31);
                const int in_page = next % groups_page * 16, valid = min(length - next * 16, 16);
                const unsigned char *p = pool + page * a.page_bytes;
                const unsigned char *pk = p + (int64_t)in_page * (CH * 16),
                                    *pv = p + a.v_at + (int64_t)in_page * (CH * 16);
                char *dk = ring + st * S::STAGE, *dv = dk + tile::BYTES;
#pragma unroll(D > 128 ? 2 : (CH + 1) / 2)
                for (int i = 0; i < (CH + 1) / 2; i++) {
                    const int c = i * 32 + lane, r = c / CH, n = r < valid ? 16 : 0;
                    if (CH % 2 && r >= 16) continue;
                    px_cp16(dk + tile::at(r, c % CH), pk + (n ? c * 16 : 0), n);
                    px_cp16(dv + tile::at(r, c % CH), pv + (n ? c * 16 : 0), n);
                }
                if (S::SCALED && lane < 8) {
                    const int n = max(min(valid - (lane & 3) * 4, 4), 0) * 4;
                    const unsigned char *from = p + (lane < 4 ? a.k_scales_at : a.v_scales_at);
                    px_cp16(dv + tile::BYTES + lane * 16,
                            from + in_page * 4 + (n ? (lane & 3) * 16 : 0), n);
                }
                next += 4;
            };
#pragma unroll
            for (int i = 0; i < ST - 1; i++) {
                if (next < g_hi) load(i);
                px_cp_commit();
            }
            int st = 0, group = mine;
            for (int c0 = lo / chunk * chunk; c0 < hi; c0 += chunk) {
                const int end = min(g_hi, (c0 + chunk) / 16);
                float o[NT][4], most[2] = {ATT_NONE, ATT_NONE}, sum[2] = {0, 0};
#pragma unroll
                for (int j = 0; j < NT; j++)
#pragma unroll
                    for (int i = 0; i < 4; i++) o[j][i] = 0;
                for (; group < end; group += 4) {
                    int ahead = st + ST - 1;
                    if (ahead >= ST) ahead -= ST;
                    if (next < g_hi) load(ahead);
                    px_cp_commit();
                    px_cp_wait<ST - 1>();
                    __syncwarp(); // other lanes' copies are visible, too
                    const char *sk = ring + st * S::STAGE, *sv = sk + tile::BYTES;
                    const float *scales = (const float *)(sv + tile::BYTES);
                    float x[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
                    if constexpr (E::BYTES == 2) {
#pragma unroll(S::Q_SHARED ? 4 : NK)
                        for (int k = 0; k < NK; k++) {
                            uint32_t b[4], qk[4];
                            px_ldsm4(b, sk + tile::at((lane & 7) + (lane >> 4) * 8,
                                                      k * 2 + (lane >> 3 & 1)));
                            if constexpr (S::Q_SHARED)
                                px_ldsm4(qk,
                                         qs + att_tile<D / 8>::at(lane & 15, k * 2 + (lane >> 4)));
                            else
#pragma unroll
                                for (int i = 0; i < 4; i++) qk[i] = qf[k][i];
                            E::mma(x[0], qk, b);
                            E::mma(x[1], qk, b + 2);
                        }
                    } else {
#pragma unroll(S::Q_SHARED ? 2 : NK)
                        for (int k = 0; k < NK; k += 2) {
                            uint32_t raw[4];
                            const int piece = min(k + (lane >> 4), CH - 1);
                            px_ldsm4(raw, sk + tile::at(lane & 15, piece));
#pragma unroll
                            for (int u = 0; u < 2 && k + u < NK; u++) {
                                uint32_t qk[4];
                                if constexpr (S::Q_SHARED) {
                                    const int kk = k + u; // 4 neighbours: 8 bytes of a row
#pragma unroll
                                    for (int h = 0; h < 2; h++) {
                                        const uint2 v =
                                            *(const uint2 *)(qs +
                                                             att_tile<D / 8>::at(
                                                                 g + h * 8, kk * 2 + (t >> 1)) +
                                                             (t & 1) * 8);
                                        qk[h] = v.x;
                                        qk[h + 2] = v.y;
                                    }
                                } else
#pragma unroll
                                    for (int i = 0; i < 4; i++) qk[i] = qf[k + u][i];
#pragma unroll
                                for (int j = 0; j < 2; j++) {
                                    const uint32_t r = raw[u * 2 + j];
                                    const uint32_t b[2] = {E::template widen<0, 1>(r),
                                                           E::template widen<2, 3>(r)};
                                    E::mma(x[j], qk, b);
                                }
                            }
                        }
                    }
                    const int key0 = group * 16 + t * 2;
                    float top[2] = {most[0], most[1]};
#pragma unroll
                    for (int j = 0; j < 2; j++)
#pragma unroll
                        for (int i = 0; i < 4; i++) {
                            const int key = key0 + j * 8 + (i & 1), h = i >> 1;
                            float z = x[j][i];
                            if (S::SCALED) z *= scales[j * 8 + t * 2 + (i & 1)];
                            z = a.score(z) + slope[h] * (float)(key - at[h]);
                            const bool seen = key >= begin[h] && key <= at[h];
                            x[j][i] = seen ? z : ATT_NONE;
                            top[h] = fmaxf(top[h], x[j][i]);
                        }
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        top[h] = fmaxf(top[h], px_shfl_xor(top[h], 1));
                        top[h] = fmaxf(top[h], px_shfl_xor(top[h], 2));
                        const float f = px_exp2(most[h] - att_base(top[h]));
                        most[h] = top[h];
                        sum[h] *= f;
#pragma unroll
                        for (int j = 0; j < NT; j++) {
                            o[j][h * 2] *= f;
                            o[j][h * 2 + 1] *= f;
                        }
                    }
                    uint32_t pf[4];
#pragma unroll
                    for (int j = 0; j < 2; j++) {
#pragma unroll
                        for (int i = 0; i < 4; i++) {
                            float p = px_exp2(x[j][i] - att_base(most[i >> 1]));
                            sum[i >> 1] += p;
                            if (S::SCALED && x[j][i] != ATT_NONE)
                                p *= scales[16 + j * 8 + t * 2 + (i & 1)];
                            x[j][i] = p;
                        }
                        pf[j * 2] = E::pack(x[j][0], x[j][1]);
                        pf[j * 2 + 1] = E::pack(x[j][2], x[j][3]);
                    }
                    if constexpr (E::BYTES == 2) {
#pragma unroll
                        for (int n = 0; n < NT / 2; n++) {
                            uint32_t b[4];
                            px_ldsm4_t(b, sv + tile::at(lane & 15, n * 2 + (lane >> 4)));
                            E::mma(o[n * 2], pf, b);
                            E::mma(o[n * 2 + 1], pf, b + 2);
                        }
                    } else {
#pragma unroll
                        for (int n = 0; n < NT / 2; n += 2) {
                            uint32_t raw[4];
                            const int piece = min(n + (lane >> 4), CH - 1);
                            px_ldsm4_t(raw, sv + tile::at(lane & 15, piece));
#pragma unroll
                            for (int u = 0; u < 2 && n + u < NT / 2; u++) {
                                const uint32_t lo16 = raw[u * 2], hi16 = raw[u * 2 + 1];
                                const uint32_t even[2] = {E::template widen<0, 2>(lo16),
                                                          E::template widen<0, 2>(hi16)};
                                const uint32_t odd[2] = {E::template widen<1, 3>(lo16),
                                                         E::template widen<1, 3>(hi16)};
                                E::mma(o[(n + u) * 2], pf, even);
                                E::mma(o[(n + u) * 2 + 1], pf, odd);
                            }
                        }
                    }
                    __syncwarp(); // everyone is done with this stage
                    if (++st == ST) st = 0;
                }
                // ---- the chunk's four sums, one warp after the other ----
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    sum[h] += px_shfl_xor(sum[h], 1);
                    sum[h] += px_shfl_xor(sum[h], 2);
                }
                for (int from = 0; from < 4; from++) {
                    __syncthreads();
                    if (w != from) continue;
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        const int r = g + h * 8;
                        float *d = cur + r * S::PITCH;
                        const float2 ml = from ? cur_ml[r] : float2{ATT_NONE, 0};
                        const att_join j = att_joined(ml.x, most[h]);
#pragma unroll
                        for (int n = 0; n < NT / 2; n++) {
                            // columns of tiles 2 n and 2 n + 1: apart, or every other one
                            float2 *c0 = (float2 *)(d + n * 16 + (E::BYTES == 1 ? t * 4 : t * 2)),
                                   *c1 = E::BYTES == 1 ? c0 + 1 : c0 + 4;
                            float2 v0 = {o[n * 2][h * 2], o[n * 2][h * 2 + 1]},
                                   v1 = {o[n * 2 + 1][h * 2], o[n * 2 + 1][h * 2 + 1]};
                            if (E::BYTES == 1) {
                                const float even = v0.y;
                                v0.y = v1.x;
                                v1.x = even;
                            }
                            if (from) {
                                v0 = {att_mix(j, c0->x, v0.x), att_mix(j, c0->y, v0.y)};
                                v1 = {att_mix(j, c1->x, v1.x), att_mix(j, c1->y, v1.y)};
                            }
                            *c0 = v0;
                            *c1 = v1;
                        }
                        __syncwarp();
                        if (t == 0) cur_ml[r] = {j.most, from ? att_mix(j, ml.y, sum[h]) : sum[h]};
                    }
                }
                __syncthreads();
                // ---- to the chunks before, or to where the last block finds it ----
                if (it.part < 0) {
                    for (int i = tid; i < 16 * PER_ROW; i += 128) {
                        const int r = i / PER_ROW, c = i % PER_ROW * 4;
                        const float2 ml = acc_ml[side * 16 + r], add = cur_ml[r];
                        const att_join j = att_joined(ml.x, add.x);
                        float4 *d = (float4 *)(acc + r * S::PITCH + c);
                        *d = att_mix(j, *d, *(const float4 *)(cur + r * S::PITCH + c));
                        if (c == 0) acc_ml[(side ^ 1) * 16 + r] = {j.most, att_mix(j, ml.y, add.y)};
                    }
                    side ^= 1;
                } else {
                    for (int i = tid; i < 16 * PER_ROW; i += 128) {
                        const int r = i / PER_ROW, c = i % PER_ROW * 4, flat = m0 + r;
                        if (flat >= n_rows) continue;
                        const int part = it.part + c0 / chunk * it.span.n + flat / G;
                        float *d =
                            a.parts + ((int64_t)part * a.heads + hk * G + flat % G) * (D + 4);
                        *(float4 *)(d + c) = *(const float4 *)(cur + r * S::PITCH + c);
                        if (c == 0) *(float2 *)(d + D) = cur_ml[r];
                    }
                }
            }
            px_cp_wait<0>();
            __syncthreads();
            if (it.part < 0)
                for (int i = tid; i < 16 * PER_ROW; i += 128) {
                    const int r = i / PER_ROW, c = i % PER_ROW * 4, flat = m0 + r;
                    if (flat >= n_rows) continue;
                    const float2 ml = acc_ml[side * 16 + r];
                    float shift;
                    const float by = att_inverse(a.rule, hk * G + flat % G, ml.x, ml.y, &shift);
                    const float4 v = *(const float4 *)(acc + r * S::PITCH + c);
                    const float f = shift * by;
                    *(float4 *)(a.y + q_at(r) * D + c) = {v.x * f, v.y * f, v.z * f, v.w * f};
                }
            __syncthreads();
        }
        if (it.part < 0) continue;
        // ---- the last block of this span and kv head joins its chunks in order ----
        px_fence();
        __syncthreads();
        int *flag = (int *)smem;
        const int chunks = (length + chunk - 1) / chunk;
        if (tid == 0) *flag = px_ticket(a.image + it.ticket + hk);
        __syncthreads();
        const bool join = *flag == chunks - 1;
        __syncthreads();
        if (!join) continue;
        px_fence();
        for (int i = tid; i < n_rows * PER_ROW; i += 128) {
            const int flat = i / PER_ROW, c = i % PER_ROW * 4, token = flat / G;
            const int head = hk * G + flat % G;
            const att_range r = att_sees(a.rule, it.span.before + token, length);
            const float *p = a.parts + ((int64_t)(it.part + token) * a.heads + head) * (D + 4);
            const int64_t step = (int64_t)it.span.n * a.heads * (D + 4);
            float most = ATT_NONE, sum = 0;
            float4 v = {0, 0, 0, 0};
            constexpr int AT_ONCE = 8;
            for (int k0 = r.begin / chunk; k0 * chunk < r.end; k0 += AT_ONCE) {
                float4 add[AT_ONCE];
                float2 ml[AT_ONCE];
#pragma unroll
                for (int u = 0; u < AT_ONCE; u++) {
                    const bool there = (k0 + u) * chunk < r.end;
                    const float *from = p + (there ? k0 + u : k0) * step;
                    add[u] = px_ldcg((const float4 *)(from + c));
                    ml[u] = px_ldcg((const float2 *)(from + D));
                }
#pragma unroll
                for (int u = 0; u < AT_ONCE; u++) {
                    if ((k0 + u) * chunk >= r.end) continue;
                    const att_join j = att_joined(most, ml[u].x);
                    v = att_mix(j, v, add[u]);
                    sum = att_mix(j, sum, ml[u].y);
                    most = j.most;
                }
            }
            float shift;
            const float f0 = att_inverse(a.rule, head, most, sum, &shift), f = shift * f0;
            *(float4 *)(a.y + ((int64_t)(it.span.row + token) * a.heads + head) * D +
                        c) = {v.x * f, v.y * f, v.z * f, v.w * f};
        }
        if (tid == 0) a.image[it.ticket + hk] = 0;
    }
}
