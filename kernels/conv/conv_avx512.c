/* conv_avx512.c - convolution as indirect GEMM (conv_drive.h), AVX-512.
 *
 * Tiles of up to 14 pixels x 2 panels: 28 sums, 2 of B, 1 broadcast. A last panel of 8 columns or
 * fewer is one 256-bit vector, which is half the work where 512 bits are two passes (Zen 4). Each
 * broadcast fetches its pixel's pointer again, two loads for two FMA: 32 of the 56 load slots of a
 * step; without unrolling by two this loop reaches 94 % of the peak instead of 97 %. Odd numbers of
 * pixels but 7, a row of the images that end most networks, run as the next even one, their last
 * pointer doubled: half the code. */
#include "kernels/conv/conv_drive.h"
#include "kernels/gemm/epilogue_avx512.h"

enum { LANES = 16, TILE_ROWS = 14, GROUP = 5, SPREAD = 2 };

#define UNROLL _Pragma("GCC unroll 16")

/* acc [rows][halves]; the last odd half is a 256-bit vector of its own. */
typedef struct {
    __m512 whole[TILE_ROWS][2];
    __m256 half[TILE_ROWS];
} sums;

/* acc += A [rows][n] B [n][halves * 8], A at `at` of each row. */
INLINE void multiply(sums *acc, const float *const *from, size_t at, const float *b, size_t panel,
                     size_t n, const float *next, const size_t rows, const size_t halves)
{
    const size_t whole = halves / 2;
    _Pragma("GCC unroll 2") for (const size_t end = at + n; at < end;
                                 at++, b += IG_PANEL, next += IG_PANEL / SPREAD)
    {
        __m512 w[2];
        __m256 part;
        UNROLL for (size_t v = 0; v < whole; v++) w[v] = _mm512_loadu_ps(b + v * panel);
        _mm_prefetch((const char *)next, _MM_HINT_T1);
        if (halves & 1) part = _mm256_loadu_ps(b + whole * panel);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            if (halves == 1) { /* one of 512 bits takes twice the time */
                acc->half[r] = _mm256_fmadd_ps(_mm256_set1_ps(from[r][at]), part, acc->half[r]);
                continue;
            }
            const __m512 x = _mm512_set1_ps(from[r][at]);
            UNROLL for (size_t v = 0; v < whole; v++) acc->whole[r][v] =
                _mm512_fmadd_ps(x, w[v], acc->whole[r][v]);
            if (halves & 1)
                acc->half[r] = _mm256_fmadd_ps(_mm512_castps512_ps256(x), part, acc->half[r]);
        }
    }
}

/* The sums of earlier runs: added, and kept. */
INLINE void resume(sums *acc, const float *sum, const size_t rows, const size_t halves)
{
    UNROLL for (size_t r = 0; r < rows; r++, sum += halves * HALF)
    {
        UNROLL for (size_t v = 0; v < halves / 2; v++) acc->whole[r][v] =
            _mm512_add_ps(_mm512_loadu_ps(sum + v * LANES), acc->whole[r][v]);
        if (halves & 1)
            acc->half[r] = _mm256_add_ps(_mm256_loadu_ps(sum + halves / 2 * LANES), acc->half[r]);
    }
}

INLINE void keep(float *sum, const sums *acc, const size_t rows, const size_t halves)
{
    UNROLL for (size_t r = 0; r < rows; r++, sum += halves * HALF)
    {
        UNROLL for (size_t v = 0; v < halves / 2; v++)
            _mm512_storeu_ps(sum + v * LANES, acc->whole[r][v]);
        if (halves & 1) _mm256_storeu_ps(sum + halves / 2 * LANES, acc->half[r]);
    }
}

/* c = clip(acc + bias + residual) */
INLINE void store(const sums *acc, const conv_tile *t, size_t valid, const size_t rows,
                  const size_t halves, const bool full)
{
    const __m512 low = _mm512_set1_ps(t->low), high = _mm512_set1_ps(t->high);
    const __m512 none = _mm512_set1_ps(-0.0f); /* y + -0 is y, also for y = -0 */
    const size_t vecs = (halves + 1) / 2;
    __mmask16 m[2];
    __m512 bias[2];
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        m[v] = full ? 0xffff : ig_lanes_avx512(t->cols, v);
        bias[v] = t->bias ? _mm512_maskz_loadu_ps(m[v], t->bias + v * LANES) : none;
    }
    const float *add = t->residual;
    float *c = t->c;
    UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
    {
        if (r == valid) break;
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            __m512 y = v < halves / 2 ? acc->whole[r][v] : _mm512_castps256_ps512(acc->half[r]);
            y = _mm512_add_ps(y, bias[v]);
            if (add) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(m[v], add + v * LANES));
            y = _mm512_min_ps(high, _mm512_max_ps(low, y)); /* NaN: the second operand */
            if (full)
                _mm512_storeu_ps(c + v * LANES, y);
            else
                _mm512_mask_storeu_ps(c + v * LANES, m[v], y);
        }
        if (add) add += t->ld_residual;
    }
}

INLINE void tile(const conv_tile *t, const size_t valid, const size_t halves)
{
    const size_t rows = valid == 7 ? valid : (valid + 1) / 2 * 2;
    sums acc;
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < halves / 2; v++) acc.whole[r][v] = _mm512_setzero_ps();
        if (halves & 1) acc.half[r] = _mm256_setzero_ps();
    }
    tile_cursor at = *t->cursor;
    const float *b = t->b, *next = t->next;
    for (size_t n, left = t->kc; left; left -= n, b += n * IG_PANEL) {
        n = IG_MIN(left, at.segment - at.at);
        if (*at.from) multiply(&acc, at.from, at.at, b, t->panel, n, next, rows, halves);
        next += n * IG_PANEL / SPREAD;
        at.at += n;
        if (at.at == at.segment) at = (tile_cursor){at.from + MOST_TILE, 0, at.segment};
    }
    *t->cursor = at;
    if (!t->first) resume(&acc, t->sum, rows, halves);
    if (!t->last)
        keep(t->sum, &acc, rows, halves);
    else if (halves % 2 == 0 && t->cols == halves * HALF)
        store(&acc, t, t->rows, rows, halves, true);
    else
        store(&acc, t, t->rows, rows, halves, false);
}

#define TILE(rows, halves) \
    static void tile_##rows##x##halves(const conv_tile *t) { tile(t, rows, halves); }
#define TILES(h) \
    TILE(2, h) TILE(4, h) TILE(6, h) TILE(7, h) TILE(8, h) TILE(10, h) TILE(12, h) TILE(14, h)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
#define TWICE(rows, halves) tile_##rows##x##halves, tile_##rows##x##halves
#define NAMES(h)                                                                                   \
    {                                                                                              \
        TWICE(2, h), TWICE(4, h), TWICE(6, h), tile_7x##h, tile_8x##h, TWICE(10, h), TWICE(12, h), \
            TWICE(14, h)                                                                           \
    }
static conv_tile_fn *const by_halves[4][MOST_TILE] = {NAMES(1), NAMES(2), NAMES(3), NAMES(4)};

/* Whole vectors are stored: masked stores are slow on Zen 4, and what lies past n comes later. */
INLINE void copy(float *to, const float *from, size_t n)
{
    for (; n > 16; n -= 16, to += 16, from += 16) _mm512_storeu_ps(to, _mm512_loadu_ps(from));
    const __mmask16 rest = (__mmask16)((1u << n) - 1);
    _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(rest, from));
}

void conv_f32_avx512(const ig_conv_f32_args *c, float *scratch, size_t m0, size_t m1, size_t p0,
                     size_t p1)
{
    static const conv_tiles tiles = {TILE_ROWS, GROUP, 4, SPREAD, by_halves, ig_finish_avx512};
    conv_drive(c, scratch, m0, m1, p0, p1, &tiles, copy);
}
