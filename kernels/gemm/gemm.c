/* gemm.c - which variant this machine uses; see the .kern lists. */
#include "kernels/gemm/gemm.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

gemm_f32_fn *ig_gemm_f32(void)
{
    gemm_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm.kern"
    return best;
}

gemm_pack_f32_fn *ig_gemm_pack_f32(void)
{
    gemm_pack_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_pack.kern"
    return best;
}

gemm_f16_fn *ig_gemm_f16(void)
{
    gemm_f16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_f16.kern"
    return best;
}

gemm_bf16_fn *ig_gemm_bf16(void)
{
    gemm_bf16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_bf16.kern"
    return best;
}

gemm_pack_f16_fn *ig_gemm_pack_f16(void)
{
    gemm_pack_f16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_pack_f16.kern"
    return best;
}

gemm_pack_bf16_fn *ig_gemm_pack_bf16(void)
{
    gemm_pack_bf16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_pack_bf16.kern"
    return best;
}

gemm_bf16_fast_fn *ig_gemm_bf16_fast(void)
{
    gemm_bf16_fast_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm/gemm_bf16_fast.kern"
    return best == gemm_bf16_fast_ref ? NULL : best;
}
