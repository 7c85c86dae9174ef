// flash_dense_cuda.cu - instances of attention of many queries over tensors of 16 bits.
#include "kernels/attention/flash_cuda.cuh"

int att_dense(const flash_args *a, cu_att_type type, int batch, cu_stream s)
{
    const bool half = type == CU_ATT_F16;
    if (a->mask)
        return half ? flash_of<att_e_f16, FLASH_MASKED>(a, a->tq, batch, s)
                    : flash_of<att_e_bf16, FLASH_MASKED>(a, a->tq, batch, s);
    return half ? flash_of<att_e_f16, FLASH_DENSE>(a, a->tq, batch, s)
                : flash_of<att_e_bf16, FLASH_DENSE>(a, a->tq, batch, s);
}
