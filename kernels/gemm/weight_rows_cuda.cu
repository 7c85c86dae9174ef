// weight_rows_cuda.cu - launcher of the kernel that brings weights into rows.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/weight_rows_sm80.cuh"

template <class From, class To, bool ROUND>
static int run(const cu_weight_rows_args *a, int64_t blocks, cu_stream s)
{
    return cu_start(weight_rows_sm80<From, To, ROUND>, dim3((unsigned)blocks), WR_THREADS,
                    a->turned ? WR_SHARED : 0, s, *a);
}

extern "C" int cu_weight_rows(const cu_weight_rows_args *a, cu_stream s)
{
    enum { INVALID = 1 };
    const int64_t blocks = (((int64_t)a->count + WR_TILE - 1) / WR_TILE) *
                           (((int64_t)a->width + WR_TILE - 1) / WR_TILE);
    if (blocks > INT32_MAX) return INVALID;
    switch (a->type) {
    case CU_ROWS_16:
        return run<uint16_t, uint16_t, false>(a, blocks, s);
    case CU_ROWS_32:
        return run<uint32_t, uint32_t, false>(a, blocks, s);
    default:
        return run<float, uint16_t, true>(a, blocks, s);
    }
}
