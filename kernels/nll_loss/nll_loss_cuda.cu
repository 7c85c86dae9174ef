// nll_loss_cuda.cu - launcher of nll_loss_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/nll_loss/nll_loss_sm80.cuh"

static int64_t blocks_of(const cu_nll_loss_args *a, int64_t each)
{
    return (a->outer * a->inner + each - 1) / each;
}

extern "C" size_t cu_nll_loss_room(const cu_nll_loss_args *a)
{
    return a->reduction == CU_NLL_NONE ? 0 : (size_t)blocks_of(a, NLL_PART) * sizeof(nll_sums);
}

extern "C" int cu_nll_loss(const cu_nll_loss_args *a, cu_stream s)
{
    const int64_t n = a->outer * a->inner, parts = blocks_of(a, NLL_PART);
    if (a->reduction == CU_NLL_NONE)
        return cu_start(nll_each, dim3((unsigned)blocks_of(a, NLL_THREADS)), NLL_THREADS, 0, s, *a,
                        n);
    const size_t smem = NLL_THREADS * sizeof(nll_sums);
    const int status = cu_start(nll_parts, dim3((unsigned)parts), NLL_THREADS, smem, s, *a, n);
    return status ? status : cu_start(nll_whole, dim3(1), NLL_THREADS, smem, s, *a, parts);
}
