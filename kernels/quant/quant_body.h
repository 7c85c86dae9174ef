/* quant_body.h - the loops of quant.h, compiled with the flags of the including file's ISA.
 *
 * A float is clipped before it becomes an integer, so the conversion is always defined. The bounds
 * have the zero point taken off, which is exact: they are small integers. */
#include "kernels/quant/quant.h"

#include <math.h>
#include <string.h>

#define QUANT_INLINE static inline __attribute__((always_inline))

typedef struct {
    float low, high;
} bounds;

QUANT_INLINE bounds bounds_of(int32_t zero, bool to_signed)
{
    const int32_t low = to_signed ? -128 : 0;
    return (bounds){(float)(low - zero), (float)(low + 255 - zero)};
}

/* The order of the comparisons sends NaN to the lowest value. */
QUANT_INLINE int32_t rounded(float v, bounds b)
{
    const float r = rintf(v);
    const float above = r > b.low ? r : b.low;
    return (int32_t)(above < b.high ? above : b.high);
}

void IG_ISA(quantize_f32)(uint8_t *restrict y, const float *restrict x, size_t n, float scale,
                          int32_t zero, bool to_signed)
{
    const bounds b = bounds_of(zero, to_signed); /* the low byte is right for both signs */
    for (size_t i = 0; i < n; i++) y[i] = (uint8_t)(rounded(x[i] / scale, b) + zero);
}

void IG_ISA(dequantize_f32)(float *restrict y, const uint8_t *restrict x, size_t n, float scale,
                            int32_t zero, bool from_signed)
{
    const uint8_t flip = from_signed ? 0x80 : 0; /* s8 + 128 is the sign bit flipped */
    const int32_t shift = zero + (from_signed ? 128 : 0);
    for (size_t i = 0; i < n; i++) y[i] = (float)((int32_t)(x[i] ^ flip) - shift) * scale;
}

void IG_ISA(requantize_i32)(uint8_t *restrict y, const int32_t *restrict acc,
                            const float *restrict scale, size_t step, size_t n, int32_t zero,
                            bool to_signed)
{
    const bounds b = bounds_of(zero, to_signed);
    const float one = n ? scale[0] : 0;
    if (step)
        for (size_t i = 0; i < n; i++)
            y[i] = (uint8_t)(rounded((float)acc[i] * scale[i], b) + zero);
    else
        for (size_t i = 0; i < n; i++) y[i] = (uint8_t)(rounded((float)acc[i] * one, b) + zero);
}

void IG_ISA(scale_i32)(float *restrict y, const int32_t *restrict acc, const float *restrict scale,
                       size_t step, const float *restrict bias, size_t n)
{
    const float one = n ? scale[0] : 0;
    if (step)
        for (size_t i = 0; i < n; i++) y[i] = (float)acc[i] * scale[i];
    else
        for (size_t i = 0; i < n; i++) y[i] = (float)acc[i] * one;
    if (!bias) return;
    for (size_t i = 0; i < n; i++) y[i] += bias[i];
}

/* The second operand of vf_min and vf_max stays where the first is a NaN. */
void IG_ISA(range_f32)(float *low, float *high, const float *x, size_t n)
{
    const vf zero = vf_set(0.0f);
    vf l[2] = {zero, zero}, h[2] = {zero, zero};
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (size_t k = 0; k < 2; k++) {
            const vf v = vf_load(x + i + 16 * k);
            l[k] = vf_min(v, l[k]);
            h[k] = vf_max(v, h[k]);
        }
    for (; i < n; i += 16) {
        const vf v = n - i < 16 ? vf_load_n(x + i, n - i, zero) : vf_load(x + i);
        l[0] = vf_min(v, l[0]);
        h[0] = vf_max(v, h[0]);
    }
    *low = -vf_top(vf_neg(vf_min(l[0], l[1])));
    *high = vf_top(vf_max(h[0], h[1]));
}

/* Sixteen sums stay in registers over all taps. The compiler's own vectors, for it does not find
 * them in a loop. */
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int16_t i16x16 __attribute__((vector_size(32)));
typedef int32_t i32x16 __attribute__((vector_size(64)));

void IG_ISA(dw_i8)(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, size_t taps,
                   size_t n, uint8_t flip, int16_t zero)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        i32x16 sum = {0};
        for (size_t t = 0; t < taps; t++) {
            u8x16 a;
            i16x16 b;
            memcpy(&a, x[t] + i, sizeof a);
            memcpy(&b, w[t] + i, sizeof b);
            sum += (__builtin_convertvector(a ^ flip, i32x16) - zero) *
                   __builtin_convertvector(b, i32x16);
        }
        memcpy(acc + i, &sum, sizeof sum);
    }
    for (; i < n; i++) {
        acc[i] = 0;
        for (size_t t = 0; t < taps; t++)
            acc[i] += ((int32_t)(uint8_t)(x[t][i] ^ flip) - zero) * w[t][i];
    }
}
