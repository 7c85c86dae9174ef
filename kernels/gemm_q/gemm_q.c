/* gemm_q.c - which variant this machine uses; see the .kern lists. */
#include "kernels/gemm_q/gemm_q.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

gemm_q_fn *ig_gemm_q(void)
{
    gemm_q_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm_q/gemm_q.kern"
    return best;
}

gemm_q_acts_fn *ig_gemm_q_acts(void)
{
    gemm_q_acts_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm_q/gemm_q_acts.kern"
    return best;
}

gemm_q_f32_fn *ig_gemm_q_f32(void)
{
    gemm_q_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/gemm_q/gemm_q_f32.kern"
    return best;
}
