/* conv_dw_i8_ref.c - the scalar truth of the depthwise convolution of bytes. */
#include "kernels/conv_i8/conv_dw_i8.h"
#include "kernels/gemm_i8/i8_finish_ref.h"

void conv_dw_i8_ref(const conv_dw_i8_args *p, size_t pixels)
{
    const size_t groups = (p->n_taps + 3) / 4;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *const *taps = p->taps + i * groups * 4;
        for (size_t c = 0; c < p->c; c++) {
            const size_t at = conv_dw_i8_order(c), block = c / CONV_DW_I8_BLOCK;
            const int8_t *w =
                p->w + (block * groups * CONV_DW_I8_BLOCK + at % CONV_DW_I8_BLOCK) * 4;
            int32_t acc = p->finish.start[at];
            for (size_t t = 0; t < p->n_taps; t++)
                acc += (taps[t][c] ^ p->flip) * w[t / 4 * CONV_DW_I8_BLOCK * 4 + t % 4];
            i8_finish_one(&p->finish, p->y, i * p->y_row + c, acc, at);
        }
    }
}
