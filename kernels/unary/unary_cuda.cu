// unary_cuda.cu - instances and launcher of the elementwise kernels of one operand.
#include "kernels/cuda/launch.cuh"
#include "kernels/unary/unary_sm80.cuh"

template <class T, int S> static int run(const cu_unary_args *a, cu_stream s)
{
    const bool test = a->fn == CU_UNARY_isnan || a->fn == CU_UNARY_isinf;
    const unary_how how = {a->fn, a->dtype, test, a->a, a->b, a->low, a->high};
    const uint32_t n = (uint32_t)a->n, units = n / 4;
    const uint32_t each = UNARY_THREADS * UNARY_LOADS, blocks = (units + each - 1) / each;
    return cu_start(unary_k<T, S>, blocks ? blocks : 1, UNARY_THREADS, 0, s, a->x, a->y, n, how);
}

extern "C" int cu_unary(const cu_unary_args *a, cu_stream s)
{
    if (a->n == 0) return 0;
    const int bytes = el_bytes(a->dtype);
    switch (el_kind_of(a->dtype)) {
    case EL_F64:
        return run<double, 8>(a, s);
    case EL_F32:
        return bytes == 4   ? run<float, 4>(a, s)
               : bytes == 2 ? run<float, 2>(a, s)
                            : run<float, 1>(a, s);
    default:
        return bytes == 8   ? run<uint64_t, 8>(a, s)
               : bytes == 4 ? run<uint64_t, 4>(a, s)
               : bytes == 2 ? run<uint64_t, 2>(a, s)
                            : run<uint64_t, 1>(a, s);
    }
}
