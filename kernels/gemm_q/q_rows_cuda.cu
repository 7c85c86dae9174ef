// q_rows_cuda.cu - launcher of rows of weights of few bits.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/q_rows_sm80.cuh"

extern "C" int cu_q_rows(const cu_q_rows_args *a, cu_stream s)
{
    const uint32_t units = (uint32_t)a->w.k / 16, total = (uint32_t)a->n * units;
    if (!total) return 0;
    return cu_start(q_rows, (total + Q_ROWS_THREADS - 1) / Q_ROWS_THREADS, Q_ROWS_THREADS, 0, s, *a,
                    cu_div_of(units), total);
}
