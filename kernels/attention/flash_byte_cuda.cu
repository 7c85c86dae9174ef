// flash_byte_cuda.cu - instances of attention of many queries over pages of int8 and fp8.
#include "kernels/attention/flash_cuda.cuh"

int att_many_byte(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s)
{
    return type == CU_ATT_F8 ? flash_of<att_e_f8, FLASH_PAGED>(a, tiles, 1, s)
                             : flash_of<att_e_i8, FLASH_PAGED>(a, tiles, 1, s);
}
