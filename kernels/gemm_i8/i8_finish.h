/* i8_finish.h - what becomes of the 32-bit sums of a product or convolution of bytes, before they
 * are stored once.
 *
 *     acc = start[n] + the products
 *     I32    y = acc
 *     F32    y = acc * scale[n] + bias[n]
 *     BYTES  y = clip(rint(acc * scale[n] + bias[n]), low, high) + zero
 *
 * The product and the sum are each rounded to f32, rint goes to even, NaN becomes the lowest value:
 * every variant gives the same bits. `start` holds integer biases and what the zero point of the
 * activations contributes; low and high are bounds less the zero point, so a relu or clip between
 * the sum and its quantisation is only a narrower range. */
#ifndef IG_I8_FINISH_H
#define IG_I8_FINISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { I8_TO_I32, I8_TO_F32, I8_TO_BYTES } i8_to;

/* Arrays have one element a column (output channel), padded as the kernel's panels are. */
typedef struct {
    i8_to to;
    bool to_signed;       /* BYTES: s8, else u8 */
    const int32_t *start; /* never NULL */
    const float *scale;   /* not read for I32 */
    const float *bias;    /* NULL: none */
    float low, high;
    int32_t zero;
    bool small; /* BYTES: no acc * scale[n] + bias[n] reaches 2^31 from below, so that conversion to
                   integers needs no clipping before it; false is always right */
} i8_finish;

static inline size_t i8_finish_bytes(const i8_finish *f) { return f->to == I8_TO_BYTES ? 1 : 4; }

#endif
