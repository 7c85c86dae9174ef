// rows_cuda.cu - launcher of attention of any types.
#include "kernels/attention/rows_sm80.cuh"
#include "kernels/cuda/launch.cuh"

extern "C" int cu_attention_rows(const cu_attention_rows_args *a, cu_stream s)
{
    return cu_start(attention_rows, (unsigned)a->blocks, ROWS_THREADS,
                    ROWS_THREADS / 32 * sizeof(double), s, *a);
}
