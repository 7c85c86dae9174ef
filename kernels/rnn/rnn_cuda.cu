// rnn_cuda.cu - instances and launchers of recurrences.
#include "kernels/cuda/launch.cuh"
#include "kernels/rnn/recurrence_sm80.cuh"
#include "kernels/rnn/rnn_any_sm80.cuh"
#include "kernels/rnn/rnn_sm80.cuh"

template <int KIND> static int step(const cu_rnn_args *a, cu_stream s)
{
    return cu_start(rnn_step<KIND>, (unsigned)((a->hidden + RNN_WARPS - 1) / RNN_WARPS),
                    RNN_WARPS * 32, 0, s, *a);
}

extern "C" int cu_rnn_step(const cu_rnn_args *a, cu_stream s)
{
    switch (a->kind) {
    case CU_RNN:
        return step<CU_RNN>(a, s);
    case CU_GRU_LINEAR:
        return step<CU_GRU_LINEAR>(a, s);
    case CU_GRU_RESET:
        return step<CU_GRU_RESET>(a, s);
    case CU_GRU_FRESH:
        return step<CU_GRU_FRESH>(a, s);
    default:
        return step<CU_LSTM>(a, s);
    }
}

extern "C" int cu_rnn_any_step(const cu_rnn_any_args *a, cu_stream s)
{
    const int64_t units = (int64_t)a->batch * a->hidden;
    return cu_start(rnn_any_step, (unsigned)((units + RNN_ANY_WARPS - 1) / RNN_ANY_WARPS),
                    RNN_ANY_WARPS * 32, 0, s, *a);
}

extern "C" int cu_causal_conv(const cu_causal_conv_args *a, cu_stream s)
{
    const int64_t each = a->n + a->k - 1, total = a->rows * each;
    if (!total) return 0;
    return cu_start(causal_conv, (unsigned)((total + RECURRENCE_THREADS - 1) / RECURRENCE_THREADS),
                    RECURRENCE_THREADS, 0, s, *a, cu_div_of((uint32_t)each), (uint32_t)total);
}

extern "C" int cu_linear_attention(const cu_linear_attention_args *a, cu_stream s)
{
    const dim3 grid((unsigned)(a->batch * a->heads),
                    (unsigned)((a->dv + RECURRENCE_THREADS - 1) / RECURRENCE_THREADS));
    return cu_start(linear_attention, grid, RECURRENCE_THREADS, 0, s, *a);
}
