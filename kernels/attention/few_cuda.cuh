// few_cuda.cuh - which instance of paged_few_sm80 a head size takes.
#pragma once
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch_as.cuh"

template <int D, class E, int ST>
static int few_start(const paged_few_args *p, dim3 grid, cu_stream s)
{
    constexpr int BYTES = paged_few_smem<D, E, ST>::BYTES;
    static_assert(BYTES <= 232448, "more shared memory than any chip has");
    if (BYTES > cu_this_chip().shared_bytes) return ATT_NO_KERNEL;
    return grid.x ? cu_start_ahead(paged_few_sm80<D, E, ST>, grid, 128, BYTES, s, *p) : 0;
}

// Stages: as many as leave room for two blocks on a processor of 227 KB (d = 256: one block). Chips
// with 99 KB a block take one stage less for d = 128 of 16 bits.
template <class E> static int few_of(const paged_few_args *p, int d, dim3 grid, cu_stream s)
{
    constexpr bool BYTE = E::BYTES == 1;
    switch (d) {
    case 64:
        return few_start < 64, E, BYTE ? 6 : 5 > (p, grid, s);
    case 80:
        return few_start < 80, E, BYTE ? 6 : 3 > (p, grid, s);
    case 96:
        return few_start < 96, E, BYTE ? 5 : 3 > (p, grid, s);
    case 128: {
        const int status = few_start < 128, E, BYTE ? 4 : 3 > (p, grid, s);
        if constexpr (!BYTE)
            if (status == ATT_NO_KERNEL) return few_start<128, E, 2>(p, grid, s);
        return status;
    }
    case 256:
        return few_start < 256, E, BYTE ? 3 : 2 > (p, grid, s);
    default:
        return ATT_NO_KERNEL;
    }
}
