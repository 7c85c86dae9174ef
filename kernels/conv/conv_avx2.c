/* conv_avx2.c - convolution as indirect GEMM (conv_drive.h), AVX2 + FMA.
 *
 * Tiles of up to 6 pixels x 1 panel (12 sums, 2 of B, 1 broadcast), or 3 pixels x 1 1/2 panels; the
 * last panel's columns past N go through the tile's own sums. B streams at 11 bytes a clock, so
 * five tiles share each run of a panel while it is in L1. */
#include "kernels/conv/conv_drive.h"
#include "kernels/gemm/epilogue_avx2.h"

enum { LANES = 8, TILE_ROWS = 6, WIDE_ROWS = 3, GROUP = 5, SPREAD = 4 };

#define UNROLL _Pragma("GCC unroll 16")

/* acc [rows][vecs] += A [rows][n] B [n][vecs * 8], A at `at` of each row. */
INLINE void multiply(__m256 acc[TILE_ROWS][3], const float *const *from, size_t at, const float *b,
                     size_t panel, size_t n, const float *next, const size_t rows,
                     const size_t vecs)
{
    _Pragma("GCC unroll 2") for (const size_t end = at + n; at < end;
                                 at++, b += IG_PANEL, next += IG_PANEL / SPREAD)
    {
        __m256 w[3];
        _mm_prefetch((const char *)next, _MM_HINT_T1);
        UNROLL for (size_t v = 0; v < vecs; v++) w[v] =
            _mm256_loadu_ps(b + v / 2 * panel + v % 2 * LANES);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const __m256 x = _mm256_broadcast_ss(from[r] + at);
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] =
                _mm256_fmadd_ps(x, w[v], acc[r][v]);
        }
    }
}

/* c = clip(acc + bias + residual), all columns valid. */
INLINE void store(const __m256 acc[TILE_ROWS][3], const conv_tile *t, const size_t rows,
                  const size_t vecs)
{
    const __m256 low = _mm256_set1_ps(t->low), high = _mm256_set1_ps(t->high);
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        const __m256 none = _mm256_set1_ps(-0.0f); /* y + -0 is y, also for y = -0 */
        const __m256 bias = t->bias ? _mm256_loadu_ps(t->bias + v * LANES) : none;
        const float *add = t->residual ? t->residual + v * LANES : NULL;
        float *c = t->c + v * LANES;
        UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
        {
            __m256 y = _mm256_add_ps(acc[r][v], bias);
            if (add) {
                y = _mm256_add_ps(y, _mm256_loadu_ps(add));
                add += t->ld_residual;
            }
            y = _mm256_min_ps(high, _mm256_max_ps(low, y)); /* NaN: the second operand */
            _mm256_storeu_ps(c, y);
        }
    }
}

/* The finished sums as store() would, but only the valid columns. */
static void store_edge(const conv_tile *t, size_t rows, size_t vecs)
{
    const __m256 low = _mm256_set1_ps(t->low), high = _mm256_set1_ps(t->high);
    for (size_t v = 0; v < vecs; v++) {
        const size_t n = ig_lanes_avx2(t->cols, v);
        const __m256 none = _mm256_set1_ps(-0.0f);
        const __m256 bias = t->bias ? ig_load_avx2(t->bias + v * LANES, n) : none;
        for (size_t r = 0; r < rows; r++) {
            __m256 y = _mm256_add_ps(_mm256_loadu_ps(t->sum + (r * vecs + v) * LANES), bias);
            if (t->residual)
                y = _mm256_add_ps(y, ig_load_avx2(t->residual + r * t->ld_residual + v * LANES, n));
            y = _mm256_min_ps(high, _mm256_max_ps(low, y));
            ig_store_avx2(t->c + r * t->ldc + v * LANES, n, y);
        }
    }
}

/* The sums of earlier runs: added, and kept. */
INLINE void resume(__m256 acc[TILE_ROWS][3], const float *sum, const size_t rows, const size_t vecs)
{
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] =
            _mm256_add_ps(_mm256_loadu_ps(sum + (r * vecs + v) * LANES), acc[r][v]);
    }
}

INLINE void keep(float *sum, const __m256 acc[TILE_ROWS][3], const size_t rows, const size_t vecs)
{
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++)
            _mm256_storeu_ps(sum + (r * vecs + v) * LANES, acc[r][v]);
    }
}

INLINE void tile(const conv_tile *t, const size_t rows, const size_t vecs)
{
    const bool edge = t->cols != vecs * LANES;
    __m256 acc[TILE_ROWS][3];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm256_setzero_ps();
    }
    tile_cursor at = *t->cursor;
    const float *b = t->b, *next = t->next;
    for (size_t n, left = t->kc; left; left -= n, b += n * IG_PANEL) {
        n = IG_MIN(left, at.segment - at.at);
        if (*at.from) multiply(acc, at.from, at.at, b, t->panel, n, next, rows, vecs);
        next += n * IG_PANEL / SPREAD;
        at.at += n;
        if (at.at == at.segment) at = (tile_cursor){at.from + MOST_TILE, 0, at.segment};
    }
    *t->cursor = at;
    if (!t->first) resume(acc, t->sum, rows, vecs);
    if (!t->last || edge) keep(t->sum, (const __m256(*)[3])acc, rows, vecs);
    if (t->last && edge)
        store_edge(t, rows, vecs);
    else if (t->last)
        store((const __m256(*)[3])acc, t, rows, vecs);
}

#define TILE(rows, vecs) \
    static void tile_##rows##x##vecs(const conv_tile *t) { tile(t, rows, vecs); }
#define UP_TO_3(X, v) X(1, v) X(2, v) X(3, v)
#define UP_TO_6(X, v) UP_TO_3(X, v) X(4, v) X(5, v) X(6, v)
UP_TO_6(TILE, 1)
UP_TO_6(TILE, 2)
UP_TO_3(TILE, 3)

/* More pixels of three vectors: in two goes. */
static void split(const conv_tile *t, conv_tile_fn *most, conv_tile_fn *rest)
{
    conv_tile below = *t;
    tile_cursor cursor = *t->cursor;
    most(t);
    cursor.from += WIDE_ROWS;
    below.cursor = &cursor;
    below.sum += WIDE_ROWS * 3 * LANES;
    below.c += WIDE_ROWS * t->ldc;
    if (t->residual) below.residual += WIDE_ROWS * t->ld_residual;
    rest(&below);
}
static void tile_4x3(const conv_tile *t) { split(t, tile_3x3, tile_1x3); }
static void tile_5x3(const conv_tile *t) { split(t, tile_3x3, tile_2x3); }
static void tile_6x3(const conv_tile *t) { split(t, tile_3x3, tile_3x3); }

#define NAME(rows, vecs) tile_##rows##x##vecs,
static conv_tile_fn *const by_halves[3][MOST_TILE] = {
    {UP_TO_6(NAME, 1)}, {UP_TO_6(NAME, 2)}, {UP_TO_6(NAME, 3)}};

/* Whole vectors are stored: masked stores are slow on Zen, and what lies past n comes later. */
INLINE void copy(float *to, const float *from, size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (; n > 8; n -= 8, to += 8, from += 8) _mm256_storeu_ps(to, _mm256_loadu_ps(from));
    const __m256i rest = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), index);
    _mm256_storeu_ps(to, _mm256_maskload_ps(from, rest));
}

void conv_f32_avx2(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                   size_t p1)
{
    static const conv_tiles tiles = {TILE_ROWS, GROUP, 2, SPREAD, by_halves, ig_finish_avx2};
    conv_drive(c, scratch, m0, m1, p0, p1, &tiles, copy);
}
