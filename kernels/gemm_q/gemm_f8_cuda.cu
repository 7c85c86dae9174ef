// gemm_f8_cuda.cu - which kernels a product of 8-bit floats by 8-bit floats has on a chip.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/gemm_f8_cuda.h"

// Machine code of sm_89 is for that chip alone, its PTX for those after Hopper.
extern "C" int cu_f8_acts(const cu_f8_acts_args *a, cu_stream s)
{
    const int cc = cu_this_chip().cc;
    if (cc < 89) return CU_INVALID;
    return cc == 90 ? cu_f8_acts_sm90(a, s) : cu_f8_acts_sm89(a, s);
}

extern "C" int cu_gemm_f8(const cu_gemm_f8_args *a, cu_stream s)
{
    const int cc = cu_this_chip().cc;
    if (cc < 89) return CU_INVALID;
    return cc == 90 ? cu_gemm_f8_sm90(a, s) : cu_gemm_f8_sm89(a, s);
}
