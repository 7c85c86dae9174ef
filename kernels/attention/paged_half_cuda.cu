// paged_half_cuda.cu - instances of decoding over pages of bf16 and f16.
#include "kernels/attention/few_cuda.cuh"

int att_few_half(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s)
{
    return type == CU_ATT_F16 ? few_of<att_e_f16>(p, d, grid, s)
                              : few_of<att_e_bf16>(p, d, grid, s);
}
