// paged_byte_cuda.cu - instances of decoding over pages of int8 and fp8 (e4m3).
#include "kernels/attention/few_cuda.cuh"

int att_few_byte(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s)
{
    return type == CU_ATT_F8 ? few_of<att_e_f8>(p, d, grid, s) : few_of<att_e_i8>(p, d, grid, s);
}
