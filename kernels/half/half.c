/* half.c - which variant this machine uses; see the .kern lists. */
#include "kernels/half/half.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

widen_f16_fn *ig_widen_f16(void)
{
    widen_f16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/half/widen_f16.kern"
    return best;
}

widen_bf16_fn *ig_widen_bf16(void)
{
    widen_bf16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/half/widen_bf16.kern"
    return best;
}

narrow_f16_fn *ig_narrow_f16(void)
{
    narrow_f16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/half/narrow_f16.kern"
    return best;
}

narrow_bf16_fn *ig_narrow_bf16(void)
{
    narrow_bf16_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/half/narrow_bf16.kern"
    return best;
}
