// gemm_f8_cuda89.cu - products of 8-bit floats by 8-bit floats on Ada's mma, and what comes after
// Hopper.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/gemm_f8_sm89.cuh"
#include "kernels/gemm_q/q_acts_f8.cuh"

extern "C" int cu_f8_acts_sm89(const cu_f8_acts_args *a, cu_stream s)
{
    constexpr int THREADS = 512;
    return cu_start(q_acts_f8<89, THREADS>, dim3((unsigned)a->rows), THREADS, THREADS / 32 * 4, s,
                    *a);
}

extern "C" int cu_gemm_f8_sm89(const cu_gemm_f8_args *a, cu_stream s)
{
    const int items = f8_most(a, F8Shape89::NT);
    if (!items) return 0;
    return cu_start(gemm_f8_sm89, dim3((unsigned)items), 256, F8Shape89::smem, s, *a);
}
