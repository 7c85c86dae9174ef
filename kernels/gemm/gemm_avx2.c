/* gemm_avx2.c - fp32 GEMM on F32P16 panels, AVX2 + FMA.
 *
 * Tiles of up to 6 rows x 1 panel (12 sums, 2 of B, 1 broadcast of A); one or two rows take 4 or 2
 * panels at once, to hide the latency of the chains and to keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda. The last panel's columns past N are
 * masked. */
#include "kernels/gemm/gemm_drive.h"

#include <immintrin.h>

enum { LANES = 8, PER_BASE = 3, TILE_ROWS = 6, BASES = TILE_ROWS / PER_BASE, AHEAD = 16 };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The first n lanes, n >= 0; any number from LANES up means all. */
INLINE __m256i first_lanes(size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < LANES ? (int)n : LANES), index);
}

INLINE size_t lanes_left(size_t cols, size_t v) { return cols > v * LANES ? cols - v * LANES : 0; }

INLINE __m256 load_part(const float *p, size_t n)
{
    return n >= LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, first_lanes(n));
}

/* In pieces of 4, 2 and 1: a masked store is slow microcode on Zen. */
static void store_pieces(float *p, size_t n, __m256 y)
{
    __m128 part = _mm256_castps256_ps128(y);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(y, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
}

INLINE void store_part(float *p, size_t n, __m256 y)
{
    if (n >= LANES)
        _mm256_storeu_ps(p, y);
    else
        store_pieces(p, n, y);
}

/* acc [rows][vecs] += A [rows][kc] B [kc][vecs * 8] */
INLINE void multiply(__m256 acc[TILE_ROWS][8], const gemm_tile *t, const size_t rows,
                     const size_t vecs)
{
    const float *a[BASES], *b = t->b, *b_far = t->b + 3 * t->panel;
    const size_t lda = t->lda, panel = t->panel;
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + g * PER_BASE * lda;
    for (size_t k = t->kc; k; k--) {
        __m256 x[TILE_ROWS];
        if (rows <= 2)
            UNROLL for (size_t r = 0; r < rows; r++) x[r] = _mm256_broadcast_ss(a[0] + r * lda);
        if (vecs == 1) { /* the left half of the only panel */
            const __m256 w = _mm256_loadu_ps(b);
            UNROLL for (size_t r = 0; r < rows; r++) acc[r][0] = _mm256_fmadd_ps(
                _mm256_broadcast_ss(a[r / PER_BASE] + r % PER_BASE * lda), w, acc[r][0]);
        }
        UNROLL for (size_t p = 0; p < vecs / 2; p++)
        {
            const float *from = p == 3 ? b_far : b + p * panel;
            const __m256 w0 = _mm256_loadu_ps(from), w1 = _mm256_loadu_ps(from + LANES);
            if (rows <= 2) _mm_prefetch(from + AHEAD * IG_PANEL, _MM_HINT_T0);
            UNROLL for (size_t r = 0; r < rows; r++)
            {
                if (rows > 2) x[r] = _mm256_broadcast_ss(a[r / PER_BASE] + r % PER_BASE * lda);
                acc[r][2 * p] = _mm256_fmadd_ps(x[r], w0, acc[r][2 * p]);
                acc[r][2 * p + 1] = _mm256_fmadd_ps(x[r], w1, acc[r][2 * p + 1]);
            }
        }
        UNROLL for (size_t g = 0; g * PER_BASE < rows; g++)
        {
            a[g]++;
            __asm__("" : "+r"(a[g])); /* or the compiler splits it into a pointer for each row */
        }
        b += IG_PANEL;
        b_far += IG_PANEL;
    }
}

/* y = clip(acc + bias + residual), stored; a sum that is not finished is stored as it is. */
INLINE void store(const __m256 acc[TILE_ROWS][8], const gemm_tile *t, const size_t rows,
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
            __m256 y = acc[r][v];
            if (t->last) {
                y = _mm256_add_ps(y, bias);
                if (add) {
                    y = _mm256_add_ps(y, _mm256_loadu_ps(add));
                    add += t->ld_residual;
                }
                y = _mm256_min_ps(high, _mm256_max_ps(low, y)); /* NaN: the second operand */
            }
            _mm256_storeu_ps(c, y);
        }
    }
}

/* kept [rows][vecs * 8] as store() would, but only the valid columns. */
static void finish_edge(const float *kept, const gemm_tile *t, size_t rows, size_t vecs)
{
    const __m256 low = _mm256_set1_ps(t->low), high = _mm256_set1_ps(t->high);
    for (size_t v = 0; v < vecs; v++) {
        const size_t n = lanes_left(t->cols, v);
        const __m256 none = _mm256_set1_ps(-0.0f);
        const __m256 bias = t->bias ? load_part(t->bias + v * LANES, n) : none;
        for (size_t r = 0; r < rows; r++) {
            __m256 y = _mm256_loadu_ps(kept + (r * vecs + v) * LANES);
            if (t->last) {
                y = _mm256_add_ps(y, bias);
                if (t->residual)
                    y = _mm256_add_ps(y,
                                      load_part(t->residual + r * t->ld_residual + v * LANES, n));
                y = _mm256_min_ps(high, _mm256_max_ps(low, y));
            }
            store_part(t->c + r * t->ldc + v * LANES, n, y);
        }
    }
}

/* A tile with columns past N goes through the stack: rare and small. */
INLINE void store_edge(const __m256 acc[TILE_ROWS][8], const gemm_tile *t, const size_t rows,
                       const size_t vecs)
{
    float kept[TILE_ROWS * 8 * LANES];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++)
            _mm256_storeu_ps(kept + (r * vecs + v) * LANES, acc[r][v]);
    }
    finish_edge(kept, t, rows, vecs);
}

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    __m256 acc[TILE_ROWS][8];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm256_setzero_ps();
    }
    if (!t->first) {
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            const float *c = t->c + v * LANES;
            UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc) acc[r][v] =
                load_part(c, lanes_left(t->cols, v));
        }
    }
    multiply(acc, t, rows, vecs);
    if (t->cols == vecs * LANES)
        store((const __m256(*)[8])acc, t, rows, vecs);
    else
        store_edge((const __m256(*)[8])acc, t, rows, vecs);
}

#define TILE(rows, panels) \
    static void tile_##rows##x##panels(const gemm_tile *t) { tile(t, rows, 2 * panels); }
#define UP_TO_6(X, p)      X(1, p) X(2, p) X(3, p) X(4, p) X(5, p) X(6, p)
#define NAME(rows, panels) tile_##rows##x##panels,
UP_TO_6(TILE, 1)
TILE(1, 2)
TILE(2, 2)
TILE(1, 4)
static gemm_tile_fn *const by_1[] = {UP_TO_6(NAME, 1)};
static gemm_tile_fn *const by_2[] = {tile_1x2, tile_2x2};
static gemm_tile_fn *const by_4[] = {tile_1x4};

INLINE __m256 activate(const ig_epilogue *e, __m256 y)
{
    const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1), a = _mm256_set1_ps(e->a);
    if (e->act == IG_ACT_LEAKY_RELU)
        return _mm256_blendv_ps(y, _mm256_mul_ps(a, y), _mm256_cmp_ps(y, zero, _CMP_LT_OQ));
    const bool swish = e->act == IG_ACT_HARD_SWISH;
    const __m256 slope = swish ? _mm256_set1_ps(1.0f / 6) : a;
    const __m256 t = _mm256_fmadd_ps(slope, y, _mm256_set1_ps(swish ? 0.5f : e->b));
    const __m256 s = _mm256_min_ps(one, _mm256_max_ps(zero, t));
    return swish ? _mm256_mul_ps(y, s) : s;
}

static void finish(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++, c += ldc) {
        if (e->act == IG_ACT_MAP) {
            e->map(c, c, cols, e->a, e->b);
            continue;
        }
        for (size_t v = 0; v * LANES < cols; v++) {
            const size_t n = lanes_left(cols, v);
            store_part(c + v * LANES, n, activate(e, load_part(c + v * LANES, n)));
        }
    }
}

void gemm_f32_avx2(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {{by_1, by_2, by_4}, {6, 2, 1}, finish};
    drive(g, &tiles, m0, m1, p0, p1);
}
