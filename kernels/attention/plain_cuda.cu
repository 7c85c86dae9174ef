// plain_cuda.cu - launcher of the attention kernel that can do everything.
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch.cuh"

template <int BM> static int start(plain_args a, int64_t rows_x, int batch, cu_stream s)
{
    const int64_t bytes = plain_smem<BM>(a.d, a.dv);
    if (bytes > cu_this_chip().shared_bytes) return ATT_NO_KERNEL;
    const int shared = a.heads / a.kv_heads;
    a.tokens = shared < BM ? BM / shared : 1;
    const int64_t blocks = a.image ? rows_x : (rows_x + a.tokens - 1) / a.tokens;
    return cu_start(attention_plain_sm80<BM>, dim3((unsigned)blocks, a.kv_heads, batch), 128,
                    (size_t)bytes, s, a);
}

int att_plain(const plain_args *a, int rows_x, int batch, bool many, cu_stream s)
{
    const int status = many ? start<32>(*a, rows_x, batch, s) : ATT_NO_KERNEL;
    return status == ATT_NO_KERNEL ? start<8>(*a, rows_x, batch, s) : status;
}
