/* gemm_tile_neon.h - the register tile of the GEMMs, NEON; only NEON files include it.
 *
 * Tiles of up to 6 rows x 1 panel (24 sums, 4 of B, a broadcast of A); up to 3 rows take 2 panels
 * and one row 4, to hide the latency of the chains and to keep enough loads in flight. Up to 4
 * columns, as small heads have, take one vector of a panel. Columns past N are loaded and stored
 * lane by lane.
 *
 * Weights of 16 bits become floats on their way into the registers: f16 by a conversion, bf16 pairs
 * by a shift and a mask. A file may define GEMM_STEP(acc, x, w), what one line of B adds. */
#ifndef IG_GEMM_TILE_NEON_H
#define IG_GEMM_TILE_NEON_H

#include "kernels/gemm/epilogue_neon.h"
#include "kernels/gemm/gemm_drive.h"

enum { LANES = 4, VECS = IG_PANEL / LANES, TILE_ROWS = 6, MOST_VECS = 4 * VECS };
enum { FEW = 2 /* rows that outrun L2: B is fetched into L1 */ };

#define UNROLL _Pragma("GCC unroll 16")
#ifndef GEMM_STEP
#    define GEMM_STEP(acc, x, w) vfmaq_f32(acc, x, w)
#endif

typedef enum { B_F32, B_F16, B_BF16 } b_type;

/* Vector v of one k of a panel; `odd`: of the second k of a line of 16-bit weights. */
NEON_INLINE float32x4_t load_b(const char *line, size_t v, const b_type type, const bool odd)
{
    if (type == B_F32) return vld1q_f32((const float *)line + v * LANES);
    if (type == B_F16) {
        const uint16_t *half = (const uint16_t *)line + (odd ? IG_PANEL : 0) + v * LANES;
        return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(half)));
    }
    const uint32x4_t pairs = vld1q_u32((const uint32_t *)line + v * LANES);
    return vreinterpretq_f32_u32(odd ? vandq_u32(pairs, vdupq_n_u32(0xffff0000u))
                                     : vshlq_n_u32(pairs, 16));
}

/* acc [rows][vecs] += one k: column of A times row of B */
NEON_INLINE void add_product(float32x4_t acc[TILE_ROWS][MOST_VECS], const float *a[TILE_ROWS],
                             const char *b, const char *b_far, size_t panel, const size_t rows,
                             const size_t vecs, const b_type type, const bool odd)
{
    float32x4_t x[TILE_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) x[r] = vld1q_dup_f32(a[r]++);
    UNROLL for (size_t p = 0; p * VECS < vecs; p++)
    {
        const char *from = p == 3 ? b_far : b + p * panel;
        const size_t n = vecs < VECS ? vecs : VECS;
        float32x4_t w[VECS];
        UNROLL for (size_t v = 0; v < n; v++) w[v] = load_b(from, v, type, odd);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < n; v++) acc[r][p * VECS + v] =
                GEMM_STEP(acc[r][p * VECS + v], x[r], w[v]);
        }
    }
}

NEON_INLINE void prefetch(const char *b, const char *ahead, size_t panel, const size_t rows,
                          const size_t vecs)
{
    UNROLL for (size_t p = 0; p * VECS < vecs; p++)
    {
        if (rows <= FEW)
            __builtin_prefetch(b + p * panel + NEAR, 0, 3);
        else
            __builtin_prefetch(ahead + p * panel, 0, 2);
    }
}

/* acc [rows][vecs] += A [rows][k0 .. k0 + depth) B [depth][vecs * 4], a line of B each turn */
NEON_INLINE void multiply(float32x4_t acc[TILE_ROWS][MOST_VECS], const gemm_tile *t, size_t k0,
                          size_t depth, const size_t rows, const size_t vecs, const b_type type)
{
    const size_t deep = type == B_F32 ? 1 : 2; /* k of a line */
    const char *b = t->b + k0 / deep * LINE, *b_far = b + 3 * t->panel;
    const char *ahead = t->ahead + k0 / deep * t->ahead_step;
    const size_t panel = t->panel, ahead_step = t->ahead_step;
    const float *a[TILE_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) a[r] = t->a + r * t->lda + k0;
    for (size_t turn = depth / deep; turn; turn--) {
        prefetch(b, ahead, panel, rows, vecs);
        add_product(acc, a, b, b_far, panel, rows, vecs, type, false);
        if (deep == 2) add_product(acc, a, b, b_far, panel, rows, vecs, type, true);
        b += LINE;
        b_far += LINE;
        ahead += ahead_step;
    }
    if (depth % deep) add_product(acc, a, b, b_far, panel, rows, vecs, type, false);
}

/* y = clip(acc + bias + residual), stored; a sum that is not finished is stored as it is. */
NEON_INLINE void store(const float32x4_t acc[TILE_ROWS][MOST_VECS], const gemm_tile *t, bool last,
                       const bool whole, const size_t rows, const size_t vecs)
{
    const float32x4_t low = vdupq_n_f32(t->low), high = vdupq_n_f32(t->high);
    const float32x4_t none = vdupq_n_f32(-0.0f); /* y + -0 is y, also for y = -0 */
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        const size_t n = whole ? LANES : ig_lanes_neon(t->cols, v);
        const float32x4_t bias = t->bias ? ig_load_neon(t->bias + v * LANES, n, none) : none;
        const float *add = t->residual ? t->residual + v * LANES : NULL;
        float *c = t->c + v * LANES;
        UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc)
        {
            float32x4_t y = acc[r][v];
            if (last) {
                y = vaddq_f32(y, bias);
                if (add) {
                    y = vaddq_f32(y, ig_load_neon(add, n, none));
                    add += t->ld_residual;
                }
                y = ig_min_neon(high, ig_max_neon(low, y)); /* NaN: the second operand */
            }
            ig_store_neon(c, n, y);
        }
    }
}

/* The sum of the runs so far waits in C. */
NEON_INLINE void add_runs(float32x4_t acc[TILE_ROWS][MOST_VECS], const gemm_tile *t,
                          const size_t rows, const size_t vecs)
{
    const float32x4_t none = vdupq_n_f32(0);
    UNROLL for (size_t v = 0; v < vecs; v++)
    {
        const size_t n = ig_lanes_neon(t->cols, v);
        const float *c = t->c + v * LANES;
        UNROLL for (size_t r = 0; r < rows; r++, c += t->ldc) acc[r][v] =
            vaddq_f32(ig_load_neon(c, n, none), acc[r][v]);
    }
}

NEON_INLINE void tile(const gemm_tile *t, const size_t rows, const size_t vecs, const b_type type)
{
    float32x4_t acc[TILE_ROWS][MOST_VECS];
    size_t k = 0;
    do {
        const size_t depth = IG_MIN(t->kc - k, (size_t)IG_GEMM_RUN);
        UNROLL for (size_t r = 0; r < rows; r++)
        {
            UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = vdupq_n_f32(0);
        }
        multiply(acc, t, k, depth, rows, vecs, type);
        if (k || !t->first) add_runs(acc, t, rows, vecs);
        k += depth;
        const bool last = t->last && k == t->kc;
        if (t->cols == vecs * LANES)
            store((const float32x4_t(*)[MOST_VECS])acc, t, last, true, rows, vecs);
        else
            store((const float32x4_t(*)[MOST_VECS])acc, t, last, false, rows, vecs);
    } while (k < t->kc);
}

NEON_INLINE void tile_of_1(const gemm_tile *t, const size_t rows, const b_type type)
{
    if (t->cols <= LANES)
        tile(t, rows, 1, type);
    else
        tile(t, rows, VECS, type);
}

/* The tiles of one type of B: GEMM_TILES(f32, B_F32) defines by_1_f32, by_2_f32 and by_4_f32. */
#define TILE_1(rows, name, type) \
    static void tile_##rows##x1_##name(const gemm_tile *t) { tile_of_1(t, rows, type); }
#define TILE(rows, panels, name, type)                              \
    static void tile_##rows##x##panels##_##name(const gemm_tile *t) \
    {                                                               \
        tile(t, rows, panels *VECS, type);                          \
    }
#define GEMM_TILES(name, type)                                                    \
    TILE_1(1, name, type)                                                         \
    TILE_1(2, name, type)                                                         \
    TILE_1(3, name, type)                                                         \
    TILE_1(4, name, type)                                                         \
    TILE_1(5, name, type)                                                         \
    TILE_1(6, name, type)                                                         \
    TILE(1, 2, name, type)                                                        \
    TILE(2, 2, name, type)                                                        \
    TILE(3, 2, name, type)                                                        \
    TILE(1, 4, name, type)                                                        \
    static gemm_tile_fn *const by_1_##name[] = {                                  \
        tile_1x1_##name, tile_2x1_##name, tile_3x1_##name,                        \
        tile_4x1_##name, tile_5x1_##name, tile_6x1_##name};                       \
    static gemm_tile_fn *const by_2_##name[] = {tile_1x2_##name, tile_2x2_##name, \
                                                tile_3x2_##name};                 \
    static gemm_tile_fn *const by_4_##name[] = {tile_1x4_##name};

#endif
