/* gemm_avx2.c - fp32 GEMM on F32P16 panels, AVX2 + FMA.
 *
 * Tiles of up to 6 rows x 1 panel (12 sums, 2 of B, 1 broadcast of A); one or two rows take 4 or 2
 * panels at once, to hide the latency of the chains and to keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda. The last panel's columns past N are
 * masked. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/gemm/gemm_drive.h"
#include "kernels/gemm/transpose_avx2.h"

enum {
    LANES = 8,
    PER_BASE = 3,
    TILE_ROWS = 6,
    BASES = TILE_ROWS / PER_BASE,
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
        _mm_prefetch(b + NEAR * IG_PANEL, _MM_HINT_T0);
    else
        _mm_prefetch(b + FAR * IG_PANEL, _MM_HINT_T1);
}

/* acc [rows][vecs] += A [rows][k0 .. k0 + depth) B [depth][vecs * 8] */
INLINE void multiply(__m256 acc[TILE_ROWS][8], const gemm_tile *t, size_t k0, size_t depth,
                     const size_t rows, const size_t vecs)
{
    const float *a[BASES], *b = t->b + k0 * IG_PANEL, *b_far = b + 3 * t->panel;
    const size_t lda = t->lda, panel = t->panel;
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + k0 + g * PER_BASE * lda;
    for (size_t k = depth; k; k--) {
        __m256 x[TILE_ROWS];
        if (rows <= 3)
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
            prefetch(from, rows);
            UNROLL for (size_t r = 0; r < rows; r++)
            {
                if (rows > 3) x[r] = _mm256_broadcast_ss(a[r / PER_BASE] + r % PER_BASE * lda);
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
INLINE void store(const __m256 acc[TILE_ROWS][8], const gemm_tile *t, bool last, const size_t rows,
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
            if (last) {
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
static void finish_edge(const float *kept, const gemm_tile *t, bool last, size_t rows, size_t vecs)
{
    const __m256 low = _mm256_set1_ps(t->low), high = _mm256_set1_ps(t->high);
    for (size_t v = 0; v < vecs; v++) {
        const size_t n = ig_lanes_avx2(t->cols, v);
        const __m256 none = _mm256_set1_ps(-0.0f);
        const __m256 bias = t->bias ? ig_load_avx2(t->bias + v * LANES, n) : none;
        for (size_t r = 0; r < rows; r++) {
            __m256 y = _mm256_loadu_ps(kept + (r * vecs + v) * LANES);
            if (last) {
                y = _mm256_add_ps(y, bias);
                if (t->residual)
                    y = _mm256_add_ps(
                        y, ig_load_avx2(t->residual + r * t->ld_residual + v * LANES, n));
                y = _mm256_min_ps(high, _mm256_max_ps(low, y));
            }
            ig_store_avx2(t->c + r * t->ldc + v * LANES, n, y);
        }
    }
}

/* A tile with columns past N goes through the stack: rare and small. */
INLINE void store_edge(const __m256 acc[TILE_ROWS][8], const gemm_tile *t, bool last,
                       const size_t rows, const size_t vecs)
{
    float kept[TILE_ROWS * 8 * LANES];
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++)
            _mm256_storeu_ps(kept + (r * vecs + v) * LANES, acc[r][v]);
    }
    finish_edge(kept, t, last, rows, vecs);
}

/* The sum of the runs so far waits in C. */
INLINE void add_runs(__m256 acc[TILE_ROWS][8], const gemm_tile *t, const size_t rows,
                     const size_t vecs)
{
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        const float *c = t->c + v * LANES;
        UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc) acc[r][v] =
            _mm256_add_ps(ig_load_avx2(c, ig_lanes_avx2(t->cols, v)), acc[r][v]);
    }
}

INLINE void fetch_c(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    const float *c = t->c;
    UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
    {
        UNROLL for (size_t v = 0; v < vecs; v += 2) _mm_prefetch(c + v * LANES, _MM_HINT_T0);
    }
}

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs)
{
    __m256 acc[TILE_ROWS][8];
    if (rows > FEW) fetch_c(t, rows, vecs);
    size_t k = 0;
    do {
        const size_t depth = IG_MIN(t->kc - k, (size_t)IG_GEMM_RUN);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm256_setzero_ps();
        }
        multiply(acc, t, k, depth, rows, vecs);
        if (k || !t->first) add_runs(acc, t, rows, vecs);
        k += depth;
        const bool last = t->last && k == t->kc;
        if (t->cols == vecs * LANES)
            store((const __m256(*)[8])acc, t, last, rows, vecs);
        else
            store_edge((const __m256(*)[8])acc, t, last, rows, vecs);
    } while (k < t->kc);
}

#define TILE(rows, panels) \
    static void tile_##rows##x##panels(const gemm_tile *t) { tile(t, rows, 2 * panels); }
#define UP_TO_6(X, p)      X(1, p) X(2, p) X(3, p) X(4, p) X(5, p) X(6, p)
#define NAME(rows, panels) tile_##rows##x##panels,
UP_TO_6(TILE, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(1, 4)
static gemm_tile_fn *const by_1[] = {UP_TO_6(NAME, 1)};
static gemm_tile_fn *const by_2[] = {tile_1x2, tile_2x2, tile_3x2};
static gemm_tile_fn *const by_4[] = {tile_1x4};

/* Up to NARROW columns: lanes are rows, and A is transposed in registers on its way; one panel
 * would throw most of its lanes away. sum [n][LANES] of `rows` rows. */
INLINE void narrow_sums(float sum[NARROW][LANES], const ig_gemm_f32_args *g, const float *a,
                        size_t rows, const size_t cols)
{
    __m256 acc[NARROW], total[NARROW];
    UNROLL for (size_t n = 0; n < cols; n++) acc[n] = total[n] = _mm256_setzero_ps();
    for (size_t k = 0; k < g->k; k += LANES) {
        if (k && k % IG_GEMM_RUN == 0) { /* a run ends */
            UNROLL for (size_t n = 0; n < cols; n++)
            {
                total[n] = k == IG_GEMM_RUN ? acc[n] : _mm256_add_ps(total[n], acc[n]);
                acc[n] = _mm256_setzero_ps();
            }
        }
        const __m256i deep = ig_mask_avx2(g->k - k), none = _mm256_setzero_si256();
        __m256 x[LANES];
        UNROLL for (size_t r = 0; r < LANES; r++) x[r] =
            _mm256_maskload_ps(a + (r < rows ? r * g->lda : 0) + k, r < rows ? deep : none);
        ig_transpose_avx2(x);
        const float *b = g->b + k * IG_PANEL;
        const size_t deep_k = IG_MIN(g->k - k, LANES);
        UNROLL for (size_t i = 0; i < LANES; i++)
        {
            if (i == deep_k) break;
            UNROLL for (size_t n = 0; n < cols; n++) acc[n] =
                _mm256_fmadd_ps(x[i], _mm256_set1_ps(b[i * IG_PANEL + n]), acc[n]);
        }
    }
    const bool one_run = g->k <= IG_GEMM_RUN;
    UNROLL for (size_t n = 0; n < cols; n++)
        _mm256_storeu_ps(sum[n], one_run ? acc[n] : _mm256_add_ps(total[n], acc[n]));
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

void gemm_f32_avx2(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const gemm_tiles tiles = {{by_1, by_2, by_4}, {6, 3, 1}, ig_finish_avx2};
    if (g->n <= NARROW && m1 - m0 >= NARROW_ROWS && p0 < p1)
        narrow(g, m0, m1);
    else
        drive(g, &tiles, m0, m1, p0, p1);
}
