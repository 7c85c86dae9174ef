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
}

/* By the three steps of the definition, each rounded to f32. */
static uint8_t combined_by_steps(uint8_t a, uint8_t b, const binary_i8_args *p, bool to_signed)
{
    const float x = (float)((p->a.is_signed ? (int8_t)a : a) - p->a.zero) * p->a.scale;
    const float y = (float)((p->b.is_signed ? (int8_t)b : b) - p->b.zero) * p->b.scale;
    const float v = p->fn == BINARY_I8_ADD ? x + y : p->fn == BINARY_I8_SUB ? x - y : x * y;
    const uint8_t q = clipped(rint((double)(v / p->scale)), p->zero, to_signed);
    const int32_t at = to_signed ? (int8_t)q : q;
    const int32_t low = (int32_t)p->low + p->zero, high = (int32_t)p->high + p->zero;
    return (uint8_t)(at < low ? low : at > high ? high : at);
}

static void check_binary_i8(binary_i8_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 120; i++) {
        const size_t n = i < 72 ? i / 2 : check_pick(36, 3000);
        const bool to_signed = i % 2, relu = i % 3 == 0;
        binary_i8_args p = {.fn = (binary_i8_kind)(i % 3), .scale = i % 5 ? 0.0731f : 0.25f};
        p.a = (binary_i8_operand){0.125f, 0, i % 4 < 2, i % 7 != 0};
        p.b = (binary_i8_operand){i % 5 ? 0.031f : 0.5f, 0, i % 8 < 4, i % 7 != 1};
        p.a.zero = zero_of(p.a.is_signed);
        p.b.zero = zero_of(p.b.is_signed);
        p.zero = zero_of(to_signed);
        const int32_t low = to_signed ? -128 : 0;
        p.low = relu ? 0 : (float)(low - p.zero);
        p.high = (float)(low + 255 - p.zero);
        if (!check_next(needs, name, "%zu, fn %d, steps %zu %zu, zeros %d %d %d", n, (int)p.fn,
                        p.a.step, p.b.step, p.a.zero, p.b.zero, p.zero))
            continue;
        const uint8_t *a = check_bytes(p.a.step ? n : 1), *b = check_bytes(p.b.step ? n : 1);
        uint8_t *want = check_bytes(n), *got = check_bytes(n);
        for (size_t k = 0; k < n; k++)
            want[k] = combined_by_steps(a[k * p.a.step], b[k * p.b.step], &p, to_signed);
        fn(got, a, b, n, &p);
        check_same(want, got, n);
    }
}

/* Every pair of bytes, with scales that leave quotients near halves, and with scales past what is
 * multiplied instead of divided. */
static void check_all_pairs(binary_i8_fn *fn, const char *name, uint32_t needs)
{
    enum { PAIRS = 1 << 16 };
    static const float scales[][3] = {{0.02f, 0.03f, 0.04f},         {0.1f, 0.7f, 0.3f},
                                      {0.5f, 0.25f, 0x1.fffffep-1f}, {0x1.fffffep0f, 0.75f, 1.5f},
                                      {1e-20f, 3e-20f, 2e-20f},      {1e30f, 1e29f, 1e31f},
                                      {3e-38f, 1e-38f, 2e-38f},      {1e30f, 1e30f, 1e-30f}};
    for (size_t i = 0; i < 3 * IG_LEN(scales); i++) {
        const float *scale = scales[i / 3];
        binary_i8_args p = {.fn = (binary_i8_kind)(i % 3), .scale = scale[2], .zero = 7};
        p.a = (binary_i8_operand){scale[0], 3, i % 2, 1};
        p.b = (binary_i8_operand){scale[1], 100, i % 5 == 0, 1};
        p.low = -7;
        p.high = 248;
        if (!check_next(needs, name, "all pairs, fn %d, scales %g %g %g", (int)p.fn,
                        (double)scale[0], (double)scale[1], (double)scale[2]))
            continue;
        uint8_t *a = check_bytes(PAIRS), *b = check_bytes(PAIRS);
        uint8_t *want = check_bytes(PAIRS), *got = check_bytes(PAIRS);
        for (size_t k = 0; k < PAIRS; k++) {
            a[k] = (uint8_t)(k >> 8);
            b[k] = (uint8_t)k;
            want[k] = combined_by_steps(a[k], b[k], &p, false);
        }
        fn(got, a, b, PAIRS, &p);
        check_same(want, got, PAIRS);
        uint8_t *y = i % 2 ? a : b; /* in place */
        fn(y, a, b, PAIRS, &p);
        check_same(want, y, PAIRS);
    }
}

static void check_max_i8(max_i8_fn *fn, const char *name, uint32_t needs)
{
    enum { TAPS = 20 };
    for (size_t i = 0; i < 80; i++) {
        const size_t n = i < 70 ? i : check_pick(70, 300), taps = check_pick(0, TAPS);
        const bool is_signed = i % 2;
        if (!check_next(needs, name, "%zu channels, %zu taps of %c8", n, taps,
                        is_signed ? 's' : 'u'))
            continue;
        const uint8_t *x[TAPS];
        for (size_t t = 0; t < taps; t++) x[t] = check_bytes(n);
        uint8_t *want = check_bytes(n), *got = check_bytes(n);
        for (size_t k = 0; k < n; k++) {
            int32_t most = is_signed ? -128 : 0;
            for (size_t t = 0; t < taps; t++)
                most = IG_MAX(most, is_signed ? (int8_t)x[t][k] : x[t][k]);
            want[k] = (uint8_t)most;
        }
        fn(got, x, taps, n, is_signed);
        check_same(want, got, n);
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
#define K(family, fn, needs) check_range(fn, #fn, needs);
#include "kernels/quant/range_f32.kern"
#undef K
#define K(family, fn, needs)         \
    check_binary_i8(fn, #fn, needs); \
    check_all_pairs(fn, #fn, needs);
#include "kernels/quant/binary_i8.kern"
#undef K
#define K(family, fn, needs) check_max_i8(fn, #fn, needs);
#include "kernels/quant/max_i8.kern"
#undef K
}
