/* half_ref.c - the scalar truth of half.h. */
#include "kernels/half/half.h"
#include "runtime/base/half.h"

void widen_f16_ref(float *y, const uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = ig_f16_to_f32(x[i]);
}

void widen_bf16_ref(float *y, const uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = ig_bf16_to_f32(x[i]);
}

void narrow_f16_ref(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = ig_f32_to_f16(x[i]);
}

void narrow_bf16_ref(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = ig_f32_to_bf16(x[i]);
}
