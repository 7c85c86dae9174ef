/* gemm_i8_avx512vnni.c - integer product with vpdpbusd: unsigned activations by signed weights,
 * accumulated without saturation.
 *
 * Tile: up to 6 activation rows by 4 panels (24 accumulators, 4 weight registers, 1 broadcast),
 * more rows where fewer than 4 panels are left. Rows are split evenly (8 = 4 + 4). A single row is
 * bound by reading the weights: it goes panel by panel. */
#include "kernels/gemm_i8/gemm_i8_zmm.h"
#include "runtime/base/checked.h"

enum { WIDE = 4, MOST = 24 };

void gemm_i8_acts_avx512vnni(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                             size_t k, size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

/* add_dots - in place: with the intrinsic gcc 12 copies and spills the accumulators, at half the
 * speed. */
ACTS_INLINE __m512i add_dots(__m512i sum, __m512i a, __m512i w)
{
#if defined(__AVX512VNNI__) /* not where the intrinsics are emulated */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(w));
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, a, w);
#endif
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, size_t rows, size_t panels)
{
    const size_t k4 = (p->k + 3) / 4, a_row = p->acts_row ? p->acts_row : k4 * 4;
    const size_t w_panel = k4 * 64;
    const int8_t *panels_at = p->panels + panel * w_panel;
    const uint8_t *rows_at = (const uint8_t *)p->acts + row * a_row;
    __m512i sum[MOST];
    IG_UNROLL
    for (size_t i = 0; i < rows * panels; i++) sum[i] = start_16(p, (panel + i % panels) * 16);
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = panels_at + s.piece->k4 * 64;
        const uint8_t *a = rows_at + s.piece->at;
        for (size_t g = s.piece->n4; g; g--, w += 64, a += 4) {
            __m512i weights[WIDE];
            IG_UNROLL
            for (size_t q = 0; q < panels; q++) weights[q] = _mm512_loadu_si512(w + q * w_panel);
            IG_UNROLL
            for (size_t r = 0; r < rows; r++) {
                const __m512i act = broadcast(a + r * a_row);
                IG_UNROLL
                for (size_t q = 0; q < panels; q++)
                    sum[r * panels + q] = add_dots(sum[r * panels + q], act, weights[q]);
            }
        }
    }
    store_tile(p, row, panel, sum, rows, panels);
}

typedef void tile_fn(const gemm_i8_args *p, size_t row, size_t panel);

#define TILE(rows, panels)                                                              \
    static void tile_##rows##x##panels(const gemm_i8_args *p, size_t row, size_t panel) \
    {                                                                                   \
        tile(p, row, panel, rows, panels);                                              \
    }
#define NAME(rows, panels) tile_##rows##x##panels,
#define UP_TO_6(X, panels) \
    X(1, panels) X(2, panels) X(3, panels) X(4, panels) X(5, panels) X(6, panels)
#define UP_TO_8(X, panels) UP_TO_6(X, panels) X(7, panels) X(8, panels)
#define UP_TO_12(X, panels) \
    UP_TO_8(X, panels) X(9, panels) X(10, panels) X(11, panels) X(12, panels)
UP_TO_12(TILE, 1)
UP_TO_12(TILE, 2)
UP_TO_8(TILE, 3)
UP_TO_6(TILE, 4)
static tile_fn *const one[] = {UP_TO_12(NAME, 1)}, *const two[] = {UP_TO_12(NAME, 2)},
                      *const three[] = {UP_TO_8(NAME, 3)}, *const four[] = {UP_TO_6(NAME, 4)};
static const struct {
    tile_fn *const *by_rows;
    size_t most;
} widths[] = {{NULL, 0}, {one, 12}, {two, 12}, {three, 8}, {four, 6}};

/* One row by one panel: the weights are one stream, and four sums hide the latency. */
static void vector(const gemm_i8_args *p, size_t row, size_t panel)
{
    const size_t k4 = (p->k + 3) / 4, a_row = p->acts_row ? p->acts_row : k4 * 4;
    const int8_t *panel_at = p->panels + panel * k4 * 64;
    const uint8_t *row_at = (const uint8_t *)p->acts + row * a_row;
    __m512i sum[4] = {start_16(p, panel * 16), _mm512_setzero_si512(), _mm512_setzero_si512(),
                      _mm512_setzero_si512()};
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = panel_at + s.piece->k4 * 64;
        const uint8_t *a = row_at + s.piece->at;
        size_t g = s.piece->n4;
        for (; g >= 4; g -= 4, w += 256, a += 16) {
            IG_UNROLL
            for (size_t i = 0; i < 4; i++)
                sum[i] = add_dots(sum[i], broadcast(a + 4 * i), _mm512_loadu_si512(w + 64 * i));
        }
        for (; g; g--, w += 64, a += 4)
            sum[0] = add_dots(sum[0], broadcast(a), _mm512_loadu_si512(w));
    }
    sum[0] = _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3]));
    store_tile(p, row, panel, sum, 1, 1);
}

/* each_tile - rows [row, end) in the fewest tiles of at most `most`, of sizes that differ by 1. */
static void each_tile(const gemm_i8_args *p, size_t row, size_t end, size_t panel, size_t most,
                      tile_fn *const *by_rows)
{
    for (size_t tiles = (end - row + most - 1) / most; tiles; tiles--) {
        const size_t rows = (end - row + tiles - 1) / tiles;
        by_rows[rows - 1](p, row, panel);
        row += rows;
    }
}

void gemm_i8_avx512vnni(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                        size_t end_panel)
{
    if (end_row == first_row + 1 && !p->pieces) {
        for (size_t panel = first_panel; panel < end_panel; panel++) vector(p, first_row, panel);
        return;
    }
    for (size_t panel = first_panel, panels; panel < end_panel; panel += panels) {
        panels = IG_MIN(end_panel - panel, (size_t)WIDE);
        each_tile(p, first_row, end_row, panel, widths[panels].most, widths[panels].by_rows);
    }
}
