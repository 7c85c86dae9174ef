// append_sm80.cuh - a step's keys and values into the pages of the cache, and its queries turned
// (rotary embedding) and rounded for the products: one pass over what the projections made.
//
// L lanes of a warp own one head of one token. Each of its turns handles V pairs: elements [iV, iV
// + V) and those `half` further (interleaved: the 2V neighbours), so that with V = 8 every access
// is 16 bytes wide; elements that do not turn go through V at a time. V = 1 does any size. 8-bit
// pages need the head's largest magnitude first: the lanes read their elements twice, the second
// time from the L1. Bound by memory: 8 warps of 32 bytes and more a lane are 8 KB in flight a
// block, and a processor holds at least 6 blocks.
#pragma once
#include "kernels/attention/element_sm80.cuh"

enum att_what { ATT_Q, ATT_K, ATT_V };

struct append_args {
    const void *x[3];
    int64_t x_row[3];
    cu_att_type x_type, q_type, page_type;
    const float *table;
    int half, interleaved;
    int rows, heads, kv_heads, size[3]; // size: d, d, dv
    int group, group_log;               // lanes a head
    void *turned;
    float *y;
    unsigned char *base;
    const int32_t *image;
    int64_t page_bytes, at, head_bytes, v_at, scales_at[2];
    int row_bytes[2], page_tokens;
};

template <int V>
__device__ __forceinline__ void append_load(float (&x)[V], const void *p, cu_att_type t, int64_t at)
{
    if (V == 1) {
        x[0] = att_load(p, t, at);
    } else if (t == CU_ATT_F32) {
#pragma unroll
        for (int i = 0; i < V; i += 4) {
            const float4 v = *(const float4 *)((const float *)p + at + i);
            x[i % V] = v.x;
            x[(i + 1) % V] = v.y;
            x[(i + 2) % V] = v.z;
            x[(i + 3) % V] = v.w;
        }
    } else {
        const uint4 v = px_ld16((const uint16_t *)p + at);
        const uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < V; i += 2) {
            const bool half = t == CU_ATT_F16;
            x[i % V] = half ? px_f16_lo(w[i / 2]) : px_bf16_lo(w[i / 2]);
            x[(i + 1) % V] = half ? px_f16_hi(w[i / 2]) : px_bf16_hi(w[i / 2]);
        }
    }
}

// x as an element of an 8-bit page.
__device__ __forceinline__ uint32_t append_byte(float x, cu_att_type t, float scale)
{
    if (!(scale > 0)) return 0;
    const float q = x / scale;
    if (t == CU_ATT_F8) return px_f2e4m3(q);
    return (uint8_t)(int8_t)fminf(fmaxf(rintf(q), -127.0f), 127.0f);
}

template <int V>
__device__ __forceinline__ void append_store(void *p, cu_att_type t, int64_t at,
                                             const float (&x)[V], float scale)
{
    if (V == 1) {
        if (t == CU_ATT_I8 || t == CU_ATT_F8)
            ((uint8_t *)p)[at] = (uint8_t)append_byte(x[0], t, scale);
        else
            att_store(p, t, at, x[0]);
    } else if (t == CU_ATT_F32) {
#pragma unroll
        for (int i = 0; i < V; i += 4)
            *(float4 *)((float *)p + at + i) = {x[i % V], x[(i + 1) % V], x[(i + 2) % V],
                                                x[(i + 3) % V]};
    } else if (t == CU_ATT_I8 || t == CU_ATT_F8) {
        uint32_t w[2] = {0, 0};
#pragma unroll
        for (int i = 0; i < V; i++) w[i / 4 % 2] |= append_byte(x[i], t, scale) << i % 4 * 8;
        *(uint2 *)((uint8_t *)p + at) = {w[0], w[1]};
    } else {
        uint32_t w[4] = {0, 0, 0, 0};
#pragma unroll
        for (int i = 0; i < V; i += 2)
            w[i / 2 % 4] = t == CU_ATT_F16 ? px_pack_f16(x[i % V], x[(i + 1) % V])
                                           : px_pack_bf16(x[i % V], x[(i + 1) % V]);
        px_st16((uint16_t *)p + at, {w[0], w[1], w[2], w[3]});
    }
}

// Elements of one turn: up to 2 V at `first` and, where they turn as halves, `second`.
template <int V> struct append_piece {
    float a[V], b[V];
    int first, second; // second < 0: only a
};

template <int V>
__device__ __forceinline__ append_piece<V> append_read(const append_args &s, const void *x,
                                                       int64_t at, const float *table, int half,
                                                       int i)
{
    append_piece<V> p = {};
    const int turns = half / V;
    if (i >= turns) {
        p.first = 2 * half + (i - turns) * V;
        p.second = -1;
        append_load<V>(p.a, x, s.x_type, at + p.first);
        return p;
    }
    float c[V], n[V];
    append_load<V>(c, table, CU_ATT_F32, i * V);
    append_load<V>(n, table, CU_ATT_F32, half + i * V);
    p.first = s.interleaved ? 2 * i * V : i * V;
    p.second = s.interleaved ? p.first + V : half + i * V;
    append_load<V>(p.a, x, s.x_type, at + p.first);
    append_load<V>(p.b, x, s.x_type, at + p.second);
    if (!s.interleaved) {
#pragma unroll
        for (int k = 0; k < V; k++) {
            const float a = p.a[k], b = p.b[k];
            p.a[k] = fmaf(-b, n[k], a * c[k]);
            p.b[k] = fmaf(a, n[k], b * c[k]);
        }
        return p;
    }
    // a and b are 2 V neighbours: pair k is elements 2 k and 2 k + 1 of both together
#pragma unroll
    for (int k = 0; k < V; k++) {
        float &a = 2 * k < V ? p.a[2 * k % V] : p.b[2 * k % V];
        float &b = 2 * k + 1 < V ? p.a[(2 * k + 1) % V] : p.b[(2 * k + 1) % V];
        const float x0 = a, x1 = b;
        a = fmaf(-x1, n[k], x0 * c[k]);
        b = fmaf(x0, n[k], x1 * c[k]);
    }
    return p;
}

template <int V>
__global__ void __launch_bounds__(256) append_sm80(const __grid_constant__ append_args s)
{
    px_grid_wait();
    px_grid_launch();
    const int lane = threadIdx.x & 31, own = lane & (s.group - 1);
    const int heads = s.heads + 2 * s.kv_heads, per_warp = 32 >> s.group_log;
    const int warps = (heads + per_warp - 1) >> (5 - s.group_log);
    const int warp = (int)(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32);
    const int row = warp / warps, head = warp % warps * per_warp + (lane >> s.group_log);
    if (row >= s.rows) return;
    const int what = head < s.heads ? ATT_Q : head < s.heads + s.kv_heads ? ATT_K : ATT_V;
    const int h = head - (what == ATT_Q ? 0 : what == ATT_K ? s.heads : s.heads + s.kv_heads);
    const bool padding = row >= s.image[CU_KV_N_ROWS], live = head < heads && !padding;
    if (padding) {
        const int n = s.heads * s.size[ATT_V];
        for (int i = warp % warps * 32 + lane; i < n; i += warps * 32)
            s.y[(int64_t)row * n + i] = 0;
    }
    const int size = live ? s.size[what] : 0;
    const int half = s.table && what != ATT_V ? s.half : 0;
    const int pieces = live ? (size - half) / V : 0; // half / V that turn, (size - 2 half) / V more
    const void *x = s.x[what];
    const int64_t at = (int64_t)row * s.x_row[what] + (int64_t)h * size;
    const float *table = s.table + (int64_t)row * 2 * s.half;
    cu_att_type type = s.q_type;
    void *to = s.turned;
    int64_t to_at = ((int64_t)row * s.heads + h) * size;
    unsigned char *scale_at = nullptr;
    if (live && what != ATT_Q) {
        const cu_kv_row r = ((const cu_kv_row *)(s.image + s.image[CU_KV_ROWS_AT]))[row];
        const int token = r.before + row - r.row, slot = token % s.page_tokens;
        const int64_t page = s.image[r.pages + token / s.page_tokens];
        unsigned char *p = s.base + page * s.page_bytes + s.at + h * s.head_bytes;
        type = s.page_type;
        scale_at = p + s.scales_at[what - ATT_K] + slot * 4;
        to = p + (what == ATT_V ? s.v_at : 0) + (int64_t)slot * s.row_bytes[what - ATT_K];
        to_at = 0;
    }
    float scale = 1;
    const bool scaled = type == CU_ATT_I8 || type == CU_ATT_F8; // of pages: queries never are
    if (s.page_type == CU_ATT_I8 || s.page_type == CU_ATT_F8) {
        uint32_t most = 0;
        for (int i = own; i < pieces && scaled; i += s.group) {
            const append_piece<V> p = append_read<V>(s, x, at, table, half, i);
#pragma unroll
            for (int k = 0; k < V; k++) {
                most = max(most, px_bits(p.a[k]) & 0x7fffffffu);
                if (p.second >= 0) most = max(most, px_bits(p.b[k]) & 0x7fffffffu);
            }
        }
        for (int d = s.group / 2; d; d >>= 1) most = max(most, px_shfl_xor(most, d));
        if (scaled) {
            scale = most < 0x7f800000u ? px_float(most) / (type == CU_ATT_I8 ? 127.0f : 448.0f)
                                       : px_float(0x7fc00000u);
            if (own == 0) *(float *)scale_at = scale;
        }
    }
    for (int i = own; i < pieces; i += s.group) {
        const append_piece<V> p = append_read<V>(s, x, at, table, half, i);
        append_store<V>(to, type, to_at + p.first, p.a, scale);
        if (p.second >= 0) append_store<V>(to, type, to_at + p.second, p.b, scale);
    }
    if (live && what != ATT_Q) // zeros behind the row
        for (int i = size * att_bytes(type) + own; i < s.row_bytes[what - ATT_K]; i += s.group)
            ((unsigned char *)to)[i] = 0;
}
