// fft_cuda.cu - launcher of fft_sm80.cuh: passes, and where a row's buffers lie.
#include "kernels/cuda/launch.cuh"
#include "kernels/fft/fft.h"
#include "kernels/fft/fft_sm80.cuh"

enum { BLOCKS_EACH = 4 /* of a multiprocessor, in device memory */, INVALID = 1 };

static size_t row_bytes(const cu_fft_args *a)
{
    return (size_t)(a->m ? a->m : a->n) * 2 * sizeof(fft_point);
}

static int64_t blocks_of(const cu_fft_args *a, const cu_chip *chip, bool shared)
{
    const int64_t most = shared ? INT32_MAX : (int64_t)chip->processors * BLOCKS_EACH;
    return a->rows < most ? a->rows : most;
}

extern "C" size_t cu_fft_room(const cu_fft_args *a, const cu_chip *chip)
{
    const size_t each = row_bytes(a);
    return each <= (size_t)chip->shared_bytes ? 0 : each * (size_t)blocks_of(a, chip, false);
}

static bool make_plan(fft_plan *plan, const cu_fft_args *a)
{
    const uint32_t n = (uint32_t)(a->m ? a->m : a->n);
    *plan = fft_plan{};
    plan->size = n;
    plan->inner = cu_div_of((uint32_t)a->inner);
    plan->scale = a->inverse ? 1.0 / a->n : 1;
    plan->scale_m = a->m ? 1.0 / a->m : 1;
    for (uint32_t stride = 1; stride < n; plan->n++) {
        const uint32_t radix = (uint32_t)ig_fft_radix(n / stride);
        if (!radix || plan->n == CU_FFT_PASSES) return false;
        plan->pass[plan->n] = {cu_div_of(stride), cu_div_of(radix), n / (radix * stride),
                               n / radix};
        stride *= radix;
    }
    return true;
}

extern "C" int cu_fft(const cu_fft_args *a, cu_stream s)
{
    fft_plan plan;
    const cu_chip chip = cu_this_chip();
    if (!make_plan(&plan, a)) return INVALID;
    const bool shared = !a->room;
    return cu_start(fft_rows, dim3((unsigned)blocks_of(a, &chip, shared)), FFT_THREADS,
                    shared ? row_bytes(a) : 0, s, *a, plan);
}
