/* quant_body.h - the loops of quant.h, compiled with the flags of the including file's ISA.
 *
 * A float is clipped before it becomes an integer, so the conversion is always defined. The bounds
 * have the zero point taken off, which is exact: they are small integers. */
#include "kernels/quant/quant.h"

#include <math.h>

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

QUANT_INLINE uint8_t larger(uint8_t a, uint8_t b) { return a > b ? a : b; }

/* Of nine inputs, or of fewer that are repeated: a window of 3 x 3 in one pass. y may be one of
 * them. flip: 0x80 takes the sign bit of s8 for the largest. */
QUANT_INLINE void largest(uint8_t *y, const uint8_t *const *from, size_t n, uint8_t flip)
{
    const uint8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3], *e = from[4];
    const uint8_t *f = from[5], *g = from[6], *h = from[7], *k = from[8];
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        const uint8_t ab = larger(a[i] ^ flip, b[i] ^ flip), cd = larger(c[i] ^ flip, d[i] ^ flip);
        const uint8_t ef = larger(e[i] ^ flip, f[i] ^ flip), gh = larger(g[i] ^ flip, h[i] ^ flip);
        const uint8_t most = larger(larger(ab, cd), larger(ef, gh));
        y[i] = larger(most, k[i] ^ flip) ^ flip;
    }
}

void IG_ISA(max_i8)(uint8_t *y, const uint8_t *const *x, size_t taps, size_t n, bool is_signed)
{
    if (!taps) {
        for (size_t i = 0; i < n; i++) y[i] = is_signed ? 0x80 : 0;
        return;
    }
    const uint8_t *from[9] = {x[0]};
    for (size_t t = 1; t == 1 || t < taps; t += 8) {
        for (size_t i = 0; i < 8; i++) from[i + 1] = t + i < taps ? x[t + i] : from[0];
        if (is_signed)
            largest(y, from, n, 0x80);
        else
            largest(y, from, n, 0);
        from[0] = y;
    }
}
