/* gemm_i8_avxvnni.c - integer product with vpdpbusd on 256-bit vectors, for CPUs with AVX-VNNI and
 * no AVX-512.
 *
 * Tile: up to 6 activation rows by 1 panel = 12 accumulators, 2 weight registers, 1 broadcast.
 * Bound by vpdpbusd, 32 products each. */
#include "kernels/gemm_i8/gemm_i8_ymm.h"

enum { ROWS = 6 };

void gemm_i8_acts_avxvnni(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m,
                          size_t k, size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

ACTS_INLINE void tile(const gemm_i8_args *p, size_t row, size_t panel, size_t rows)
{
    const size_t k4 = (p->k + 3) / 4, a_row = p->acts_row ? p->acts_row : k4 * 4;
    const int8_t *panel_at = p->panels + panel * k4 * 64;
    const uint8_t *rows_at = (const uint8_t *)p->acts + row * a_row;
    __m256i low[ROWS], high[ROWS];
    IG_UNROLL
    for (size_t r = 0; r < rows; r++) {
        low[r] = start_8(p, panel * 16);
        high[r] = start_8(p, panel * 16 + 8);
    }
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++) {
        const int8_t *w = panel_at + s.piece->k4 * 64;
        const uint8_t *a = rows_at + s.piece->at;
        for (size_t g = s.piece->n4; g; g--, w += 64, a += 4) {
            const __m256i w0 = _mm256_loadu_si256((const __m256i *)w);
            const __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 32));
            IG_UNROLL
            for (size_t r = 0; r < rows; r++) {
                const __m256i act = broadcast(a + r * a_row);
                low[r] = _mm256_dpbusd_avx_epi32(low[r], act, w0);
                high[r] = _mm256_dpbusd_avx_epi32(high[r], act, w1);
            }
        }
    }
    store_tile(p, row, panel, low, high, rows);
}

typedef void tile_fn(const gemm_i8_args *p, size_t row, size_t panel);

#define TILE(rows)                                                           \
    static void tile_##rows(const gemm_i8_args *p, size_t row, size_t panel) \
    {                                                                        \
        tile(p, row, panel, rows);                                           \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6) static tile_fn *const by_rows[ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

/* Rows in the fewest tiles, of sizes that differ by 1. */
void gemm_i8_avxvnni(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                     size_t end_panel)
{
    for (size_t panel = first_panel; panel < end_panel; panel++) {
        size_t row = first_row;
        for (size_t tiles = (end_row - row + ROWS - 1) / ROWS; tiles; tiles--) {
            const size_t rows = (end_row - row + tiles - 1) / tiles;
            by_rows[rows - 1](p, row, panel);
            row += rows;
        }
    }
}
