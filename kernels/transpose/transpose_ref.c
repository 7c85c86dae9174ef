/* transpose_ref.c - transposes, one element after the other. */
#include "kernels/transpose/transpose.h"

#define TRANSPOSE(name, type)                                      \
    void name(void *y, const void *x, const transpose_shape *s)    \
    {                                                              \
        for (size_t b = 0; b < s->batch; b++) {                    \
            type *to = (type *)y + b * s->y_batch;                 \
            const type *from = (const type *)x + b * s->x_batch;   \
            for (size_t c = 0; c < s->cols; c++)                   \
                for (size_t r = 0; r < s->rows; r++)               \
                    to[c * s->y_row + r] = from[r * s->x_row + c]; \
        }                                                          \
    }

TRANSPOSE(transpose_b1_ref, uint8_t)
TRANSPOSE(transpose_b2_ref, uint16_t)
TRANSPOSE(transpose_b4_ref, uint32_t)
TRANSPOSE(transpose_b8_ref, uint64_t)
