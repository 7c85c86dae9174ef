/* check_gemm_i8.c - every variant against 64-bit sums over the plain matrices, for all four
 * combinations of signs, with zero points, ranges, all kinds of results, and the extremes that make
 * peers saturate. */
#include "tests/kernels/kernel_check.h"
#include "kernels/gemm_i8/gemm_i8.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t m, n, k;
    bool a_signed, w_signed, zeros, extreme, k_major, raw, pieces; /* pieces: of raw rows */
    i8_to to;
} gemm_case;

static int32_t value(const uint8_t *p, size_t i, bool is_signed)
{
    return is_signed ? (int8_t)p[i] : p[i];
}

static uint8_t *operand(size_t n, bool extreme)
{
    uint8_t *p = check_bytes(n);
    static const uint8_t ends[] = {0x80, 0x7f, 0xff, 0x00}; /* -128 127 -1 0 and 128 127 255 0 */
    for (size_t i = 0; i < n && extreme; i++) p[i] = ends[p[i] % 3];
    return p;
}

static int32_t exact(const gemm_case *g, const uint8_t *a, const uint8_t *w, int32_t a_zero,
                     int32_t w_zero, size_t w_step)
{
    int64_t sum = 0;
    for (size_t i = 0; i < g->k; i++)
        sum += (int64_t)(value(a, i, g->a_signed) - a_zero) *
               (value(w, i * w_step, g->w_signed) - w_zero);
    return (int32_t)sum;
}

/* The header's formulas, from the exact sum; floats are compared by their bits. */
static void finish(const i8_finish *f, uint8_t *y, int32_t acc, size_t n)
{
    const float product = (float)acc * f->scale[n], v = f->bias ? product + f->bias[n] : product;
    if (f->to == I8_TO_I32) memcpy(y, &acc, 4);
    if (f->to == I8_TO_F32) memcpy(y, &v, 4);
    if (f->to != I8_TO_BYTES) return;
    const float r = isnan(v) ? f->low : fminf(fmaxf(rintf(v), f->low), f->high);
    const int32_t q = (int32_t)r + f->zero;
    check_true(f->to_signed ? q >= -128 && q <= 127 : q >= 0 && q <= 255, "%d is no byte", q);
    *y = (uint8_t)q;
}

static i8_finish random_finish(const gemm_case *g, size_t n16)
{
    const size_t pick = check_pick(0, 7);
    float *scale = check_f32(n16, 1e-4f, 0.01f), *bias = check_f32(n16, -40, 40);
    if (g->extreme && n16) scale[0] = NAN, scale[n16 / 2] = 3e38f;
    const bool to_signed = pick & 1;
    const int32_t low = to_signed ? -128 : 0, zero = low + (int32_t)check_pick(0, 255);
    const bool relu = pick & 2;
    return (i8_finish){.to = g->to,
                       .to_signed = to_signed,
                       .start = check_i32(n16, -100000, 100000),
                       .scale = scale,
                       .bias = pick & 4 ? bias : NULL,
                       .low = relu ? 0 : (float)(low - zero),
                       .high = (float)(low + 255 - zero),
                       .zero = zero,
                       .small = !g->extreme && pick & 4};
}

/* Of k in fours, about two thirds in pieces. In a row the pieces lie in reverse order, a byte
 * apart. */
static size_t random_pieces(gemm_i8_piece *pieces, size_t k)
{
    size_t n = 0;
    ptrdiff_t at = (ptrdiff_t)(k + k / 4);
    for (size_t k4 = 0, n4; k4 < k / 4; k4 += n4) {
        n4 = check_pick(1, k / 4 - k4);
        if (check_pick(0, 2) == 0) continue;
        at -= 4 * (ptrdiff_t)n4 + 1;
        pieces[n++] = (gemm_i8_piece){at, k4, n4};
    }
    return n;
}

/* Rows of pieces: the sums lack what is in none of them. */
static void check_pieces(gemm_i8_fn *fn, const gemm_case *g)
{
    const size_t m = g->m, n = g->n, k = g->k / 4 * 4, n16 = (n + 15) / 16 * 16, y_row = n + 1;
    const size_t a_row = k + k / 4 + 2;
    size_t panel_bytes;
    check_true(ig_gemm_i8_weight_bytes(n, k, &panel_bytes), "weight bytes");
    const uint8_t *a = operand(m * a_row, g->extreme), *w = operand(n * k, g->extreme);
    int8_t *panels = check_bytes(panel_bytes);
    int32_t *sums = check_i32(n16, 0, 0);
    const i8_finish f = random_finish(g, n16);
    const size_t each = i8_finish_bytes(&f), bytes = m * y_row * each;
    uint8_t *want = check_bytes(bytes), *got = check_bytes(bytes);
    if (bytes) memset(want, 7, bytes), memset(got, 7, bytes);
    gemm_i8_piece pieces[1500 / 4];
    const size_t count = random_pieces(pieces, k);
    ig_gemm_i8_pack_weights(panels, sums, w, true, n, k, k, 1);
    const gemm_i8_args p = {.y = got,
                            .acts = a,
                            .acts_row = a_row,
                            .pieces = pieces,
                            .n_pieces = count,
                            .panels = panels,
                            .finish = f,
                            .n = n,
                            .k = k,
                            .y_row = y_row};
    fn(&p, 0, m / 3, 0, n16 / 16);
    fn(&p, m / 3, m, 0, n16 / 16);
    for (size_t r = 0; r < m; r++)
        for (size_t c = 0; c < n; c++) {
            uint32_t sum = (uint32_t)f.start[c];
            for (size_t i = 0; i < count; i++)
                for (size_t e = 0; e < 4 * pieces[i].n4; e++)
                    sum += (uint32_t)(a[r * a_row + (size_t)pieces[i].at + e] *
                                      (int8_t)w[c * k + 4 * pieces[i].k4 + e]);
            finish(&f, want + (r * y_row + c) * each, (int32_t)sum, c);
        }
    check_same(want, got, bytes);
}

static void check_product(gemm_i8_fn *fn, gemm_i8_acts_fn *pack, const gemm_case *g)
{
    const size_t m = g->m, n = g->n, k = g->k, n16 = (n + 15) / 16 * 16, y_row = n + 3;
    const size_t a_row = k + 1, nk = g->k_major ? 1 : k, kn = g->k_major ? n : 1;
    size_t panel_bytes, act_bytes;
    check_true(ig_gemm_i8_weight_bytes(n, k, &panel_bytes), "weight bytes");
    check_true(ig_gemm_i8_acts_bytes(m, k, &act_bytes), "act bytes");
    const uint8_t *a = operand(m * a_row + 3, g->extreme), *w = operand(n * k, g->extreme);
    int8_t *panels = check_bytes(panel_bytes);
    void *acts = check_bytes(act_bytes);
    int32_t *w_fix = check_i32(n16, 0, 0), *a_sum = check_i32(m, 0, 0);
    int32_t *w_true = check_i32(n16, g->zeros ? -100 : 0, g->zeros ? 100 : 0);
    int32_t *a_true = check_i32(m, g->zeros ? -100 : 0, g->zeros ? 100 : 0);
    int32_t *w_zero = check_i32(n16, 0, 0), *a_zero = check_i32(m, 0, 0);
    const i8_finish f = random_finish(g, n16);
    const size_t each = i8_finish_bytes(&f), bytes = m * y_row * each;
    uint8_t *want = check_bytes(bytes), *got = check_bytes(bytes);
    if (bytes) memset(want, 7, bytes), memset(got, 7, bytes);

    ig_gemm_i8_pack_weights(panels, w_fix, w, g->w_signed, n, k, nk, kn);
    const bool raw = g->raw && !g->a_signed && !g->zeros;
    if (!raw) pack(acts, a_sum, a, g->a_signed, m, k, a_row);
    for (size_t i = 0; i < n16; i++) w_zero[i] = w_true[i] - (g->w_signed ? 0 : 128);
    for (size_t i = 0; i < m; i++) a_zero[i] = a_true[i] + (g->a_signed ? 128 : 0);
    ig_gemm_i8_fix(w_fix, w_fix, w_zero, n, k);
    const gemm_i8_args p = {.y = got,
                            .acts = raw ? a : acts,
                            .acts_row = raw ? a_row : 0,
                            .panels = panels,
                            .finish = f,
                            .a_sum = a_sum,
                            .a_zero = !g->zeros && !g->a_signed ? NULL : a_zero,
                            .w_zero = !g->zeros && g->w_signed ? NULL : w_zero,
                            .w_fix = w_fix,
                            .n = n,
                            .k = k,
                            .y_row = y_row};
    if (raw && !g->w_signed) return;                /* the sums are made by packing */
    const size_t row = m / 3, panel = n16 / 16 / 2; /* in four parts */
    fn(&p, 0, row, 0, panel);
    fn(&p, row, m, 0, panel);
    fn(&p, 0, row, panel, n16 / 16);
    fn(&p, row, m, panel, n16 / 16);
    for (size_t r = 0; r < m; r++)
        for (size_t c = 0; c < n; c++) {
            const uint32_t sum =
                (uint32_t)exact(g, a + r * a_row, w + c * nk, a_true[r], w_true[c], kn);
            finish(&f, want + (r * y_row + c) * each, (int32_t)(sum + (uint32_t)f.start[c]), c);
        }
    check_same(want, got, bytes);
}

static bool reads_rows(gemm_i8_acts_fn *pack, uint32_t needs)
{
    uint8_t packed[8];
    if ((ig_cpu_flags() & needs) != needs) return false;
    pack(packed, NULL, "\1\2\3\4", false, 1, 4, 4);
    return packed[1] == 2;
}

static void check_one(gemm_i8_fn *fn, gemm_i8_acts_fn *pack, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 150; i++) {
        const gemm_case g = {.m = i < 20 ? i : check_pick(0, 20),
                             .n = check_pick(0, 150),
                             .k = i % 10 ? check_pick(0, 70) : check_pick(0, 1500),
                             .a_signed = check_pick(0, 1),
                             .w_signed = check_pick(0, 1),
                             .zeros = check_pick(0, 1),
                             .extreme = check_pick(0, 1),
                             .k_major = check_pick(0, 1),
                             .raw = check_pick(0, 1) && reads_rows(pack, needs),
                             .pieces = i % 3 == 0 && reads_rows(pack, needs),
                             .to = (i8_to)check_pick(0, 2)};
        static const char *const to[] = {"i32", "f32", "bytes"};
        if (check_next(needs, name, "%zux%zux%zu %c8 by %c8 to %s%s%s%s%s%s", g.m, g.n, g.k,
                       g.a_signed ? 's' : 'u', g.w_signed ? 's' : 'u', to[g.to],
                       g.zeros ? " zeros" : "", g.extreme ? " extreme" : "",
                       g.k_major ? " k-major" : "", g.raw ? " raw" : "",
                       g.pieces ? " pieces" : "")) {
            if (g.pieces)
                check_pieces(fn, &g);
            else
                check_product(fn, pack, &g);
        }
    }
}

/* check_acts - the sums, and that a row packs the same bytes alone as among others. */
static void check_acts(gemm_i8_acts_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t m = check_pick(1, 4), k = i < 40 ? i : check_pick(40, 500), a_row = k + 2;
        const bool is_signed = check_pick(0, 1);
        if (!check_next(needs, name, "%zux%zu %c8", m, k, is_signed ? 's' : 'u')) continue;
        size_t bytes, row_bytes;
        check_true(ig_gemm_i8_acts_bytes(m, k, &bytes), "bytes");
        check_true(ig_gemm_i8_acts_bytes(1, k, &row_bytes), "bytes");
        const uint8_t *a = check_bytes(m * a_row);
        int32_t *sums = check_i32(m, 0, 0), *alone_sum = check_i32(1, 0, 0);
        uint8_t *all = check_bytes(bytes), *alone = check_bytes(row_bytes);
        const bool words = !reads_rows(fn, needs);
        fn(all, sums, a, is_signed, m, k, a_row);
        const size_t used = words ? row_bytes : row_bytes / 2;
        for (size_t r = 0; r < m; r++) {
            int32_t sum = 0;
            for (size_t c = 0; c < k; c++)
                sum += value(a, r * a_row + c, is_signed) + (is_signed ? 128 : 0);
            check_true(sum == sums[r], "row %zu: sum %d, not %d", r, sums[r], sum);
            fn(alone, alone_sum, a + r * a_row, is_signed, 1, k, a_row);
            check_same(all + r * used, alone, used);
        }
    }
}

void check_gemm_i8(void);
void check_gemm_i8(void)
{
    static gemm_i8_acts_fn *const packs[] = {
#define K(family, fn, needs) fn,
#include "kernels/gemm_i8/gemm_i8_acts.kern"
#undef K
    };
    size_t line = 0;
#define K(family, fn, needs) check_one(fn, packs[line++], #fn, needs);
#include "kernels/gemm_i8/gemm_i8.kern"
#undef K
#define K(family, fn, needs) check_acts(fn, #fn, needs);
#include "kernels/gemm_i8/gemm_i8_acts.kern"
#undef K
}
