// flash_half_cuda.cu - instances of attention of many queries over pages of bf16 and f16.
#include "kernels/attention/flash_cuda.cuh"

int att_many_half(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s)
{
    return type == CU_ATT_F16 ? flash_of<att_e_f16, FLASH_PAGED>(a, tiles, 1, s)
                              : flash_of<att_e_bf16, FLASH_PAGED>(a, tiles, 1, s);
}
