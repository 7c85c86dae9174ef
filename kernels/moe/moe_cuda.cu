// moe_cuda.cu - launchers of routing, lists and sums of mixtures of experts.
#include "kernels/cuda/launch.cuh"
#include "kernels/moe/moe_f32_sm80.cuh"
#include "kernels/moe/moe_sm80.cuh"

extern "C" int cu_moe_route(const cu_moe_route_args *a, cu_stream s)
{
    return cu_start(moe_route_sm80, dim3((unsigned)(a->tokens + 3) / 4), 128, 0, s, *a);
}

extern "C" int cu_moe_list(const cu_moe_list_args *a, cu_stream s)
{
    return cu_start(moe_list_sm80, dim3(1), LIST_THREADS, 64 * sizeof(int), s, *a);
}

extern "C" int cu_moe_combine(const cu_moe_combine_args *a, cu_stream s)
{
    const dim3 grid((unsigned)a->tokens, (unsigned)(a->k + 255) / 256);
    return cu_start(moe_combine_sm80, grid, 256, 0, s, *a);
}

extern "C" int cu_moe_f32(const cu_moe_f32_args *a, cu_stream s)
{
    const dim3 grid((unsigned)a->panels, (unsigned)a->max_slots,
                    (unsigned)(a->tile + MOE_F32_ROWS - 1) / MOE_F32_ROWS);
    return cu_start(moe_f32, grid, MOE_F32_THREADS, MOE_F32_THREADS / 32 * sizeof(moe_f32_sums), s,
                    *a);
}
