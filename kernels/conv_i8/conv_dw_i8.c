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

bool ig_conv_dw_i8_bytes(size_t c, size_t n_taps, size_t *bytes)
{
    size_t c64, t4;
    return ig_align_ok(c, CONV_DW_I8_BLOCK, &c64) && ig_align_ok(n_taps, 4, &t4) &&
           ig_mul_ok(c64, t4, bytes);
}

void ig_conv_dw_i8_pack(int8_t *packed, int32_t *sums, const int8_t *w, size_t c, size_t n_taps)
{
    const size_t groups = (n_taps + 3) / 4, blocks = (c + CONV_DW_I8_BLOCK - 1) / CONV_DW_I8_BLOCK;
    memset(packed, 0, blocks * groups * CONV_DW_I8_BLOCK * 4);
    memset(sums, 0, blocks * CONV_DW_I8_BLOCK * sizeof *sums);
    for (size_t i = 0; i < c; i++) {
        const size_t at = conv_dw_i8_order(i), lane = at % CONV_DW_I8_BLOCK;
        int8_t *block = packed + i / CONV_DW_I8_BLOCK * groups * CONV_DW_I8_BLOCK * 4;
        for (size_t t = 0; t < n_taps; t++) {
            block[(t / 4 * CONV_DW_I8_BLOCK + lane) * 4 + t % 4] = w[i * n_taps + t];
            sums[at] += w[i * n_taps + t];
        }
    }
}
