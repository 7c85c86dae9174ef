/* check_conv_dw_i8.c - the depthwise convolution of bytes against plain sums: all tails of
 * channels, numbers of taps, results, and extremes. */
#include "tests/kernels/kernel_check.h"
#include "kernels/conv_i8/conv_dw_i8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t pixels, c, taps;
    i8_to to;
    bool to_signed, x_signed, bias, extreme;
} dw_case;

typedef struct {
    int32_t *start;
    float *scale, *bias;
} columns;

/* The same numbers by channel and in the order of the blocks. */
static i8_finish finish_of(const dw_case *d, const columns *plain, const columns *ordered,
                           int32_t zero)
{
    for (size_t c = 0; c < d->c; c++) {
        const size_t at = conv_dw_i8_order(c);
        ordered->start[at] = plain->start[c];
        ordered->scale[at] = plain->scale[c];
        ordered->bias[at] = plain->bias[c];
    }
    const int32_t low = d->to_signed ? -128 : 0;
    return (i8_finish){.to = d->to,
                       .to_signed = d->to_signed,
                       .start = ordered->start,
                       .scale = ordered->scale,
                       .bias = d->bias ? ordered->bias : NULL,
                       .low = (float)(low - zero),
                       .high = (float)(low + 255 - zero),
                       .zero = zero};
}

static columns columns_of(size_t n)
{
    return (columns){check_i32(n, -9999, 9999), check_f32(n, 1e-4f, 0.01f), check_f32(n, -20, 20)};
}

static void expect(const dw_case *d, const columns *n, const i8_finish *f, uint8_t *y, int32_t acc,
                   size_t c)
{
    const float product = (float)acc * n->scale[c], v = d->bias ? product + n->bias[c] : product;
    if (d->to == I8_TO_I32) memcpy(y, &acc, 4);
    if (d->to == I8_TO_F32) memcpy(y, &v, 4);
    if (d->to == I8_TO_BYTES)
        *y = (uint8_t)((int32_t)fminf(fmaxf(rintf(v), f->low), f->high) + f->zero);
}

static void check_case(conv_dw_i8_fn *fn, const dw_case *d)
{
    const size_t t4 = (d->taps + 3) / 4 * 4, c64 = (d->c + 63) / 64 * 64, y_row = d->c + 5;
    const int32_t zero = (int32_t)check_pick(0, 255) - (d->to_signed ? 128 : 0);
    size_t bytes;
    check_true(ig_conv_dw_i8_bytes(d->c, d->taps, &bytes), "bytes");
    int8_t *w = check_bytes(d->c * d->taps), *packed = check_bytes(bytes);
    int32_t *sums = check_i32(c64, 0, 0);
    for (size_t i = 0; d->extreme && i < d->c * d->taps; i++) w[i] = w[i] < 0 ? -128 : 127;
    ig_conv_dw_i8_pack(packed, sums, w, d->c, d->taps);
    const columns plain = columns_of(d->c), ordered = columns_of(c64);
    const i8_finish f = finish_of(d, &plain, &ordered, zero);
    const uint8_t **taps = calloc(d->pixels * t4 + 1, sizeof *taps);
    uint8_t *rows[3];
    for (size_t i = 0; i < IG_LEN(rows); i++) {
        rows[i] = check_bytes(d->c);
        if (d->extreme) memset(rows[i], i ? 0xff : 0x80, d->c);
    }
    for (size_t i = 0; i < d->pixels * t4; i++) taps[i] = rows[check_pick(0, IG_LEN(rows) - 1)];
    const size_t each = i8_finish_bytes(&f), y_bytes = d->pixels * y_row * each;
    uint8_t *want = check_bytes(y_bytes), *got = check_bytes(y_bytes);
    memset(want, 7, y_bytes);
    memset(got, 7, y_bytes);
    const conv_dw_i8_args p = {.y = got,
                               .taps = taps,
                               .w = packed,
                               .finish = f,
                               .n_taps = d->taps,
                               .c = d->c,
                               .y_row = y_row,
                               .flip = d->x_signed ? 0x80 : 0};
    fn(&p, d->pixels);
    for (size_t i = 0; i < d->pixels; i++)
        for (size_t c = 0; c < d->c; c++) {
            int32_t acc = plain.start[c];
            for (size_t t = 0; t < d->taps; t++) {
                const uint8_t x = taps[i * t4 + t][c];
                acc += (d->x_signed ? (int8_t)x + 128 : x) * w[c * d->taps + t];
            }
            expect(d, &plain, &f, want + (i * y_row + c) * each, acc, c);
        }
    check_same(want, got, y_bytes);
    free(taps);
}

static void bench_case(conv_dw_i8_fn *fn, size_t pixels, size_t c, size_t n_taps)
{
    const dw_case d = {.c = c, .to = I8_TO_BYTES};
    const size_t t4 = (n_taps + 3) / 4 * 4, c64 = (c + 63) / 64 * 64;
    size_t bytes;
    check_true(ig_conv_dw_i8_bytes(c, n_taps, &bytes), "bytes");
    int8_t *packed = check_bytes(bytes);
    uint8_t *x = check_bytes((pixels + t4) * c), *y = check_bytes(pixels * c);
    const columns plain = columns_of(c), ordered = columns_of(c64);
    const i8_finish f = finish_of(&d, &plain, &ordered, 10);
    const uint8_t **taps = calloc(pixels * t4 + 1, sizeof *taps);
    for (size_t i = 0; i < pixels * t4; i++) taps[i] = x + (i / t4 + i % t4) * c;
    const conv_dw_i8_args p = {
        .y = y, .taps = taps, .w = packed, .finish = f, .n_taps = n_taps, .c = c, .y_row = c};
    check_bench(2.0 * (double)(pixels * c * n_taps), 2.0 * (double)(pixels * c), fn(&p, pixels));
    free(taps);
}

static void check_one(conv_dw_i8_fn *fn, const char *name, uint32_t needs)
{
    static const char *const to[] = {"i32", "f32", "bytes"};
    for (size_t i = 0; i < 100; i++) {
        const dw_case d = {.pixels = check_pick(0, 5),
                           .c = i < 70 ? i : check_pick(1, 300),
                           .taps = check_pick(1, 27),
                           .to = (i8_to)check_pick(0, 2),
                           .to_signed = check_pick(0, 1),
                           .x_signed = check_pick(0, 1),
                           .bias = check_pick(0, 1),
                           .extreme = check_pick(0, 1)};
        if (check_next(needs, name, "%zux%zu, %zu taps of %c8 to %c %s%s", d.pixels, d.c, d.taps,
                       d.x_signed ? 's' : 'u', d.to_signed ? 's' : 'u', to[d.to],
                       d.extreme ? " extreme" : ""))
            check_case(fn, &d);
    }
    static const size_t sizes[][3] = {{112, 32, 9}, {56, 144, 9}, {28, 240, 25}, {14, 672, 25}};
    for (size_t i = 0; i < IG_LEN(sizes); i++)
        if (check_next(needs, name, "bench %zux%zu, %zu taps", sizes[i][0], sizes[i][1],
                       sizes[i][2]))
            bench_case(fn, sizes[i][0], sizes[i][1], sizes[i][2]);
}

void check_conv_dw_i8(void);
void check_conv_dw_i8(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/conv_i8/conv_dw_i8.kern"
#undef K
}
