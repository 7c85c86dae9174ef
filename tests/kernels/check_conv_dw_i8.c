/* check_conv_dw_i8.c - the depthwise convolution of bytes against plain sums: all tails of
 * channels, windows of any taps and in columns, results, and extremes. */
#include "tests/kernels/kernel_check.h"
#include "kernels/conv_i8/conv_dw_i8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t pixels, c, groups;
    i8_to to;
    bool to_signed, x_signed, bias, extreme;
    size_t step; /* columns from window to window; 0: windows of any taps */
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
                       .zero = zero,
                       .small = d->bias};
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

/* Weights [c, 4 * groups]; the fourth of a column is 0. */
static int8_t *weights_of(const dw_case *d)
{
    const size_t n = 4 * d->groups;
    int8_t *w = check_bytes(d->c * n);
    for (size_t i = 0; i < d->c * n; i++) {
        if (d->extreme) w[i] = w[i] < 0 ? -128 : 127;
        if (d->step && i % 4 == 3) w[i] = 0;
    }
    return w;
}

/* Pointers into `rows` rows: at random, or columns of three that windows side by side share. */
static const uint8_t **taps_of(const dw_case *d, size_t rows)
{
    const size_t n = 4 * d->groups;
    const uint8_t **taps = calloc(d->pixels * n + 1, sizeof *taps), *row[16];
    for (size_t i = 0; i < rows; i++) {
        uint8_t *bytes = check_bytes(d->c);
        if (d->extreme && d->c) memset(bytes, i ? 0xff : 0x80, d->c);
        row[i] = bytes;
    }
    for (size_t i = 0; i < d->pixels * n; i++) {
        const size_t column = i / n * d->step + i % n / 4;
        taps[i] = row[d->step ? (column * 5 + i % 4) % rows : check_pick(0, rows - 1)];
        if (d->step && i % 4 == 3) taps[i] = NULL; /* not read */
    }
    return taps;
}

static void check_case(conv_dw_i8_fn *fn, const dw_case *d)
{
    const size_t n = 4 * d->groups, c64 = (d->c + 63) / 64 * 64, y_row = d->c + 5;
    const int32_t zero = (int32_t)check_pick(0, 255) - (d->to_signed ? 128 : 0);
    size_t bytes;
    check_true(ig_conv_dw_i8_bytes(d->c, d->groups, &bytes), "bytes");
    int8_t *w = weights_of(d), *packed = check_bytes(bytes);
    ig_conv_dw_i8_pack(packed, w, d->c, d->groups);
    const columns plain = columns_of(d->c), ordered = columns_of(c64);
    const i8_finish f = finish_of(d, &plain, &ordered, zero);
    const uint8_t **taps = taps_of(d, 11);
    const size_t each = i8_finish_bytes(&f), y_bytes = d->pixels * y_row * each;
    uint8_t *want = check_bytes(y_bytes), *got = check_bytes(y_bytes);
    if (y_bytes) memset(want, 7, y_bytes), memset(got, 7, y_bytes);
    const conv_dw_i8_args p = {.y = got,
                               .taps = taps,
                               .w = packed,
                               .finish = f,
                               .groups = d->groups,
                               .columns = d->step > 0,
                               .c = d->c,
                               .y_row = y_row,
                               .flip = d->x_signed ? 0x80 : 0};
    fn(&p, d->pixels);
    for (size_t i = 0; i < d->pixels; i++)
        for (size_t c = 0; c < d->c; c++) {
            int32_t acc = plain.start[c];
            for (size_t t = 0; t < n; t++) {
                if (!taps[i * n + t]) continue;
                const uint8_t x = taps[i * n + t][c];
                acc += (d->x_signed ? (int8_t)x + 128 : x) * w[c * n + t];
            }
            expect(d, &plain, &f, want + (i * y_row + c) * each, acc, c);
        }
    check_same(want, got, y_bytes);
    free(taps);
}

static void check_one(conv_dw_i8_fn *fn, const char *name, uint32_t needs)
{
    static const char *const to[] = {"i32", "f32", "bytes"};
    for (size_t i = 0; i < 140; i++) {
        dw_case d = {.pixels = check_pick(0, 6),
                     .c = i < 70 ? i : check_pick(1, 300),
                     .groups = check_pick(1, 7),
                     .to = (i8_to)check_pick(0, 2),
                     .to_signed = check_pick(0, 1),
                     .x_signed = check_pick(0, 1),
                     .bias = check_pick(0, 1),
                     .extreme = check_pick(0, 1)};
        const size_t step = check_pick(1, 3);
        if (i % 2) d.step = step, d.groups = 3;
        if (check_next(needs, name, "%zux%zu, %zu groups of %c8 to %c %s%s, step %zu", d.pixels,
                       d.c, d.groups, d.x_signed ? 's' : 'u', d.to_signed ? 's' : 'u', to[d.to],
                       d.extreme ? " extreme" : "", d.step))
            check_case(fn, &d);
    }
}

void check_conv_dw_i8(void);
void check_conv_dw_i8(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/conv_i8/conv_dw_i8.kern"
#undef K
}
