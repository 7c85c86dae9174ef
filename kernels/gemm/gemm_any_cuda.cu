// gemm_any_cuda.cu - instances and launcher of gemm_any_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/gemm_any_sm80.cuh"

static int64_t tiles_of(int side) { return ((int64_t)side + ANY_TILE - 1) / ANY_TILE; }

// INT32_MAX + 1: so many or more.
static int64_t blocks_of(const cu_gemm_any_args *a)
{
    int64_t blocks = tiles_of(a->m) * tiles_of(a->n);
    for (int d = 0; d < a->batch.rank && blocks <= INT32_MAX; d++) blocks *= a->batch.dims[d];
    return blocks <= INT32_MAX ? blocks : (int64_t)INT32_MAX + 1;
}

extern "C" bool cu_gemm_any_fits(const cu_gemm_any_args *a) { return blocks_of(a) <= INT32_MAX; }

template <class T> static int run(const cu_gemm_any_args *a, cu_stream s)
{
    const dim3 blocks((unsigned)blocks_of(a));
    return cu_start(gemm_any<T>, blocks, ANY_THREADS, 2 * ANY_K * ANY_LD * sizeof(T), s, *a,
                    (int)tiles_of(a->m), (int)tiles_of(a->n));
}

extern "C" int cu_gemm_any(const cu_gemm_any_args *a, cu_stream s)
{
    if (a->m <= 0 || a->n <= 0) return 0;
    if (!cu_gemm_any_fits(a)) return CU_INVALID;
    switch (a->type) {
    case NB_F64:
        return run<double>(a, s);
    case NB_I64:
    case NB_U64:
        return run<uint64_t>(a, s);
    default:
        return run<uint32_t>(a, s);
    }
}
