// gemm_f32_cuda.cu - instances and launcher of gemm_f32_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/gemm_f32_sm80.cuh"
#include "kernels/gemm/gemm_pick_cuda.h"

extern "C" cu_gemm_shape cu_gemm_f32_shape_of(const cu_gemm_f32_args *a)
{
    cu_gemm_shape s = {};
    s.m = a->m, s.n = a->n, s.k = a->k;
    s.batch = cu_gemm_batch_count(&a->batch);
    s.element = s.c_bytes = 4;
    s.may_split = true;
    return s;
}

static cu_gemm_choice choose(const cu_gemm_f32_args *a, bool may_split)
{
    cu_gemm_shape shape = cu_gemm_f32_shape_of(a);
    shape.may_split = may_split;
    const cu_chip chip = cu_this_chip();
    return cu_gemm_pick(&shape, &chip, a->only - 1);
}

template <int BM, int BN, int TM>
static int run(const cu_gemm_f32_args *a, const gemm_plan &plan, cu_stream s)
{
    const int64_t blocks = ((int64_t)a->m + BM - 1) / BM * (((int64_t)a->n + BN - 1) / BN) *
                           cu_gemm_batch_count(&a->batch);
    if (blocks > INT32_MAX) return CU_INVALID;
    return cu_start(gemm_f32_sm80<BM, BN, TM>, dim3((unsigned)blocks, (unsigned)plan.splits),
                    BM / TM * BN / 8, gemm_f32_smem<BM, BN>(), s, *a, plan);
}

extern "C" int cu_gemm_f32(const cu_gemm_f32_args *a, cu_stream s)
{
    if (a->m <= 0 || a->n <= 0 || !cu_gemm_batch_count(&a->batch)) return 0;
    const bool chosen = a->choice.splits && (a->room || !cu_gemm_choice_cuts(&a->choice));
    const cu_gemm_choice c = chosen ? a->choice : choose(a, a->room != nullptr);
    const gemm_plan plan = {c.splits, c.split_steps};
    switch (c.variant) {
    case CU_GEMM_F32_M128N128:
        return run<128, 128, 8>(a, plan, s);
    case CU_GEMM_F32_M64N64:
        return run<64, 64, 8>(a, plan, s);
    case CU_GEMM_F32_M16N128:
        return run<16, 128, 4>(a, plan, s);
    default:
        return CU_INVALID;
    }
}

extern "C" size_t cu_gemm_f32_room(const cu_gemm_f32_args *a)
{
    const cu_gemm_shape shape = cu_gemm_f32_shape_of(a);
    const cu_chip chip = cu_this_chip();
    const cu_gemm_choice c = a->choice.splits ? a->choice : choose(a, true);
    return cu_gemm_choice_room(&c, &shape, &chip);
}
