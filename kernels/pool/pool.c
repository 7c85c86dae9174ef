/* pool.c - which variant this machine uses; see the .kern lists. */
#include "kernels/pool/pool.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

pool_max_f32_fn *ig_pool_max_f32(void)
{
    pool_max_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/pool/pool_max.kern"
    return best;
}

pool_avg_f32_fn *ig_pool_avg_f32(void)
{
    pool_avg_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/pool/pool_avg.kern"
    return best;
}
