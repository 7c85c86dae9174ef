/* quant.c - which variant this machine uses; see the .kern lists. */
#include "kernels/quant/quant.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

quantize_f32_fn *ig_quantize_f32(void)
{
    quantize_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/quant/quantize_f32.kern"
    return best;
}

dequantize_f32_fn *ig_dequantize_f32(void)
{
    dequantize_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/quant/dequantize_f32.kern"
    return best;
}

range_f32_fn *ig_range_f32(void)
{
    range_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/quant/range_f32.kern"
    return best;
}

binary_i8_fn *ig_binary_i8(void)
{
    binary_i8_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/quant/binary_i8.kern"
    return best;
}

max_i8_fn *ig_max_i8(void)
{
    max_i8_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/quant/max_i8.kern"
    return best;
}
