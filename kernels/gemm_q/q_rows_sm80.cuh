// q_rows_sm80.cuh - rows of weights of few bits in f32.
//
// A thread has what a lane of the matrix unit has of a row in one tile: 16 values of 64. Four
// neighbours read 64 or 128 bytes, half of which belong to the row 8 below, and write 64 floats
// side by side: bound by what is written, 16 times what 4 bits are.
#pragma once
#include "kernels/cuda/fault.cuh"
#include "kernels/cuda/index.cuh"
#include "kernels/gather/indices.cuh"
#include "kernels/gemm_q/q_rows_cuda.h"

enum { Q_ROWS_THREADS = 256 };

// Register `reg` of step s of a lane: its quants of k and k + 1.
__device__ __forceinline__ void q_pair_at(float (&q)[2], const cu_q_weights &w, const uint8_t *tile,
                                          int lane, int s, int reg)
{
    if (w.bits == 4) {
        const uint32_t word = ((const uint32_t *)tile)[lane * 4 + s] >> 4 * reg;
        q[0] = (float)(int)(word & 15) - 8.0f;
        q[1] = (float)(int)(word >> 16 & 15) - 8.0f;
        return;
    }
    const uint8_t *at = tile + s / 2 * 2048 + lane * 16 + s % 2 * 8 + 2 * reg;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const uint32_t byte = at[i];
        // e4m3 with f16's exponent is 256 times smaller: q_tiles.h
        q[i] = w.e4m3 ? px_h2f((uint16_t)((byte & 0x80) << 8 | (byte & 0x7f) << 7))
                      : (float)(int)byte - 128.0f;
    }
}

__global__ void __launch_bounds__(Q_ROWS_THREADS)
    q_rows(const __grid_constant__ cu_q_rows_args a, cu_div units, uint32_t total)
{
    uint32_t i = cu_thread();
    if (i >= total) return;
    const int part = (int)cu_remainder(i, units);
    const int64_t id = cu_index_at(a.id, i);
    const bool inside = id >= 0 && id < a.rows;
    const int64_t row = inside ? id : 0;
    const int r = (int)(row % 64), reg = r % 16 / 8, lane = r / 16 * 32 + r % 8 * 4 + part % 4;
    const uint8_t *tile =
        a.w.quants + (row / 64 * (a.w.k / 64) + part / 4) * (512 * (int64_t)a.w.bits);
    const int64_t table = row / 64 * a.w.groups * 64 + r / 16 * 16 + r % 8 * 2 + reg;
    const float factor = inside ? a.w.row[row] * a.scale : 0;
    float *to = a.to + (int64_t)i * a.size;
#pragma unroll
    for (int j = 0; j < 8; j++) {
        const int k = part / 4 * 64 + j / 2 * 16 + part % 4 * 2 + j % 2 * 8;
        const int64_t group = table + (int64_t)(k >> a.w.group_log2) * 64;
        if (k >= a.size) continue;
        float q[2];
        q_pair_at(q, a.w, tile, lane, j / 2, reg + j % 2 * 2);
        const float d = px_h2f(a.w.scales[group]);
        const float offset = a.w.offsets ? px_h2f(a.w.offsets[group]) : 0;
        to[k] = inside ? factor * fmaf(q[0], d, offset) : 0;
        if (k + 1 < a.size) to[k + 1] = inside ? factor * fmaf(q[1], d, offset) : 0;
    }
    if (!inside && part == 0) cu_fail(a.fault, i, id);
}
