// plain_sm80.cuh - attention with sums in f32 for every head size, element type, page type and
// mask: what f32 models run exactly, and what has no kernel of its own.
//
// A block has BM rows: the query heads that share a kv head, times some tokens. Keys come in blocks
// of 32, in slices of 32 elements (K) and 64 columns (V) through shared memory as floats; 16 lanes
// share a row, each has two keys of a score block and four columns of a slice. The rows' sums lie
// in shared memory, largest score and sum of weights in registers. A row's bits do not depend on
// the rows beside it. Bound by FFMA: 6 loads from shared memory for 8 of them.
#pragma once
#include "kernels/attention/element_sm80.cuh"

struct plain_args {
    const void *q, *k, *v, *mask;
    void *y;
    cu_att_type q_type, kv_type, y_type, mask_type;
    int heads, kv_heads, tq, tk, d, dv, tokens; // tokens: of a block
    int64_t q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row;
    int64_t y_batch, y_head, y_row, mask_batch, mask_head, mask_row;
    int mask_len, offset;
    const int32_t *image;      // not NULL: k and v are pages
    const unsigned char *base; // of the layer, in page 0
    int64_t page_bytes, head_bytes, v_at, k_scales_at, v_scales_at;
    int page_tokens, k_bytes, v_bytes; // of a row
    int least;                         // spans of fewer tokens are left to others
    cu_att_rule rule;
    att_scores score;
};

constexpr int PLAIN_KEYS = 32, PLAIN_D = 32, PLAIN_V = 64, PLAIN_PITCH = 33;

template <int BM> constexpr int64_t plain_smem(int64_t d, int64_t dv)
{
    return (BM * (d + 1) + BM * dv + PLAIN_KEYS * (PLAIN_PITCH + PLAIN_V + 2) + BM * PLAIN_PITCH) *
           4;
}

// Where a key's row is: of a tensor, or of the page that holds it.
struct plain_source {
    const plain_args &a;
    const unsigned char *k, *v;
    const int32_t *pages;
    const unsigned char *head; // of pages: this kv head's part of page 0
    __device__ __forceinline__ const unsigned char *page(int key) const
    {
        return head + (int64_t)pages[key / a.page_tokens] * a.page_bytes;
    }
    __device__ __forceinline__ float key_at(int key, int c) const
    {
        if (!pages) return att_load(k, a.kv_type, (int64_t)key * a.k_row + c);
        return att_load(page(key) + (int64_t)(key % a.page_tokens) * a.k_bytes, a.kv_type, c);
    }
    __device__ __forceinline__ float value_at(int key, int c) const
    {
        if (!pages) return att_load(v, a.kv_type, (int64_t)key * a.v_row + c);
        return att_load(page(key) + a.v_at + (int64_t)(key % a.page_tokens) * a.v_bytes, a.kv_type,
                        c);
    }
    __device__ __forceinline__ float scale(int key, int64_t at) const
    {
        return ((const float *)(page(key) + at))[key % a.page_tokens];
    }
};

template <int BM>
__global__ void __launch_bounds__(128, 4) attention_plain_sm80(const __grid_constant__ plain_args a)
{
    constexpr int RPT = BM / 8;
    IGT_SMEM(smem);
    float *sq = (float *)smem, *so = sq + BM * (a.d + 1), *sk = so + BM * a.dv,
          *sv = sk + PLAIN_KEYS * PLAIN_PITCH, *sp = sv + PLAIN_KEYS * PLAIN_V,
          *scales = sp + BM * PLAIN_PITCH; // [2][32]: of keys and values
    const int tid = threadIdx.x, ty = tid / 16, tx = tid % 16;
    const int hk = blockIdx.y, batch = blockIdx.z, G = a.heads / a.kv_heads;
    const bool scaled = a.image && (a.kv_type == CU_ATT_I8 || a.kv_type == CU_ATT_F8);

    // ---- which tokens, which keys ----
    int row0 = 0, first = (int)blockIdx.x * a.tokens, n = a.tq, tk = a.tk, offset = a.offset;
    plain_source from = {a, (const unsigned char *)a.k, (const unsigned char *)a.v, nullptr,
                         a.base + hk * a.head_bytes};
    if (a.image) {
        const int row = blockIdx.x;
        if (row >= a.image[CU_KV_N_ROWS]) return;
        const cu_kv_row r = ((const cu_kv_row *)(a.image + a.image[CU_KV_ROWS_AT]))[row];
        first = row - r.row;
        if (first % a.tokens || r.n < a.least) return;
        row0 = r.row;
        n = r.n;
        tk = r.before + r.n;
        offset = r.before;
        from.pages = a.image + r.pages;
    } else {
        const int64_t bytes = att_bytes(a.kv_type);
        from.k += (batch * a.k_batch + hk * a.k_head) * bytes;
        from.v += (batch * a.v_batch + hk * a.v_head) * bytes;
    }
    const int rows = (min(first + a.tokens, n) - first) * G;

    for (int m0 = 0; m0 < rows; m0 += BM) {
        // row r: token first + (m0 + r) / G, query head hk * G + (m0 + r) % G
        auto token_of = [&](int r) { return first + min(m0 + r, rows - 1) / G; };
        auto head_of = [&](int r) { return hk * G + min(m0 + r, rows - 1) % G; };
        __syncthreads();
        for (int i = tid; i < BM * a.d; i += 128) {
            const int r = i / a.d, c = i % a.d;
            sq[r * (a.d + 1) + c] = att_load(a.q, a.q_type,
                                             batch * a.q_batch + head_of(r) * a.q_head +
                                                 (int64_t)(row0 + token_of(r)) * a.q_row + c);
        }
        for (int i = tid; i < BM * a.dv; i += 128) so[i] = 0;
        att_range sees[RPT];
        float most[RPT], sum[RPT];
#pragma unroll
        for (int i = 0; i < RPT; i++) {
            const int r = ty * RPT + i;
            sees[i] = att_sees(a.rule, token_of(r) + offset, tk);
            if (m0 + r >= rows) sees[i].end = sees[i].begin;
            most[i] = ATT_NONE;
            sum[i] = 0;
        }
        const int lo = att_sees(a.rule, token_of(0) + offset, tk).begin;
        const int hi = att_sees(a.rule, token_of(BM - 1) + offset, tk).end;
        for (int k0 = lo / PLAIN_KEYS * PLAIN_KEYS; k0 < hi; k0 += PLAIN_KEYS) {
            float s[RPT][2] = {};
            for (int d0 = 0; d0 < a.d; d0 += PLAIN_D) {
                __syncthreads();
#pragma unroll 2
                for (int i = 0; i < PLAIN_KEYS * PLAIN_D / 128; i++) {
                    const int e = tid + i * 128, key = k0 + e / PLAIN_D, c = d0 + e % PLAIN_D;
                    sk[e / PLAIN_D * PLAIN_PITCH + e % PLAIN_D] =
                        key < tk && c < a.d ? from.key_at(key, c) : 0.0f;
                }
                if (scaled && tid < 64 && d0 == 0) {
                    const int key = k0 + (tid & 31);
                    scales[tid] =
                        key < tk ? from.scale(key, tid < 32 ? a.k_scales_at : a.v_scales_at) : 0;
                }
                __syncthreads();
                const int n_c = min(PLAIN_D, a.d - d0);
                for (int c = 0; c < n_c; c++) {
                    const float k_0 = sk[tx * PLAIN_PITCH + c],
                                k_1 = sk[(tx + 16) * PLAIN_PITCH + c];
#pragma unroll
                    for (int i = 0; i < RPT; i++) {
                        const float q = sq[(ty * RPT + i) * (a.d + 1) + d0 + c];
                        s[i][0] = fmaf(q, k_0, s[i][0]);
                        s[i][1] = fmaf(q, k_1, s[i][1]);
                    }
                }
            }
            float f[RPT];
#pragma unroll
            for (int i = 0; i < RPT; i++) {
                const int r = ty * RPT + i, token = token_of(r), head = head_of(r);
                const float slope = a.rule.slopes ? a.rule.slopes[head] * ATT_LOG2E : 0.0f;
                float top = most[i];
#pragma unroll
                for (int u = 0; u < 2; u++) {
                    const int key = k0 + tx + u * 16;
                    const bool seen = key >= sees[i].begin && key < sees[i].end;
                    float z = a.score(scaled ? s[i][u] * scales[tx + u * 16] : s[i][u]);
                    z += slope * (float)(key - token - offset);
                    if (a.mask && seen)
                        z += key < a.mask_len
                                 ? ATT_LOG2E * att_load(a.mask, a.mask_type,
                                                        batch * a.mask_batch + head * a.mask_head +
                                                            (int64_t)token * a.mask_row + key)
                                 : ATT_NONE;
                    s[i][u] = seen ? z : ATT_NONE;
                    top = fmaxf(top, s[i][u]);
                }
#pragma unroll
                for (int d = 8; d; d >>= 1) top = fmaxf(top, px_shfl_xor(top, d));
                f[i] = px_exp2(most[i] - att_base(top));
                most[i] = top;
                float own = 0;
#pragma unroll
                for (int u = 0; u < 2; u++) {
                    const float p = px_exp2(s[i][u] - att_base(top));
                    own += p;
                    sp[r * PLAIN_PITCH + tx + u * 16] =
                        scaled && p != 0 ? p * scales[32 + tx + u * 16] : p;
                }
#pragma unroll
                for (int d = 8; d; d >>= 1) own += px_shfl_xor(own, d);
                sum[i] = fmaf(sum[i], f[i], own);
            }
            for (int v0 = 0; v0 < a.dv; v0 += PLAIN_V) {
                __syncthreads();
#pragma unroll 2
                for (int i = 0; i < PLAIN_KEYS * PLAIN_V / 128; i++) {
                    const int e = tid + i * 128, key = k0 + e / PLAIN_V, c = v0 + e % PLAIN_V;
                    sv[e] = key < tk && c < a.dv ? from.value_at(key, c) : 0.0f;
                }
                __syncthreads();
                float o[RPT][4];
#pragma unroll
                for (int i = 0; i < RPT; i++)
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const int c = v0 + tx + j * 16;
                        o[i][j] = c < a.dv ? so[(ty * RPT + i) * a.dv + c] * f[i] : 0.0f;
                    }
                for (int key = 0; key < PLAIN_KEYS; key++)
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const float v = sv[key * PLAIN_V + tx + j * 16];
#pragma unroll
                        for (int i = 0; i < RPT; i++)
                            o[i][j] = fmaf(sp[(ty * RPT + i) * PLAIN_PITCH + key], v, o[i][j]);
                    }
#pragma unroll
                for (int i = 0; i < RPT; i++)
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const int c = v0 + tx + j * 16;
                        if (c < a.dv) so[(ty * RPT + i) * a.dv + c] = o[i][j];
                    }
            }
        }
#pragma unroll
        for (int i = 0; i < RPT; i++) {
            const int r = ty * RPT + i;
            if (m0 + r >= rows) continue;
            float shift;
            const float by = att_inverse(a.rule, head_of(r), most[i], sum[i], &shift);
            const int64_t at =
                batch * a.y_batch + head_of(r) * a.y_head + (int64_t)(row0 + token_of(r)) * a.y_row;
            for (int c = tx; c < a.dv; c += 16)
                att_store(a.y, a.y_type, at + c,
                          sum[i] == 0 && !a.rule.sinks ? a.rule.hidden
                                                       : so[r * a.dv + c] * shift * by);
        }
    }
}
