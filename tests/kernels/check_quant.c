/* check_quant.c - quantisation: every variant bit for bit against the definition in double, at ties
 * and beyond the range, with every sign. */
#include "tests/kernels/kernel_check.h"
#include "kernels/quant/quant.h"

#include <math.h>

static uint8_t clipped(double v, int32_t zero, bool is_signed)
{
    const int32_t low = is_signed ? -128 : 0, high = low + 255;
    if (!(v > (double)low - zero)) return (uint8_t)low;
    return (uint8_t)(v > (double)high - zero ? high : (int32_t)v + zero);
}

static int32_t zero_of(bool is_signed)
{
    return (int32_t)check_pick(0, 255) - (is_signed ? 128 : 0);
}

/* Halves of a scale of a power of two are ties. */
static void check_quantize(quantize_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000);
        const bool ties = i % 2, to_signed = i % 4 < 2;
        const int32_t zero = zero_of(to_signed);
        if (!check_next(needs, name, "%zu%s, zero %d", n, ties ? " ties" : "", zero)) continue;
        float *x = ties ? check_f32(n, -300, 300) : check_f32_wild(n);
        const float scale = ties ? 0.25f : 0.731f;
        for (size_t k = 0; k < n && ties; k++) x[k] = rintf(x[k] * 2) / 2 * scale;
        uint8_t *want = check_bytes(n), *got = check_bytes(n);
        for (size_t k = 0; k < n; k++)
            want[k] = clipped(rint((double)(x[k] / scale)), zero, to_signed);
        fn(got, x, n, scale, zero, to_signed);
        check_same(want, got, n);
    }
    if (check_next(needs, name, "bench 16384")) {
        float *x = check_f32(16384, -3, 3);
        uint8_t *y = check_bytes(16384);
        check_bench(16384.0, 5 * 16384.0, fn(y, x, 16384, 0.03f, 120, false));
    }
}

static void check_dequantize(dequantize_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000);
        const bool from_signed = i % 2;
        const int32_t zero = zero_of(from_signed);
        if (!check_next(needs, name, "%zu, zero %d", n, zero)) continue;
        const uint8_t *x = check_bytes(n);
        float *want = check_out_f32(n), *got = check_out_f32(n);
        for (size_t k = 0; k < n; k++)
            want[k] = (float)((from_signed ? (int8_t)x[k] : x[k]) - zero) * 0.0173f;
        fn(got, x, n, 0.0173f, zero, from_signed);
        check_same_f32(want, got, n);
    }
    if (check_next(needs, name, "bench 16384")) {
        float *y = check_out_f32(16384);
        const uint8_t *x = check_bytes(16384);
        check_bench(2 * 16384.0, 5 * 16384.0, fn(y, x, 16384, 0.03f, 120, false));
    }
}

static void check_requantize(requantize_i32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000), step = i % 2;
        const bool to_signed = i % 4 < 2;
        const int32_t zero = zero_of(to_signed);
        if (!check_next(needs, name, "%zu step %zu, zero %d", n, step, zero)) continue;
        const int32_t *acc = check_i32(n, -100000, 100000);
        const float *scale = check_f32(step ? n : 1, 0.001f, 0.01f);
        uint8_t *want = check_bytes(n), *got = check_bytes(n);
        for (size_t k = 0; k < n; k++)
            want[k] = clipped(rint((double)((float)acc[k] * scale[k * step])), zero, to_signed);
        fn(got, acc, scale, step, n, zero, to_signed);
        check_same(want, got, n);
    }
}

static void check_scale(scale_i32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000), step = i % 2;
        if (!check_next(needs, name, "%zu step %zu%s", n, step, i % 4 < 2 ? " bias" : "")) continue;
        const int32_t *acc = check_i32(n, -1000000, 1000000);
        const float *scale = check_f32(step ? n : 1, 0.001f, 0.01f), *bias = check_f32(n, -9, 9);
        float *want = check_out_f32(n), *got = check_out_f32(n);
        for (size_t k = 0; k < n; k++) {
            want[k] = (float)acc[k] * scale[k * step];
            if (i % 4 < 2) want[k] += bias[k];
        }
        fn(got, acc, scale, step, i % 4 < 2 ? bias : NULL, n);
        check_same_f32(want, got, n);
    }
}

static void check_range(range_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 3000);
        if (!check_next(needs, name, "%zu", n)) continue;
        const float *x = i % 2 ? check_f32_wild(n) : check_f32(n, i % 3 ? -5 : 1, i % 5 ? 5 : -1);
        float want[2] = {0, 0}, *got = check_out_f32(2);
        for (size_t k = 0; k < n; k++) {
            if (x[k] < want[0]) want[0] = x[k];
            if (x[k] > want[1]) want[1] = x[k];
        }
        fn(&got[0], &got[1], x, n);
        check_true(got[0] == want[0] && got[1] == want[1], "%g .. %g, not %g .. %g", (double)got[0],
                   (double)got[1], (double)want[0], (double)want[1]);
    }
    if (check_next(needs, name, "bench 16384")) {
        float *x = check_f32(16384, -3, 3), y[2];
        check_bench(2 * 16384.0, 4 * 16384.0, fn(&y[0], &y[1], x, 16384));
    }
}

static void check_dw(dw_i8_fn *fn, const char *name, uint32_t needs)
{
    enum { TAPS = 9 };
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 36 ? i : check_pick(36, 300), taps = check_pick(0, TAPS);
        const bool is_signed = i % 2;
        const uint8_t flip = is_signed ? 0x80 : 0;
        const int16_t zero = (int16_t)check_pick(0, 255);
        if (!check_next(needs, name, "%zu channels, %zu taps", n, taps)) continue;
        const uint8_t *x[TAPS];
        const int16_t *w[TAPS];
        for (size_t t = 0; t < TAPS; t++) {
            int16_t *words = check_bytes(n * sizeof *words);
            for (size_t k = 0; k < n; k++) words[k] = (int16_t)(words[k] % 256);
            x[t] = check_bytes(n), w[t] = words;
        }
        int32_t *want = check_i32(n, 0, 0), *got = check_i32(n, 7, 7);
        for (size_t k = 0; k < n; k++)
            for (size_t t = 0; t < taps; t++) want[k] += ((x[t][k] ^ flip) - zero) * w[t][k];
        fn(got, x, w, taps, n, flip, zero);
        check_same(want, got, n * sizeof *got);
    }
}

void check_quant(void);
void check_quant(void)
{
#define K(family, fn, needs) check_quantize(fn, #fn, needs);
#include "kernels/quant/quantize_f32.kern"
#undef K
#define K(family, fn, needs) check_dequantize(fn, #fn, needs);
#include "kernels/quant/dequantize_f32.kern"
#undef K
#define K(family, fn, needs) check_requantize(fn, #fn, needs);
#include "kernels/quant/requantize_i32.kern"
#undef K
#define K(family, fn, needs) check_scale(fn, #fn, needs);
#include "kernels/quant/scale_i32.kern"
#undef K
#define K(family, fn, needs) check_range(fn, #fn, needs);
#include "kernels/quant/range_f32.kern"
#undef K
#define K(family, fn, needs) check_dw(fn, #fn, needs);
#include "kernels/quant/dw_i8.kern"
#undef K
}
