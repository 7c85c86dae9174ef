/* conv_dw_i8_ref.c - the scalar truth of the depthwise convolution of bytes. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_ref.h"

void conv_dw_i8_ref(const conv_dw_i8_args *p, size_t pixels)
{
    const size_t taps = 4 * p->groups;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *const *from = p->taps + i * taps;
        for (size_t c = 0; c < p->c; c++) {
            const size_t at = conv_dw_i8_order(c), block = c / CONV_DW_I8_BLOCK;
            const int8_t *w = p->w + (block * p->groups * CONV_DW_I8_BLOCK + at % 64) * 4;
            int32_t acc = p->finish.start[at];
            for (size_t t = 0; t < taps; t++) {
                const int8_t by = w[t / 4 * CONV_DW_I8_BLOCK * 4 + t % 4];
                if (by) acc += (from[t][c] ^ p->flip) * by;
            }
            i8_finish_one(&p->finish, p->y, i * p->y_row + c, acc, at);
        }
    }
}
