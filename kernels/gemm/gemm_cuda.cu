// gemm_cuda.cu - instances and launchers of the sm_80 matrix products of 16-bit floats.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_pick_cuda.h"
#include "kernels/gemm/gemm_sm80.cuh"

extern "C" cu_gemm_shape cu_gemm_shape_of(const cu_gemm_args *a)
{
    cu_gemm_shape s = {};
    s.m = a->m, s.n = a->n, s.k = a->k;
    s.batch = cu_gemm_batch_count(&a->batch);
    s.element = 2;
    s.c_bytes = cu_float_bytes(a->c_type);
    s.may_split = true;
    s.tma = a->k > 0 && a->batch.rank <= 1;
    return s;
}

static cu_gemm_choice choose(const cu_gemm_args *a, bool may_split)
{
    cu_gemm_shape shape = cu_gemm_shape_of(a);
    shape.may_split = may_split;
    const cu_chip chip = cu_this_chip();
    return cu_gemm_pick(&shape, &chip, a->only - 1);
}

template <class T, class C, int BM, int BN, int BK, int ST>
static int run(const cu_gemm_args *a, const gemm_plan &plan, cu_stream s)
{
    const int64_t blocks = ((int64_t)a->m + BM - 1) / BM * (((int64_t)a->n + BN - 1) / BN) *
                           cu_gemm_batch_count(&a->batch);
    if (blocks > INT32_MAX) return CU_INVALID;
    return cu_start(gemm_sm80<T, C, BM, BN, BK, ST>, dim3((unsigned)blocks, (unsigned)plan.splits),
                    128, gemm_sm80_smem<BM, BN, BK, ST>(), s, *a, plan);
}

template <class T, class C>
static int run_tile(const cu_gemm_args *a, const cu_gemm_choice &choice, cu_stream s)
{
    const gemm_plan plan = {choice.splits, choice.split_steps};
    if (choice.variant == CU_GEMM_M64N64) return run<T, C, 64, 64, 64, 3>(a, plan, s);
    return run<T, C, 128, 128, 32, 4>(a, plan, s);
}

template <class T>
static int run_type(const cu_gemm_args *a, const cu_gemm_choice &choice, cu_stream s)
{
    return a->c_type == CU_F32 ? run_tile<T, F32>(a, choice, s) : run_tile<T, T>(a, choice, s);
}

extern "C" int cu_gemm(const cu_gemm_args *a, cu_stream s)
{
    if (a->m <= 0 || a->n <= 0 || !cu_gemm_batch_count(&a->batch)) return 0;
    if (!cu_gemm_rows(a->a, a->lda, a->k) || !cu_gemm_rows(a->b, a->ldb, a->k) ||
        !cu_gemm_steps(&a->batch))
        return CU_INVALID;
    const bool chosen = a->choice.splits && (a->room || !cu_gemm_choice_cuts(&a->choice));
    const cu_gemm_choice choice = chosen ? a->choice : choose(a, a->room != nullptr);
    if (!choice.splits) return CU_INVALID;
    if (cu_gemm_block_of(choice.variant)->cc_min == 90) return cu_gemm_hopper(a, &choice, s);
    return a->type == CU_F16 ? run_type<F16>(a, choice, s) : run_type<Bf16>(a, choice, s);
}

extern "C" size_t cu_gemm_room(const cu_gemm_args *a)
{
    const cu_gemm_shape shape = cu_gemm_shape_of(a);
    const cu_chip chip = cu_this_chip();
    const cu_gemm_choice c = a->choice.splits ? a->choice : choose(a, true);
    return cu_gemm_choice_room(&c, &shape, &chip);
}

extern "C" const char *cu_gemm_name(const cu_gemm_args *a)
{
    return cu_gemm_block_of(a->choice.splits ? a->choice.variant : choose(a, true).variant)->name;
}
