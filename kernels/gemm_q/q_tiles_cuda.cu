// q_tiles_cuda.cu - launchers of the kernels that make tiles of weights.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/q_tiles_sm80.cuh"

extern "C" int cu_q_tiles(const cu_q_tiles_args *a, cu_stream s)
{
    return cu_start(q_tiles_sm80, dim3((unsigned)a->count), QT_THREADS, 0, s, *a);
}

extern "C" int cu_q_tiles16(const cu_q_tiles_args *a, cu_stream s)
{
    return cu_start(q_tiles16_sm80, dim3((unsigned)a->count), QT_THREADS, QT_SHARED, s, *a);
}
