// q_tiles_sm80.cuh - weights as tiles for matrix units, made from panels (q_tiles.h says what both
// are). A block a panel of 16 rows: its warps turn 64 k of quants at a time, 256 or 512 bytes in
// and 512 or 1024 out; 16 threads a row find the row's factor and then write its scales, which they
// read twice, the second time from L1. Each weight is read and written once: the link over which
// panels come bounds it, at a hundredth of what memory could do.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/gemm_q/q_tiles_cuda.h"

enum {
    QT_CENTRED,
    QT_ZERO,
    QT_MIN,
    QT_E4M3,
    QT_TWO_LEVELS = 1,
    QT_E4M3_UNIT = 256,
    QT_THREADS = 256,
    QT_ROW_TOP = 14,
    QT_SHARED = 17 * 16 * 4
};

__device__ __forceinline__ bool qt_has_offset(const cu_q_tiles_args &a)
{
    return a.offset == QT_ZERO || a.offset == QT_MIN;
}
// The largest number that a quant stands for.
__device__ __forceinline__ float qt_centre(const cu_q_tiles_args &a)
{
    return a.offset == QT_E4M3 ? 448.f / QT_E4M3_UNIT : a.bits == 4 ? 8.f : 128.f;
}

// Where the parts of 32 k lie in a panel (q_place_of of q_panel.h).
struct QtPlace {
    int64_t block, scale, offset, quants;
};
__device__ __forceinline__ QtPlace qt_place(const cu_q_tiles_args &a, int g)
{
    const int block = g / a.per_block, first = block * a.per_block, left = a.groups - first;
    const int groups = left < a.per_block ? left : a.per_block, within = g - first;
    const int table = (groups + a.per_scale - 1) / a.per_scale * a.scale_step;
    const int more = qt_has_offset(a);
    QtPlace p;
    p.block = block * a.block_bytes;
    p.scale = p.block + a.super_bytes + within / a.per_scale * a.scale_step;
    p.offset = p.scale + more * table;
    p.quants = p.block + a.super_bytes + (1 + more) * table + (int64_t)within * a.quant_bytes;
    return p;
}

__device__ __forceinline__ float qt_number(const uint8_t *table, int bytes, int row)
{
    if (bytes == 2) return px_h2f(px_ldg((const uint16_t *)table + row));
    return px_ldg((const float *)table + row);
}

// Scale and offset of the group of scales g.
struct QtPair {
    float scale, offset;
};
__device__ __forceinline__ QtPair qt_pair(const cu_q_tiles_args &a, const uint8_t *panel, int g,
                                          int row)
{
    const int k = g * a.group, sub = a.group == 16 ? 2 * row + k % 32 / 16 : row;
    const QtPlace at = qt_place(a, k / 32);
    const bool two = a.scale_bytes == QT_TWO_LEVELS;
    QtPair p = {0, 0};
    p.scale = two ? qt_number(panel + at.block, 2, row) * (float)(int8_t)panel[at.scale + sub]
                  : qt_number(panel + at.scale, a.scale_bytes, row);
    if (a.offset == QT_E4M3) p.scale *= QT_E4M3_UNIT;
    if (!qt_has_offset(a)) return p;
    const float second =
        two ? qt_number(panel + at.block, 2, 16 + row) * (float)(int8_t)panel[at.offset + sub]
            : qt_number(panel + at.offset, a.scale_bytes, row);
    p.offset = a.offset == QT_ZERO ? p.scale * (qt_centre(a) - second)
                                   : fmaf(qt_centre(a), p.scale, second);
    return p;
}

// The power of two that brings `top` below 2^14, and no further; 1 for zero and for no number.
__device__ __forceinline__ float qt_factor(float top)
{
    const int e = (int)(px_bits(top) >> 23) - QT_ROW_TOP + 1;
    if (top == 0.f || !(top < INFINITY)) return 1.f;
    return px_float((uint32_t)(e < 1 ? 1 : e) << 23);
}

// The largest of the 16 lanes of a row.
__device__ __forceinline__ float qt_row_max(float top)
{
#pragma unroll
    for (int lanes = 8; lanes; lanes /= 2) top = fmaxf(top, px_shfl_xor(top, lanes));
    return top;
}

// Eight quants of 4 bits a step of 16 k, as the words of two steps; of 8 bits, 16 bytes.
__device__ __forceinline__ uint2 qt_words4(const uint8_t *quants, int lane)
{
    const uint8_t *at = quants + lane % 4 / 2 * 64 + lane / 4 * 4 + lane % 2 * 2;
    uint2 w = {0, 0};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const uint32_t two = px_ldg((const uint16_t *)(at + i / 2 * 128 + i % 2 * 32));
        const uint32_t v = (two & 0xff) | (two & 0xff00) << 8;
        w.x |= (v & 0x000f000f) << 4 * i;
        w.y |= (v >> 4 & 0x000f000f) << 4 * i;
    }
    return w;
}
__device__ __forceinline__ uint4 qt_words8(const uint8_t *quants, int lane)
{
    uint32_t w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const uint8_t *at =
            quants + (i / 2 * 4 + lane % 4 / 2) * 64 + lane / 4 * 4 + lane % 2 * 2 + i % 2 * 128;
        w[i] = px_ldg((const uint16_t *)at) | (uint32_t)px_ldg((const uint16_t *)(at + 32)) << 16;
    }
    return uint4{w[0], w[1], w[2], w[3]};
}

// Quants of a panel, or of rows that do not exist (panel NULL): the centre, which is zero.
__device__ __forceinline__ void qt_quants(const cu_q_tiles_args &a, uint8_t *to,
                                          const uint8_t *panel)
{
    const int lane = threadIdx.x % 32, tile_bytes = 512 * a.bits;
    const uint32_t none = a.bits == 4 ? 0x88888888u : 0x80808080u;
    for (int tile = threadIdx.x / 32; tile < a.tiles_k / 64; tile += QT_THREADS / 32) {
        uint8_t *at = to + (int64_t)tile * tile_bytes + lane * 16;
        uint4 out = {none, none, none, none};
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int g = 2 * tile + h;
            const bool there = panel && g < a.groups;
            const uint8_t *quants = there ? panel + qt_place(a, g).quants : nullptr;
            if (a.bits == 8) {
                px_st16(at + h * 2048, there ? qt_words8(quants, lane) : out);
            } else if (there) {
                const uint2 w = qt_words4(quants, lane);
                if (h == 0)
                    out.x = w.x, out.y = w.y;
                else
                    out.z = w.x, out.w = w.y;
            }
        }
        if (a.bits == 4) px_st16(at, out);
    }
}

__device__ __forceinline__ void qt_scales(const cu_q_tiles_args &a, uint8_t *to,
                                          const uint8_t *panel, int first_row)
{
    const int r = threadIdx.x / 16, part = threadIdx.x % 16, row = first_row + r;
    const int step = a.group ? a.group : a.k, groups = a.k ? (a.k + step - 1) / step : 0;
    float top = 0;
    for (int g = part; g < groups; g += 16) {
        const QtPair p = qt_pair(a, panel, g, r);
        top = fmaxf(top, fabsf(p.scale) * qt_centre(a) + fabsf(p.offset));
    }
    const float factor = qt_factor(qt_row_max(top));
    if (row >= a.n) return;
    if (part == 0) ((float *)(to + a.row))[row] = factor;
    const int64_t at =
        (int64_t)(row / 64) * a.scale_groups * 64 + row % 64 / 16 * 16 + row % 8 * 2 + row % 16 / 8;
    for (int g = part; g < groups; g += 16) {
        const QtPair p = qt_pair(a, panel, g, r);
        ((uint16_t *)(to + a.scales))[at + g * 64] = px_f2h(p.scale / factor);
        if (qt_has_offset(a))
            ((uint16_t *)(to + a.offsets))[at + g * 64] = px_f2h(p.offset / factor);
    }
}

__global__ void __launch_bounds__(QT_THREADS)
    q_tiles_sm80(const __grid_constant__ cu_q_tiles_args a)
{
    const int64_t p = a.first + blockIdx.x;
    const int panel = (int)(p % a.per_matrix);
    const uint8_t *from = (const uint8_t *)a.panels + blockIdx.x * a.panel_bytes;
    uint8_t *matrix = a.tiles + p / a.per_matrix * a.matrix_bytes;
    const int64_t block_bytes = (int64_t)a.tiles_k * 8 * a.bits; // of 64 rows
    qt_quants(a, matrix + panel / 4 * block_bytes + panel % 4 * 512, from);
    qt_scales(a, matrix, from, panel * 16);
    if (panel + 1 < a.per_matrix) return;
    for (int none = panel + 1; none < a.tiles_n / 16; none++)
        qt_quants(a, matrix + none / 4 * block_bytes + none % 4 * 512, nullptr);
}

// ---- floats of 16 bits ----

// Elements (k, row) and (k + 1, row) of a panel as floats; zeros past the end. k is even.
__device__ __forceinline__ float2 qt_halves(const cu_q_tiles_args &a, const uint16_t *panel, int k,
                                            int row)
{
    float2 v = {0, 0};
    if (a.bf16) {
        const uint16_t *at = panel + k * 16 + row * 2;
        if (k < a.k) v.x = px_bf2f(px_ldg(at));
        if (k + 1 < a.k) v.y = px_bf2f(px_ldg(at + 1));
    } else {
        if (k < a.k) v.x = px_h2f(px_ldg(panel + k * 16 + row));
        if (k + 1 < a.k) v.y = px_h2f(px_ldg(panel + k * 16 + 16 + row));
    }
    return v;
}

// A panel is read twice: for the rows' factors, and as operand A's registers, 16 bytes a thread.
__global__ void __launch_bounds__(QT_THREADS)
    q_tiles16_sm80(const __grid_constant__ cu_q_tiles_args a)
{
    IGT_SMEM(smem);
    float *by = (float *)smem, *tops = by + 16; // [16], [16][16]
    const int64_t p = a.first + blockIdx.x;
    const int panel = (int)(p % a.per_matrix), quarter = panel % 4;
    const uint16_t *from =
        (const uint16_t *)((const uint8_t *)a.panels + blockIdx.x * a.panel_bytes);
    uint8_t *matrix = a.tiles + p / a.per_matrix * a.matrix_bytes;
    const int r = threadIdx.x % 16, part = threadIdx.x / 16; // 16 rows are neighbours in a panel
    float top = 0;
    for (int k = 2 * part; k < a.k; k += 32) {
        const float2 v = qt_halves(a, from, k, r);
        top = fmaxf(top, fmaxf(fabsf(v.x), fabsf(v.y)));
    }
    tops[part * 16 + r] = top;
    __syncthreads();
    if (threadIdx.x < 16) {
        for (int i = 1; i < 16; i++) top = fmaxf(top, tops[i * 16 + r]);
        const float factor = qt_factor(top);
        const bool there = panel * 16 + r < a.n;
        by[r] = there ? 1 / factor : 0;
        if (there) ((float *)(matrix + a.row))[panel * 16 + r] = factor;
    }
    __syncthreads();
    const int lane = threadIdx.x % 32;
    uint8_t *to = matrix + (int64_t)(panel / 4) * a.tiles_k * 128 + (quarter * 32 + lane) * 16;
    for (int step = threadIdx.x / 32; step < a.tiles_k / 16; step += QT_THREADS / 32) {
        uint32_t w[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int row = lane / 4 + j % 2 * 8;
            const float2 v = qt_halves(a, from, step * 16 + lane % 4 * 2 + j / 2 * 8, row);
            w[j] = px_pack_f16(v.x * by[row], v.y * by[row]);
        }
        px_st16(to + (int64_t)step * 2048, uint4{w[0], w[1], w[2], w[3]});
    }
}
