/* softmax_body.h - softmax over the sixteen-lane vector of the including file.
 *
 * Bound by exp: about 20 instructions for sixteen elements. Three passes over a row that stays in
 * L1: z and its top; exp and its sum; the division. */
#include "kernels/softmax/softmax.h"
#include "kernels/softmax/softmax_rows.h"

void IG_ISA(softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                         size_t rows, size_t cols, float scale)
{
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        const float top = shift_row(y, x, mask ? mask + r * mask_stride : NULL, cols, scale);
        scale_row(y, cols, vf_set(1.0f / exp_row(y, cols, top, true)));
    }
}

void IG_ISA(log_softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                             size_t rows, size_t cols, float scale)
{
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        const float top = shift_row(y, x, mask ? mask + r * mask_stride : NULL, cols, scale);
        const float sum = exp_row(y, cols, top, false);
        lower_row(y, cols, vf_set(top), vf_log(vf_set(sum)));
    }
}
