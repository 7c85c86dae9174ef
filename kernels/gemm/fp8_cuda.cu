// fp8_cuda.cu - 8-bit floats: rows quantised, and the choice of a product.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/fp8_sm80.cuh"

extern "C" int cu_fp8_quantise(const cu_fp8_quantise_args *a, cu_stream s)
{
    return cu_start(fp8_quantise_sm80, dim3((unsigned)(a->rows + 7) / 8), 256, 0, s, *a);
}

extern "C" int cu_gemm_fp8(const cu_gemm_fp8_args *a, cu_stream s)
{
    const int cc = cu_this_chip().cc;
    if (a->m == 0 || a->n == 0) return 0;
    if (a->k < 1 || cc < 89) return CU_INVALID;
    // machine code of sm_89 is for that chip alone, its PTX for those after Hopper
    return cc == 90 ? cu_gemm_fp8_sm90(a, s) : cu_gemm_fp8_sm89(a, s);
}
