// fp8_sm80.cuh - rows of floats to 8-bit floats.
#pragma once
#include "kernels/gemm/fp8_cuda.h"
#include "kernels/gemm_q/finish_cuda.cuh"

// A warp a row, which it reads twice.
__global__ void __launch_bounds__(256) fp8_quantise_sm80(const cu_fp8_quantise_args g)
{
    const int lane = threadIdx.x & 31, row = blockIdx.x * 8 + (threadIdx.x >> 5);
    if (row >= g.rows) return;
    const int64_t x = row * g.ldx;
    uint32_t bits = 0;
    for (int c = lane; c < g.k; c += 32) {
        const uint32_t b = px_bits(lo_load(g.x, g.type, x + c)) & 0x7fffffff;
        bits = b > bits ? b : bits;
    }
#pragma unroll
    for (int i = 16; i; i >>= 1) {
        const uint32_t b = px_shfl_xor(bits, i);
        bits = b > bits ? b : bits;
    }
    const float top = px_float(bits);
    const bool finite = bits < 0x7f800000, none = !finite || top < 0x1p-100f;
    const float inverse = none ? 0.f : 448 / top;
    for (int c = lane * 4; c < g.pitch; c += 128) {
        float v[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
            v[i] = c + i < g.k && !none ? lo_load(g.x, g.type, x + c + i) * inverse : 0.f;
        *(uint32_t *)(g.y + row * (int64_t)g.pitch + c) =
            px_pack_e4m3(v[0], v[1]) | (uint32_t)px_pack_e4m3(v[2], v[3]) << 16;
    }
    if (lane == 0) g.scale[row] = finite ? none ? 0.f : top / 448 : px_float(0x7fc00000);
}
