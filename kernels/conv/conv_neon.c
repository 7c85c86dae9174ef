/* conv_neon.c - convolution as indirect GEMM (conv_drive.h), NEON.
 *
 * Tiles of up to 6 pixels x 1 panel (24 sums, 4 of B, 1 broadcast), or half a panel; a panel and a
 * half are taken one after the other. */
#include "kernels/conv/conv_drive.h"
#include "kernels/gemm/epilogue_neon.h"

enum { LANES = 4, TILE_ROWS = 6, MOST_VECS = IG_PANEL / LANES, GROUP = 5, SPREAD = 4 };

#define UNROLL _Pragma("GCC unroll 16")

/* acc [rows][vecs] += A [rows][n] B [n][vecs * 4], A at `at` of each row; `next` is prefetched. */
NEON_INLINE void multiply(float32x4_t acc[TILE_ROWS][MOST_VECS], const float *const *from,
                          size_t at, const float *b, const float *next, size_t n, const size_t rows,
                          const size_t vecs)
{
    const float *a[TILE_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) a[r] = from[r] + at;
    for (; n; n--, b += IG_PANEL, next += IG_PANEL / SPREAD) {
        __builtin_prefetch(next, 0, 2);
        float32x4_t w[MOST_VECS];
        UNROLL for (size_t v = 0; v < vecs; v++) w[v] = vld1q_f32(b + v * LANES);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const float32x4_t x = vld1q_dup_f32(a[r]++);
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = vfmaq_f32(acc[r][v], x, w[v]);
        }
    }
}

/* c = clip(acc + bias + residual), the valid columns; whole: all of them */
NEON_INLINE void store(const float32x4_t acc[TILE_ROWS][MOST_VECS], const conv_tile *t,
                       const size_t rows, const size_t vecs, const bool whole)
{
    const float32x4_t low = vdupq_n_f32(t->low), high = vdupq_n_f32(t->high);
    const float32x4_t none = vdupq_n_f32(-0.0f); /* y + -0 is y, also for y = -0 */
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        const size_t n = whole ? LANES : ig_lanes_neon(t->cols, v);
        const float32x4_t bias = t->bias ? ig_load_neon(t->bias + v * LANES, n, none) : none;
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            float32x4_t y = vaddq_f32(acc[r][v], bias);
            if (t->residual) {
                const float *add = t->residual + r * t->ld_residual + v * LANES;
                y = vaddq_f32(y, ig_load_neon(add, n, none));
            }
            y = ig_min_neon(high, ig_max_neon(low, y)); /* NaN: the second operand */
            ig_store_neon(t->c + r * t->ldc + v * LANES, n, y);
        }
    }
}

/* The sums of earlier runs: added, and kept. */
NEON_INLINE void resume(float32x4_t acc[TILE_ROWS][MOST_VECS], const float *sum, const size_t rows,
                        const size_t vecs)
{
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++, sum += LANES) acc[r][v] =
            vaddq_f32(vld1q_f32(sum), acc[r][v]);
    }
}

NEON_INLINE void keep(float *sum, const float32x4_t acc[TILE_ROWS][MOST_VECS], const size_t rows,
                      const size_t vecs)
{
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++, sum += LANES) vst1q_f32(sum, acc[r][v]);
    }
}

NEON_INLINE void tile(const conv_tile *t, const size_t rows, const size_t halves)
{
    const size_t vecs = halves * HALF / LANES;
    float32x4_t acc[TILE_ROWS][MOST_VECS];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = vdupq_n_f32(0);
    }
    tile_cursor at = *t->cursor;
    const float *b = t->b, *next = t->next;
    for (size_t n, left = t->kc; left; left -= n, b += n * IG_PANEL) {
        n = IG_MIN(left, at.segment - at.at);
        if (*at.from) multiply(acc, at.from, at.at, b, next, n, rows, vecs);
        next += n * IG_PANEL / SPREAD;
        at.at += n;
        if (at.at == at.segment) at = (tile_cursor){at.from + MOST_TILE, 0, at.segment};
    }
    *t->cursor = at;
    if (!t->first) resume(acc, t->sum, rows, vecs);
    if (!t->last)
        keep(t->sum, (const float32x4_t(*)[MOST_VECS])acc, rows, vecs);
    else if (t->cols == vecs * LANES)
        store((const float32x4_t(*)[MOST_VECS])acc, t, rows, vecs, true);
    else
        store((const float32x4_t(*)[MOST_VECS])acc, t, rows, vecs, false);
}

/* A panel, then half of the next. */
NEON_INLINE void tile_and_half(const conv_tile *t, const size_t rows)
{
    conv_tile left = *t, right = *t;
    tile_cursor cursor = *t->cursor;
    left.cursor = &cursor;
    left.cols = IG_PANEL;
    right.b += t->panel;
    right.sum += TILE_ROWS * IG_PANEL;
    right.c += IG_PANEL;
    right.cols -= IG_PANEL;
    if (t->bias) right.bias += IG_PANEL;
    if (t->residual) right.residual += IG_PANEL;
    tile(&left, rows, 2);
    tile(&right, rows, 1);
}

#define TILE(rows, halves) \
    static void tile_##rows##x##halves(const conv_tile *t) { tile(t, rows, halves); }
#define TILE_AND_HALF(rows, halves) \
    static void tile_##rows##x##halves(const conv_tile *t) { tile_and_half(t, rows); }
#define UP_TO_6(X, h)      X(1, h) X(2, h) X(3, h) X(4, h) X(5, h) X(6, h)
#define NAME(rows, halves) tile_##rows##x##halves,
UP_TO_6(TILE, 1)
UP_TO_6(TILE, 2)
UP_TO_6(TILE_AND_HALF, 3)
static conv_tile_fn *const by_halves[3][MOST_TILE] = {
    {UP_TO_6(NAME, 1)}, {UP_TO_6(NAME, 2)}, {UP_TO_6(NAME, 3)}};

NEON_INLINE void copy(float *to, const float *from, size_t n)
{
    for (; n >= LANES; n -= LANES, to += LANES, from += LANES) vst1q_f32(to, vld1q_f32(from));
    if (n) ig_store_neon(to, n, ig_load_neon(from, n, vdupq_n_f32(0)));
}

void conv_f32_neon(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                   size_t p1)
{
    static const conv_tiles tiles = {TILE_ROWS, GROUP, 2, SPREAD, by_halves, ig_finish_neon};
    conv_drive(c, scratch, m0, m1, p0, p1, &tiles, copy);
}
