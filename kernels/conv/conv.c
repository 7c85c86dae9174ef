/* conv.c - which variant this machine uses (see the .kern lists), and the scratch it needs. */
#include "kernels/conv/conv_window.h"

size_t ig_conv_f32_scratch(const ig_conv_f32_args *c)
{
    return conv_zeros_length(c) + conv_rows_room(c);
}

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

conv_f32_fn *ig_conv_f32(void)
{
    conv_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/conv/conv.kern"
    return best;
}

conv_dw_f32_fn *ig_conv_dw_f32(void)
{
    conv_dw_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/conv/conv_dw.kern"
    return best;
}
