/* conv_dw_i8.h - depthwise convolution of bytes, channels side by side, exact in 32 bits.
 *
 *     y[p, c] = finish(sum over taps t of (x[p][t][c] ^ flip) * w[t][c])
 *
 * x is unsigned once flipped (s8 + 128), the weights are signed and symmetric; the zero point of x
 * is in finish.start, so taps in the padding point to a row of that zero point. A call makes pixels
 * of one image; each has a list of pointers to its taps, because that is all that stride, dilation
 * and padding change.
 *
 * Taps come in groups of four; those that are left over have weight 0 and are read all the same.
 * Windows of 3 x 3 come as three groups, one a column of the window, of three taps each (columns =
 * true): then the fourth is not read, and what pixels side by side have in common is loaded once.
 *
 * Weights: blocks of 64 channels, in each block the groups of taps, in each group 64 dwords of one
 * channel's four taps. The dwords of a block are ordered as the bytes of four tap vectors come out
 * of two rounds of unpacking: dword 16 q + 4 l + j belongs to channel 16 l + 4 q + j. The arrays of
 * finish have that order too (conv_dw_i8_order).
 *
 * Class E. Threads: pure; split pixels anywhere. */
#ifndef IG_CONV_DW_I8_H
#define IG_CONV_DW_I8_H

#include "kernels/cpu.h"
#include "kernels/gemm_i8/i8_finish.h"

enum { CONV_DW_I8_BLOCK = 64 };

typedef struct {
    void *y;                    /* [pixels, c], rows y_row elements apart */
    const uint8_t *const *taps; /* [pixels, groups, 4]: channel 0 of each tap */
    const int8_t *w;            /* packed */
    i8_finish finish;           /* arrays [c rounded up to 64] in the order of the blocks */
    size_t groups, c, y_row;
    bool columns;
    uint8_t flip; /* 0x80: x is s8 */
} conv_dw_i8_args;

typedef void conv_dw_i8_fn(const conv_dw_i8_args *p, size_t pixels);

/* Where channel c is in the arrays of finish. */
static inline size_t conv_dw_i8_order(size_t c)
{
    return c / 64 * 64 + c % 16 / 4 * 16 + c % 64 / 16 * 4 + c % 4;
}

/* Bytes of packed weights; false when they do not fit size_t. */
bool ig_conv_dw_i8_bytes(size_t c, size_t groups, size_t *bytes);

/* ig_conv_dw_i8_pack - w [c, 4 * groups] into packed weights. */
void ig_conv_dw_i8_pack(int8_t *packed, const int8_t *w, size_t c, size_t groups);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/conv_i8/conv_dw_i8.kern"
#undef K

conv_dw_i8_fn *ig_conv_dw_i8(void);

#endif
