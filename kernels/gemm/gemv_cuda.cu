// gemv_cuda.cu - instances and the launcher of products with few rows.
#include "kernels/cuda/launch_as.cuh"
#include "kernels/gemm/gemv_sm80.cuh"

namespace
{

template <cu_gemv_type T, int M> int run(const cu_gemv_args *a, cu_stream s)
{
    constexpr int V = GemvWeight<T>::V, MOST = GEMV_PIECE / M / V / 32 * 32;
    const int groups = (a->n + 15) / 16, room = cu_this_chip().processors * 4;
    const int here = a->k / V < MOST ? a->k / V : MOST;
    return cu_start_ahead(gemv_sm80<T, M>, dim3((unsigned)(groups < room ? groups : room)),
                          GEMV_THREADS, (size_t)here * V * M * sizeof(float) + 16, s, *a);
}

template <cu_gemv_type T> int run_rows(const cu_gemv_args *a, cu_stream s)
{
    return a->m == 1 ? run<T, 1>(a, s) : a->m == 2 ? run<T, 2>(a, s) : run<T, 4>(a, s);
}

} // namespace

extern "C" int cu_gemv(const cu_gemv_args *a, cu_stream s)
{
    if (a->n == 0) return 0;
    if (!cu_gemv_fits(a->w, a->type, a->ldw, a->k, a->m)) return CU_INVALID;
    switch (a->type) {
    case CU_GEMV_F32:
        return run_rows<CU_GEMV_F32>(a, s);
    case CU_GEMV_F16:
        return run_rows<CU_GEMV_F16>(a, s);
    case CU_GEMV_BF16:
        return run_rows<CU_GEMV_BF16>(a, s);
    case CU_GEMV_E4M3:
        return run_rows<CU_GEMV_E4M3>(a, s);
    default:
        return run_rows<CU_GEMV_S8>(a, s);
    }
}
