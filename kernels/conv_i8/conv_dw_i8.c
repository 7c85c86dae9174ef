/* conv_dw_i8.c - see conv_dw_i8.h: dispatch, and the packing of weights, done once a model. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "runtime/base/checked.h"

#include <string.h>

conv_dw_i8_fn *ig_conv_dw_i8(void)
{
    conv_dw_i8_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/conv_i8/conv_dw_i8.kern"
#undef K
    return best;
}

bool ig_conv_dw_i8_bytes(size_t c, size_t groups, size_t *bytes)
{
    size_t c64;
    return ig_align_ok(c, CONV_DW_I8_BLOCK, &c64) && ig_mul_ok(groups, 4, bytes) &&
           ig_mul_ok(c64, *bytes, bytes);
}

void ig_conv_dw_i8_pack(int8_t *packed, const int8_t *w, size_t c, size_t groups)
{
    const size_t blocks = (c + CONV_DW_I8_BLOCK - 1) / CONV_DW_I8_BLOCK;
    memset(packed, 0, blocks * groups * CONV_DW_I8_BLOCK * 4);
    for (size_t i = 0; i < c; i++) {
        const size_t lane = conv_dw_i8_order(i) % CONV_DW_I8_BLOCK;
        int8_t *block = packed + i / CONV_DW_I8_BLOCK * groups * CONV_DW_I8_BLOCK * 4;
        for (size_t g = 0; g < groups; g++)
            memcpy(block + (g * CONV_DW_I8_BLOCK + lane) * 4, w + (i * groups + g) * 4, 4);
    }
}
