// pool_cuda.cu - instances and launchers of pools.
#include "kernels/cuda/launch.cuh"
#include "kernels/pool/pool_sm80.cuh"

// Averages of f32 sum in double, as the CPU's; a maximum compares as it is.
template <class F> static int by_type(const cu_pool_args *a, F f)
{
    return a->fn == CU_POOL_MAX && a->type != NB_F64 ? f(float()) : f(double());
}

extern "C" int cu_pool(const cu_pool_args *a, cu_stream s)
{
    int64_t pixels = 1;
    for (int d = 0; d < a->spatial; d++) pixels *= a->out[d];
    const int64_t total = a->outer * pixels * a->inner;
    if (!total) return 0;
    return by_type(a, [&](auto real) {
        return cu_start(pool_windows<decltype(real)>,
                        (unsigned)((total + POOL_THREADS - 1) / POOL_THREADS), POOL_THREADS, 0, s,
                        *a, cu_div_of((uint32_t)a->inner), cu_div_of((uint32_t)pixels),
                        (uint32_t)total);
    });
}

extern "C" int cu_pool_whole(const cu_pool_args *a, cu_stream s)
{
    int64_t pixels = 1;
    for (int d = 0; d < a->spatial; d++) pixels *= a->in[d];
    const int64_t total = a->outer * a->inner, each = a->inner == 1 ? 8 : 32;
    if (!total) return 0;
    return by_type(a, [&](auto real) {
        typedef decltype(real) REAL;
        return cu_start(pool_whole<REAL>, (unsigned)((total + each - 1) / each), POOL_THREADS,
                        POOL_THREADS * sizeof(REAL), s, *a, (uint32_t)pixels, (uint32_t)total);
    });
}
