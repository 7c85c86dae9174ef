// sample_cuda.cu - launcher of sampling.
#include "kernels/cuda/launch.cuh"
#include "kernels/sample/sample_sm80.cuh"

extern "C" size_t cu_sample_scratch(size_t rows, size_t vocab)
{
    return rows * vocab * (sizeof(float) + sizeof(int));
}

extern "C" int cu_sample(const cu_sample_args *a, cu_stream s)
{
    if (a->rows == 0) return 0;
    return cu_start(sample_k, (unsigned)a->rows, SAMPLE_THREADS, sizeof(sample_room), s, *a);
}
