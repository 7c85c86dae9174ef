/* i8_finish_ref.h - i8_finish.h one sum after the other: the scalar truth, and the tails. */
#ifndef IG_I8_FINISH_REF_H
#define IG_I8_FINISH_REF_H

#include "kernels/gemm_i8/i8_finish.h"

#include <math.h>
#include <string.h>

/* i8_finish_one - acc with its start, of column n, to element `at` of y. */
static inline void i8_finish_one(const i8_finish *f, void *y, size_t at, int32_t acc, size_t n)
{
    if (f->to == I8_TO_I32) {
        ((int32_t *)y)[at] = acc;
        return;
    }
    float v = (float)acc * f->scale[n];
    if (f->bias) v += f->bias[n];
    if (f->to == I8_TO_F32) {
        ((float *)y)[at] = v;
        return;
    }
    v = rintf(v);
    v = v > f->low ? v : f->low; /* a NaN too */
    v = v < f->high ? v : f->high;
    ((uint8_t *)y)[at] = (uint8_t)((int32_t)v + f->zero); /* the low byte is right for both signs */
}

#endif
