// launch_as.cuh - starting kernels with attributes that cu_start's notation lacks: in clusters, and
// before the kernel in front of them has ended.
#pragma once
#include "kernels/cuda/launch.cuh"

#ifndef IGT_EMU
template <class... P, class... A>
static int cu_start_as(const cudaLaunchAttribute *as, void (*kernel)(P...), dim3 grid,
                       unsigned threads, size_t smem, cu_stream s, A... args)
{
    cudaError_t e = cudaFuncSetAttribute((const void *)kernel,
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem);
    if (e == cudaSuccess) {
        cudaLaunchConfig_t c = {};
        c.gridDim = grid;
        c.blockDim = dim3(threads);
        c.dynamicSmemBytes = smem;
        c.stream = (cudaStream_t)s;
        c.attrs = const_cast<cudaLaunchAttribute *>(as);
        c.numAttrs = 1;
        e = cudaLaunchKernelEx(&c, kernel, P(args)...);
    }
    if (e != cudaSuccess) (void)cudaGetLastError(); // a later launch would report it as its own
    return (int)e;
}
#endif

// As cu_start, in clusters of `cluster` (1 to 8) blocks along x, of which grid.x is a multiple.
// More than one: sm_90 and newer.
template <class... P, class... A>
static int cu_start_clusters(unsigned cluster, void (*kernel)(P...), dim3 grid, unsigned threads,
                             size_t smem, cu_stream s, A... args)
{
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return 0;
    if (cluster == 1) return cu_start(kernel, grid, threads, smem, s, args...);
#ifdef IGT_EMU
    return emu::start(
        s, grid, dim3(threads), smem, [=] { kernel(args...); }, cluster);
#else
    cudaLaunchAttribute as = {};
    as.id = cudaLaunchAttributeClusterDimension;
    as.val.clusterDim.x = cluster;
    as.val.clusterDim.y = as.val.clusterDim.z = 1;
    return cu_start_as(&as, kernel, grid, threads, smem, s, args...);
#endif
}

// As cu_start; on Hopper the blocks come as soon as those of the kernel in front leave room and say
// so (px_grid_launch), at the latest when they have ended: its end and this one's beginning overlap
// (programmatic dependent launch; a recording keeps it). For kernels that begin with
// px_grid_wait(): what runs before that may read nothing that a kernel has written.
// tests/cuda/ptxas_ahead.py looks.
template <class... P, class... A>
static int cu_start_ahead(void (*kernel)(P...), dim3 grid, unsigned threads, size_t smem,
                          cu_stream s, A... args)
{
#ifndef IGT_EMU
#    ifndef IGT_AHEAD
    static_assert(sizeof...(P) == 0, "the file's code for 9.0 would not wait: see cuda_ahead in "
                                     "cmake/cuda.cmake");
#    endif
    if (grid.x && grid.y && grid.z && cu_this_chip().cc == 90) {
        cudaLaunchAttribute as = {};
        as.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        as.val.programmaticStreamSerializationAllowed = 1;
        return cu_start_as(&as, kernel, grid, threads, smem, s, args...);
    }
#endif
    return cu_start(kernel, grid, threads, smem, s, args...);
}
