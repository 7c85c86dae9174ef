// gemm_cast_cuda.cu - instances and launcher of gemm_cast_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/gemm_cast_sm80.cuh"

template <class From, class To, bool SPLIT> static int run(const cu_gemm_cast_args *a, cu_stream s)
{
    if (a->turned) {
        const int64_t blocks =
            a->batch * ((a->rows + TURN - 1) / TURN) * ((a->ld + TURN - 1) / TURN);
        if (blocks > INT32_MAX) return CU_INVALID;
        return cu_start(cast_turned_sm80<From, To, SPLIT>, dim3((unsigned)blocks), 256,
                        TURN * (TURN + 1) * sizeof(float), s, *a);
    }
    const int64_t n = a->batch * a->rows * (a->ld / 8), blocks = (n + 255) / 256,
                  most = (int64_t)cu_this_chip().processors * 16;
    return cu_start(cast_rows_sm80<From, To, SPLIT>,
                    dim3((unsigned)(blocks < most ? blocks : most)), 256, 0, s, *a);
}

extern "C" int cu_gemm_cast(const cu_gemm_cast_args *a, cu_stream s)
{
    if (a->batch <= 0 || a->rows <= 0 || a->ld <= 0) return 0;
    if (a->ld % 8 || a->ld < a->cols || (uintptr_t)a->y % 16) return CU_INVALID;
    if (a->split) {
        if (a->from != CU_F32 || a->to != CU_BF16) return CU_INVALID;
        return run<F32, Bf16, true>(a, s);
    }
    if (a->to == CU_BF16 && a->from == CU_F32) return run<F32, Bf16, false>(a, s);
    if (a->to == CU_BF16 && a->from == CU_BF16) return run<Bf16, Bf16, false>(a, s);
    if (a->to == CU_F16 && a->from == CU_F32) return run<F32, F16, false>(a, s);
    if (a->to == CU_F16 && a->from == CU_F16) return run<F16, F16, false>(a, s);
    return CU_INVALID;
}
