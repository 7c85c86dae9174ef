// fp8_cuda89.cu - the product of 8-bit floats on mma.sync.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/fp8_sm89.cuh"

extern "C" int cu_gemm_fp8_sm89(const cu_gemm_fp8_args *a, cu_stream s)
{
    const int tiles = (a->m + F8_BM - 1) / F8_BM * ((a->n + F8_BN - 1) / F8_BN);
    return cu_start(gemm_fp8_sm89, dim3((unsigned)tiles), 128, f8_shared(), s, *a);
}
