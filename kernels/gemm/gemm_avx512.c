/* gemm_avx512.c - fp32 GEMM on F32P16 panels, AVX-512.
 *
 * Tiles of up to 14 rows x 2 panels (28 sums, 2 of B, 1 broadcast of A), and for few rows up to 6 x
 * 4 panels, where B's stream is the bound: 4 panels at once keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda, so that 14 rows need 5 pointers and none
 * is spilled. Columns past N are masked; rows past M have tiles of their own height. */
#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/gemm/gemm_drive.h"
#include "kernels/gemm/transpose_avx512.h"

enum {
    LANES = 16,
    PER_BASE = 3,
    BASES = (MOST_ROWS + PER_BASE - 1) / PER_BASE,
    FEW = 2,
    NEAR = 8,
    FAR = 64
};
enum { NARROW = 4, NARROW_ROWS = LANES / 2 };

#define UNROLL _Pragma("GCC unroll 16")

/* One or two rows outrun L2, so B is fetched into L1; more rows have time for that, and from memory
 * only a page's distance ahead is far enough. */
INLINE void prefetch(const float *b, const size_t rows)
{
    if (rows <= FEW)
        _mm_prefetch(b + NEAR * LANES, _MM_HINT_T0);
    else
        _mm_prefetch(b + FAR * LANES, _MM_HINT_T1);
}

/* acc [rows][vecs] += A [rows][k0 .. k0 + depth) B [depth][vecs * 16] */
INLINE void multiply(__m512 acc[MOST_ROWS][4], const gemm_tile *t, size_t k0, size_t depth,
                     const size_t rows, const size_t vecs)
{
    const float *a[BASES], *b = t->b + k0 * IG_PANEL, *b_far = b + 3 * t->panel;
    const size_t lda = t->lda, panel = t->panel;
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + k0 + g * PER_BASE * lda;
    for (size_t k = depth; k; k--) {
        __m512 w[4];
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            const float *from = v == 3 ? b_far : b + v * panel;
            w[v] = _mm512_loadu_ps(from);
            prefetch(from, rows);
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
INLINE void store(const __m512 acc[MOST_ROWS][4], const gemm_tile *t, bool last,
                  const __mmask16 m[4], const size_t rows, const size_t vecs)
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
            if (last) {
                y = _mm512_add_ps(y, bias[v]);
                if (add) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(m[v], add + v * LANES));
                y = _mm512_min_ps(high, _mm512_max_ps(low, y)); /* NaN: the second operand */
            }
            _mm512_mask_storeu_ps(c + v * LANES, m[v], y);
        }
        if (add) add += t->ld_residual;
    }
}

/* The sum of the runs so far waits in C. */
INLINE void add_runs(__m512 acc[MOST_ROWS][4], const gemm_tile *t, const __mmask16 m[4],
                     const size_t rows, const size_t vecs)
{
    const float *c = t->c;
    UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] =
            _mm512_add_ps(_mm512_maskz_loadu_ps(m[v], c + v * LANES), acc[r][v]);
    }
}

INLINE void fetch_c(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    const float *c = t->c;
    UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) _mm_prefetch(c + v * LANES, _MM_HINT_T0);
    }
}

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    __m512 acc[MOST_ROWS][4];
    __mmask16 m[4];
    UNROLL for (size_t v = 0; v < vecs; v++) m[v] = ig_lanes_avx512(t->cols, v);
    if (rows > FEW) fetch_c(t, rows, vecs);
    size_t k = 0;
    do {
        const size_t depth = IG_MIN(t->kc - k, (size_t)IG_GEMM_RUN);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm512_setzero_ps();
        }
        multiply(acc, t, k, depth, rows, vecs);
        if (k || !t->first) add_runs(acc, t, m, rows, vecs);
        k += depth;
        store((const __m512(*)[4])acc, t, t->last && k == t->kc, m, rows, vecs);
    } while (k < t->kc);
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

/* Up to NARROW columns: lanes are rows, and A is transposed in registers on its way; one panel
 * would throw most of its lanes away. sum [n][LANES] of `rows` rows. */
INLINE void narrow_sums(float sum[NARROW][LANES], const ig_gemm_f32_args *g, const float *a,
                        size_t rows, const size_t cols)
{
    __m512 acc[NARROW], total[NARROW];
    UNROLL for (size_t n = 0; n < cols; n++) acc[n] = total[n] = _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k += LANES) {
        if (k && k % IG_GEMM_RUN == 0) { /* a run ends */
            UNROLL for (size_t n = 0; n < cols; n++)
            {
                total[n] = k == IG_GEMM_RUN ? acc[n] : _mm512_add_ps(total[n], acc[n]);
                acc[n] = _mm512_setzero_ps();
            }
        }
        const __mmask16 deep = ig_lanes_avx512(g->k, k / LANES);
        __m512 x[LANES];
        UNROLL for (size_t r = 0; r < LANES; r++) x[r] =
            _mm512_maskz_loadu_ps(r < rows ? deep : 0, a + (r < rows ? r * g->lda : 0) + k);
        ig_transpose_avx512(x);
        const float *b = g->b + k * IG_PANEL;
        const size_t deep_k = IG_MIN(g->k - k, LANES);
        UNROLL for (size_t i = 0; i < LANES; i++)
        {
            if (i == deep_k) break;
            UNROLL for (size_t n = 0; n < cols; n++) acc[n] =
                _mm512_fmadd_ps(x[i], _mm512_set1_ps(b[i * IG_PANEL + n]), acc[n]);
        }
    }
    const bool one_run = g->k <= IG_GEMM_RUN;
    UNROLL for (size_t n = 0; n < cols; n++)
        _mm512_storeu_ps(sum[n], one_run ? acc[n] : _mm512_add_ps(total[n], acc[n]));
}

static void narrow(const ig_gemm_f32_args *g, size_t m0, size_t m1)
{
    const ig_epilogue *e = &g->epilogue;
    float sum[NARROW][LANES];
    for (size_t m = m0; m < m1; m += LANES) {
        const size_t rows = IG_MIN(m1 - m, LANES);
        switch (g->n) {
        case 1:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 1);
            break;
        case 2:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 2);
            break;
        case 3:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 3);
            break;
        default:
            narrow_sums(sum, g, g->a + m * g->lda, rows, 4);
            break;
        }
        for (size_t r = 0; r < rows; r++) {
            float *c = g->c + (m + r) * g->ldc;
            for (size_t n = 0; n < g->n; n++) {
                float y = sum[n][r];
                if (e->bias) y += e->bias[n];
                if (e->residual) y += e->residual[(m + r) * e->ld_residual + n];
                c[n] = ig_act_f32(e, y);
            }
            if (e->act == IG_ACT_MAP) e->map(c, c, g->n, e->a, e->b);
        }
    }
}

void gemm_f32_avx512(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {{by_1, by_2, by_4}, {14, 14, 6}, ig_finish_avx512};
    if (g->n <= NARROW && m1 - m0 >= NARROW_ROWS && p0 < p1)
        narrow(g, m0, m1);
    else
        drive(g, &tiles, m0, m1, p0, p1);
}
