// gemm_cuda.cu - instances and launchers of the sm_80 matrix products.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_sm80.cuh"

template <int BM, int BN, int BK, int ST> static int run(const cu_gemm_bf16_args *a, cu_stream s)
{
    const int tiles = (a->m + BM - 1) / BM * ((a->n + BN - 1) / BN);
    return cu_start(gemm_bf16_sm80<BM, BN, BK, ST>, tiles, 128, ST * (BM + BN) * BK * 2, s, a->a,
                    a->w, a->bias, a->c, a->m, a->n, a->k);
}

extern "C" int cu_gemm_bf16_sm80(const cu_gemm_bf16_args *a, cu_stream s)
{
    if (a->m <= 64 || a->n <= 64) return run<64, 64, 64, 3>(a, s);
    return run<128, 128, 32, 4>(a, s);
}
