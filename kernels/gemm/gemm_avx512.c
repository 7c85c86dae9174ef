/* gemm_avx512.c - fp32 GEMM on F32P16 panels, AVX-512.
 *
 * Tiles of up to 14 rows x 2 panels (28 sums, 2 of B, 1 broadcast of A), and for few rows up to 6 x
 * 4 panels, where B's stream is the bound: 4 panels at once keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda, so that 14 rows need 5 pointers and none
 * is spilled. Columns past N are masked; rows past M have tiles of their own height. */
#include "kernels/gemm/gemm_drive.h"

#include <immintrin.h>

enum { LANES = 16, PER_BASE = 3, BASES = (MOST_ROWS + PER_BASE - 1) / PER_BASE, AHEAD = 16 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE __mmask16 lanes_left(size_t cols, size_t v)
{
    const size_t left = cols > v * LANES ? cols - v * LANES : 0;
    return left >= LANES ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1);
}

/* acc [rows][vecs] += A [rows][kc] B [kc][vecs * 16] */
INLINE void multiply(__m512 acc[MOST_ROWS][4], const gemm_tile *t, const size_t rows,
                     const size_t vecs)
{
    const float *a[BASES], *b = t->b, *b_far = t->b + 3 * t->panel;
    const size_t lda = t->lda, panel = t->panel;
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + g * PER_BASE * lda;
    for (size_t k = t->kc; k; k--) {
        __m512 w[4];
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            const float *from = v == 3 ? b_far : b + v * panel;
            w[v] = _mm512_loadu_ps(from);
            if (rows <= 2) _mm_prefetch(from + AHEAD * LANES, _MM_HINT_T0);
        }
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const __m512 x = _mm512_set1_ps(a[r / PER_BASE][r % PER_BASE * lda]);
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] =
                _mm512_fmadd_ps(x, w[v], acc[r][v]);
        }
        UNROLL for (size_t g = 0; g * PER_BASE < rows; g++)
        {
            a[g]++;
            __asm__("" : "+r"(a[g])); /* or the compiler splits it into a pointer for each row */
        }
        b += LANES;
        b_far += LANES;
    }
}

/* y = clip(acc + bias + residual), stored; a sum that is not finished is stored as it is. */
INLINE void store(const __m512 acc[MOST_ROWS][4], const gemm_tile *t, const __mmask16 m[4],
                  const size_t rows, const size_t vecs)
{
    const __m512 low = _mm512_set1_ps(t->low), high = _mm512_set1_ps(t->high);
    const float *add = t->residual;
    float *c = t->c;
    __m512 bias[4];
    UNROLL for (size_t v = 0; v < vecs; v++) bias[v] =
        t->bias ? _mm512_maskz_loadu_ps(m[v], t->bias + v * LANES)
                : _mm512_set1_ps(-0.0f); /* y + -0 is y, also for y = -0 */
    UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
    {
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            __m512 y = acc[r][v];
            if (t->last) {
                y = _mm512_add_ps(y, bias[v]);
                if (add) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(m[v], add + v * LANES));
                y = _mm512_min_ps(high, _mm512_max_ps(low, y)); /* NaN: the second operand */
            }
            _mm512_mask_storeu_ps(c + v * LANES, m[v], y);
        }
        if (add) add += t->ld_residual;
    }
}

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    __m512 acc[MOST_ROWS][4];
    __mmask16 m[4];
    UNROLL for (size_t v = 0; v < vecs; v++) m[v] = lanes_left(t->cols, v);
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm512_setzero_ps();
    }
    if (!t->first) {
        const float *c = t->c;
        UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] =
                _mm512_maskz_loadu_ps(m[v], c + v * LANES);
        }
    }
    multiply(acc, t, rows, vecs);
    store((const __m512(*)[4])acc, t, m, rows, vecs);
}

#define TILE(rows, panels) \
    static void tile_##rows##x##panels(const gemm_tile *t) { tile(t, rows, panels); }
#define UP_TO_6(X, p) X(1, p) X(2, p) X(3, p) X(4, p) X(5, p) X(6, p)
#define UP_TO_14(X, p) \
    UP_TO_6(X, p) X(7, p) X(8, p) X(9, p) X(10, p) X(11, p) X(12, p) X(13, p) X(14, p)
#define NAME(rows, panels) tile_##rows##x##panels,
UP_TO_14(TILE, 1)
UP_TO_14(TILE, 2)
UP_TO_6(TILE, 4)
static gemm_tile_fn *const by_1[] = {UP_TO_14(NAME, 1)};
static gemm_tile_fn *const by_2[] = {UP_TO_14(NAME, 2)};
static gemm_tile_fn *const by_4[] = {UP_TO_6(NAME, 4)};

INLINE __m512 activate(const ig_epilogue *e, __m512 y)
{
    const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1), a = _mm512_set1_ps(e->a);
    if (e->act == IG_ACT_LEAKY_RELU)
        return _mm512_mask_mul_ps(y, _mm512_cmp_ps_mask(y, zero, _CMP_LT_OQ), a, y);
    const bool swish = e->act == IG_ACT_HARD_SWISH;
    const __m512 slope = swish ? _mm512_set1_ps(1.0f / 6) : a;
    const __m512 t = _mm512_fmadd_ps(slope, y, _mm512_set1_ps(swish ? 0.5f : e->b));
    const __m512 s = _mm512_min_ps(one, _mm512_max_ps(zero, t));
    return swish ? _mm512_mul_ps(y, s) : s;
}

static void finish(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++, c += ldc) {
        if (e->act == IG_ACT_MAP) {
            e->map(c, c, cols, e->a, e->b);
            continue;
        }
        for (size_t v = 0; v * LANES < cols; v++) {
            const __mmask16 m = lanes_left(cols, v);
            const __m512 y = activate(e, _mm512_maskz_loadu_ps(m, c + v * LANES));
            _mm512_mask_storeu_ps(c + v * LANES, m, y);
        }
    }
}

void gemm_f32_avx512(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {{by_1, by_2, by_4}, {14, 14, 6}, finish};
    drive(g, &tiles, m0, m1, p0, p1);
}
