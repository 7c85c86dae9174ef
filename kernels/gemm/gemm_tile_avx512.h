/* gemm_tile_avx512.h - the register tile of the GEMMs, AVX-512; only AVX-512 files include it.
 *
 * Tiles of up to 14 rows x 2 panels (28 sums, 2 of B, 1 broadcast of A), and for few rows up to 6 x
 * 4 panels, where B's stream is the bound: 4 panels at once keep enough loads in flight. Rows of A
 * are addressed three to a pointer, base + {0, 1, 2} lda, so that 14 rows need 5 pointers and none
 * is spilled. Columns past N are masked; rows past M have tiles of their own height.
 *
 * Weights of 16 bits become floats on their way into the registers: f16 by a conversion, bf16 pairs
 * by a shift and by a masked load. Both run beside the multiplications, in ports that these leave
 * free, so that no scratch of widened panels is needed at any M. */
#ifndef IG_GEMM_TILE_AVX512_H
#define IG_GEMM_TILE_AVX512_H

#include "kernels/gemm/epilogue_avx512.h"
#include "kernels/gemm/gemm_drive.h"

enum { LANES = 16, PER_BASE = 3, BASES = (MOST_ROWS + PER_BASE - 1) / PER_BASE };

#define UNROLL _Pragma("GCC unroll 16")

/* The step of every sum; a file may define another before it includes this one. */
#ifndef GEMM_STEP
#    define GEMM_STEP(acc, x, w) _mm512_fmadd_ps(x, w, acc)
#endif

typedef enum { B_F32, B_F16, B_BF16 } b_type;

/* Rows that outrun L2. */
INLINE size_t few(const b_type type) { return type == B_F32 ? 4 : 2; }

/* The 16 floats of one k of a panel; `odd`: of the second k of a line of 16-bit weights. */
INLINE __m512 load_b(const char *line, const b_type type, const bool odd)
{
    if (type == B_F32) return _mm512_loadu_ps(line);
    if (type == B_F16)
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(line + (odd ? 32 : 0))));
    const __m512i pairs = odd ? _mm512_maskz_loadu_epi16(0xaaaaaaaa, line)
                              : _mm512_slli_epi32(_mm512_loadu_si512(line), 16);
    return _mm512_castsi512_ps(pairs);
}

/* acc [rows][vecs] += one k: column of A times row of B */
INLINE void add_product(__m512 acc[MOST_ROWS][4], const float *a[BASES], size_t lda,
                        const __m512 w[4], const size_t rows, const size_t vecs)
{
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        const __m512 x = _mm512_set1_ps(a[r / PER_BASE][r % PER_BASE * lda]);
        UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = GEMM_STEP(acc[r][v], x, w[v]);
    }
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++)
    {
        a[g]++;
        __asm__("" : "+r"(a[g])); /* or the compiler splits it into a pointer for each row */
    }
}

/* acc [rows][vecs] += A [rows][k0 .. k0 + depth) B [depth][vecs * 16], a line of B each turn */
INLINE void multiply(__m512 acc[MOST_ROWS][4], const gemm_tile *t, size_t k0, size_t depth,
                     const size_t rows, const size_t vecs, const b_type type)
{
    const size_t deep = type == B_F32 ? 1 : 2; /* k of a line */
    const char *b = t->b + k0 / deep * LINE, *b_far = b + 3 * t->panel;
    const char *ahead = t->ahead + k0 / deep * t->ahead_step;
    const size_t lda = t->lda, panel = t->panel, ahead_step = t->ahead_step;
    const float *a[BASES];
    UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = t->a + k0 + g * PER_BASE * lda;
    for (size_t turn = depth / deep; turn; turn--) {
        __m512 w[4];
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            if (rows <= few(type))
                _mm_prefetch((v == 3 ? b_far : b + v * panel) + NEAR, _MM_HINT_T0);
            else
                _mm_prefetch(ahead + v * panel, _MM_HINT_T1);
        }
        UNROLL for (size_t v = 0; v < vecs; v++) w[v] =
            load_b(v == 3 ? b_far : b + v * panel, type, false);
        add_product(acc, a, lda, w, rows, vecs);
        if (deep == 2) {
            UNROLL for (size_t v = 0; v < vecs; v++) w[v] =
                load_b(v == 3 ? b_far : b + v * panel, type, true);
            add_product(acc, a, lda, w, rows, vecs);
        }
        b += LINE;
        b_far += LINE;
        ahead += ahead_step;
    }
    if (depth % deep) {
        __m512 w[4];
        UNROLL for (size_t v = 0; v < vecs; v++) w[v] =
            load_b(v == 3 ? b_far : b + v * panel, type, false);
        add_product(acc, a, lda, w, rows, vecs);
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

INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs, const b_type type)
{
    __m512 acc[MOST_ROWS][4];
    __mmask16 m[4];
    UNROLL for (size_t v = 0; v < vecs; v++) m[v] = ig_lanes_avx512(t->cols, v);
    if (rows > few(type)) fetch_c(t, rows, vecs);
    size_t k = 0;
    do {
        const size_t depth = IG_MIN(t->kc - k, (size_t)IG_GEMM_RUN);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = _mm512_setzero_ps();
        }
        multiply(acc, t, k, depth, rows, vecs, type);
        if (k || !t->first) add_runs(acc, t, m, rows, vecs);
        k += depth;
        store((const __m512(*)[4])acc, t, t->last && k == t->kc, m, rows, vecs);
    } while (k < t->kc);
}

/* The tiles of one type of B: GEMM_TILES(f32, B_F32) defines by_1_f32, by_2_f32 and by_4_f32. */
#define TILE(rows, panels, name, type) \
    static void tile_##rows##x##panels##_##name(const gemm_tile *t) { tile(t, rows, panels, type); }
#define UP_TO_6(X, p, n, t) \
    X(1, p, n, t) X(2, p, n, t) X(3, p, n, t) X(4, p, n, t) X(5, p, n, t) X(6, p, n, t)
#define UP_TO_14(X, p, n, t) \
    UP_TO_6(X, p, n, t)      \
    X(7, p, n, t)            \
    X(8, p, n, t)            \
    X(9, p, n, t) X(10, p, n, t) X(11, p, n, t) X(12, p, n, t) X(13, p, n, t) X(14, p, n, t)
#define NAME(rows, panels, name, type) tile_##rows##x##panels##_##name,
#define GEMM_TILES(name, type)                                                  \
    UP_TO_14(TILE, 1, name, type)                                               \
    UP_TO_14(TILE, 2, name, type)                                               \
    UP_TO_6(TILE, 4, name, type)                                                \
    static gemm_tile_fn *const by_1_##name[] = {UP_TO_14(NAME, 1, name, type)}; \
    static gemm_tile_fn *const by_2_##name[] = {UP_TO_14(NAME, 2, name, type)}; \
    static gemm_tile_fn *const by_4_##name[] = {UP_TO_6(NAME, 4, name, type)};

#endif
