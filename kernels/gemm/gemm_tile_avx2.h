/* gemm_tile_avx2.h - the register tile of the GEMMs, AVX2 + FMA + F16C; only AVX2 files include it.
 *
 * Tiles of up to 6 rows x 1 panel (12 sums, 2 of B, 1 broadcast of A); up to three rows take 4 or 2
 * panels at once, to hide the latency of the chains and to keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda. The last panel's columns past N are
 * masked. Weights of 16 bits become floats on their way into the registers, as in
 * gemm_tile_avx512.h. */
#ifndef IG_GEMM_TILE_AVX2_H
#define IG_GEMM_TILE_AVX2_H

#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/gemm/gemm_drive.h"

enum { LANES = 8, PER_BASE = 3, TILE_ROWS = 6, BASES = TILE_ROWS / PER_BASE };

#define UNROLL _Pragma("GCC unroll 16")

typedef enum { B_F32, B_F16, B_BF16 } b_type;

/* Rows that outrun L2. */
INLINE size_t few(const b_type type) { return type == B_F32 ? 4 : 2; }

/* Half h (8 columns) of one k of a panel; `odd`: of the second k of a line of 16-bit weights. */
INLINE __m256 load_b(const char *line, const size_t h, const b_type type, const bool odd)
{
    if (type == B_F32) return _mm256_loadu_ps((const float *)line + h * LANES);
    if (type == B_F16)
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(line + (odd ? 32 : 0) + h * 16)));
    const __m256i pairs = _mm256_loadu_si256((const __m256i *)line + h);
    return _mm256_castsi256_ps(odd ? _mm256_and_si256(pairs, _mm256_set1_epi32(-65536))
                                   : _mm256_slli_epi32(pairs, 16));
}

INLINE __m256 load_a(const float *const a[BASES], size_t lda, const size_t r)
{
    return _mm256_broadcast_ss(a[r / PER_BASE] + r % PER_BASE * lda);
}

/* acc [rows][vecs] += one k. b: lines of the panels, b_far: of the fourth */
INLINE void add_product(__m256 acc[TILE_ROWS][8], const float *a[BASES], size_t lda, const char *b,
                        const char *b_far, size_t panel, const size_t rows, const size_t vecs,
                        const b_type type, const bool odd)
{
    if (rows <= 3) { /* A's column stays, B comes half a panel at a time */
        __m256 x[3];
        UNROLL for (size_t r = 0; r < rows; r++) x[r] = load_a(a, lda, r);
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            const __m256 w = load_b(v / 2 == 3 ? b_far : b + v / 2 * panel, v % 2, type, odd);
            UNROLL for (size_t r = 0; r < rows; r++) acc[r][v] =
                _mm256_fmadd_ps(x[r], w, acc[r][v]);
        }
    } else { /* one panel stays, A comes a row at a time */
        const __m256 w0 = load_b(b, 0, type, odd), w1 = load_b(b, 1, type, odd);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            const __m256 x = load_a(a, lda, r);
            acc[r][0] = _mm256_fmadd_ps(x, w0, acc[r][0]);
            acc[r][1] = _mm256_fmadd_ps(x, w1, acc[r][1]);
        }
    }
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++)
    {
        a[g]++;
        __asm__("" : "+r"(a[g])); /* or the compiler splits it into a pointer for each row */
    }
}

/* acc [rows][vecs] += A [rows][k0 .. k0 + depth) B [depth][vecs * 8], a line of B each turn */
INLINE void multiply(__m256 acc[TILE_ROWS][8], const gemm_tile *t, size_t k0, size_t depth,
                     const size_t rows, const size_t vecs, const b_type type)
{
    const size_t deep = type == B_F32 ? 1 : 2; /* k of a line */
    const char *b = t->b + k0 / deep * LINE, *b_far = b + 3 * t->panel;
    const char *ahead = t->ahead + k0 / deep * t->ahead_step;
    const size_t lda = t->lda, panel = t->panel, ahead_step = t->ahead_step;
    const float *a[BASES];
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + k0 + g * PER_BASE * lda;
    for (size_t turn = depth / deep; turn; turn--) {
        UNROLL for (size_t p = 0; p < (vecs + 1) / 2; p++)
        {
            if (rows <= few(type))
                _mm_prefetch((p == 3 ? b_far : b + p * panel) + NEAR, _MM_HINT_T0);
            else
                _mm_prefetch(ahead + p * panel, _MM_HINT_T1);
        }
        add_product(acc, a, lda, b, b_far, panel, rows, vecs, type, false);
        if (deep == 2) add_product(acc, a, lda, b, b_far, panel, rows, vecs, type, true);
        b += LINE;
        b_far += LINE;
        ahead += ahead_step;
    }
    if (depth % deep) add_product(acc, a, lda, b, b_far, panel, rows, vecs, type, false);
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

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs, const b_type type)
{
    __m256 acc[TILE_ROWS][8];
    if (rows > few(type)) fetch_c(t, rows, vecs);
    size_t k = 0;
    do {
        const size_t depth = IG_MIN(t->kc - k, (size_t)IG_GEMM_RUN);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm256_setzero_ps();
        }
        multiply(acc, t, k, depth, rows, vecs, type);
        if (k || !t->first) add_runs(acc, t, rows, vecs);
        k += depth;
        const bool last = t->last && k == t->kc;
        if (t->cols == vecs * LANES)
            store((const __m256(*)[8])acc, t, last, rows, vecs);
        else
            store_edge((const __m256(*)[8])acc, t, last, rows, vecs);
    } while (k < t->kc);
}

/* The tiles of one type of B: GEMM_TILES(f32, B_F32) defines by_1_f32 and by_4_f32; two panels go
 * by up to three rows with GEMM_TILES_3x2(f32, B_F32), by two with GEMM_TILES_2x2(f32), as
 * by_2_f32. */
#define TILE(rows, panels, name, type)                              \
    static void tile_##rows##x##panels##_##name(const gemm_tile *t) \
    {                                                               \
        tile(t, rows, 2 * panels, type);                            \
    }
#define GEMM_TILES(name, type)                              \
    TILE(1, 1, name, type)                                  \
    TILE(2, 1, name, type)                                  \
    TILE(3, 1, name, type)                                  \
    TILE(4, 1, name, type)                                  \
    TILE(5, 1, name, type)                                  \
    TILE(6, 1, name, type)                                  \
    TILE(1, 2, name, type)                                  \
    TILE(2, 2, name, type)                                  \
    TILE(1, 4, name, type)                                  \
    static gemm_tile_fn *const by_1_##name[] = {            \
        tile_1x1_##name, tile_2x1_##name, tile_3x1_##name,  \
        tile_4x1_##name, tile_5x1_##name, tile_6x1_##name}; \
    static gemm_tile_fn *const by_4_##name[] = {tile_1x4_##name};
#define GEMM_TILES_2x2(name) \
    static gemm_tile_fn *const by_2_##name[] = {tile_1x2_##name, tile_2x2_##name};
#define GEMM_TILES_3x2(name, type) \
    TILE(3, 2, name, type)         \
    static gemm_tile_fn *const by_2_##name[] = {tile_1x2_##name, tile_2x2_##name, tile_3x2_##name};

#endif
