// chain_cuda.cu - launcher of chains of elementwise steps.
#include "kernels/chain/chain_sm80.cuh"
#include "kernels/cuda/launch.cuh"

extern "C" int cu_chain(const cu_chain_args *a, cu_stream s)
{
    enum { SCALARS = 4 }; // elements a thread, where there are no packs
    const uint32_t units = cu_walk_packs(&a->walk);
    const uint32_t blocks = units ? (units + CHAIN_THREADS - 1) / CHAIN_THREADS
                                  : a->walk.total / (CHAIN_THREADS * SCALARS) + 1;
    if (!a->walk.total) return 0;
    return cu_start(chain_k, blocks, CHAIN_THREADS, 0, s, units, *a);
}
