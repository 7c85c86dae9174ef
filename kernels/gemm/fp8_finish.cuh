// fp8_finish.cuh - sums of 8-bit floats become results.
#pragma once
#include "kernels/gemm/fp8_cuda.h"
#include "kernels/gemm_q/finish_cuda.cuh"

__device__ __forceinline__ void fp8_finish(const cu_gemm_fp8_args &g, int m, int n, float v)
{
    if (g.a_scale) v *= g.a_scale[m];
    if (g.w_scale) v *= g.w_scale[n];
    lo_finish_one(g.finish, m, n, v);
}
