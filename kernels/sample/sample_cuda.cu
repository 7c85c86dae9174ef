// sample_cuda.cu - launcher of sampling.
#include "kernels/cuda/launch.cuh"
#include "kernels/sample/sample_sm80.cuh"

extern "C" int cu_sample(const ig_draw_args *a, cu_stream s)
{
    if (a->n == 0) return 0;
    return cu_start(sample_k, (unsigned)a->n, SAMPLE_THREADS, sizeof(sample_room), s, *a);
}
