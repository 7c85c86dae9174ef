// select_cuda.cu - launchers of what counts elements in their order.
#include "kernels/cuda/launch.cuh"
#include "kernels/select/select_sm80.cuh"

extern "C" int cu_positions(const cu_positions_args *a, cu_stream s)
{
    if (a->tokens == 0) return 0;
    return cu_start(positions_k, (uint32_t)a->rows, SELECT_THREADS,
                    SELECT_THREADS / 32 * sizeof(int), s, *a);
}
