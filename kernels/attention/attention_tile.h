/* attention_tile.h - the two products of attention: S = scale Q K^T and O = P V + factor O.
 *
 * Both are shallow (64 to 128 products a sum), so that what happens to a finished sum counts: the
 * GEMM's epilogue would cost 10 % here. The sums are those of gemm.h. Tiles have up to TILE_ROWS
 * rows and TILE_VECS vectors of columns, all in registers; rows are addressed three to a pointer.
 * The including file says how many, and lists the tiles: ATT_EACH_TILE(X) is X(rows, vecs) of each.
 */
#ifndef IG_ATTENTION_TILE_H
#define IG_ATTENTION_TILE_H

#include "kernels/gemm/gemm.h"
#include "kernels/attention/attention_block.h"
#include "runtime/base/checked.h"

enum { PER_BASE = 3, BASES = (TILE_ROWS + PER_BASE - 1) / PER_BASE };

/* One product: c [rows][16 panels] = scale (a b [+ factor c]). */
typedef struct {
    float *c;
    const float *a, *b; /* b: panels [k][16], `panel` floats apart */
    const float *factor; /* NULL: c is not read; else [rows] */
    size_t ldc, lda, panel, k;
    float scale;
} att_product;

VEC_INLINE void att_tile(const att_product *p, const float *at, const float *b, float *c,
                         const float *factor, const size_t rows, const size_t vecs)
{
    const size_t lda = p->lda, panel = p->panel;
    const float *a[BASES];
    vf acc[TILE_ROWS][TILE_VECS];
    ATT_UNROLL for (size_t g = 0; g * PER_BASE < rows; g++) a[g] = at + g * PER_BASE * lda;
    ATT_UNROLL for (size_t r = 0; r < rows; r++)
    {
        ATT_UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = vf_set(0.0f);
    }
    for (size_t k = p->k; k; k--) {
        vf w[TILE_VECS];
        ATT_UNROLL for (size_t v = 0; v < vecs; v++) w[v] = vf_load(b + v * panel);
        ATT_UNROLL for (size_t r = 0; r < rows; r++)
        {
            const vf x = vf_set(a[r / PER_BASE][r % PER_BASE * lda]);
            ATT_UNROLL for (size_t v = 0; v < vecs; v++) acc[r][v] = vf_fma(x, w[v], acc[r][v]);
        }
        ATT_UNROLL for (size_t g = 0; g * PER_BASE < rows; g++)
        {
            a[g]++;
            __asm__("" : "+r"(a[g])); /* or the compiler splits it into a pointer for each row */
        }
        b += 16;
    }
    const vf scale = vf_set(p->scale);
    ATT_UNROLL for (size_t r = 0; r < rows; r++, c += p->ldc)
    {
        ATT_UNROLL for (size_t v = 0; v < vecs; v++)
        {
            vf y = acc[r][v];
            if (factor) y = vf_add(y, vf_mul(vf_load(c + v * 16), vf_set(factor[r])));
            vf_store(c + v * 16, vf_mul(y, scale));
        }
    }
}

typedef void att_tile_fn(const att_product *p, const float *a, const float *b, float *c,
                         const float *factor);

#define ATT_TILE(rows, vecs)                                                                   \
    static void att_tile_##rows##x##vecs(const att_product *p, const float *a, const float *b, \
                                         float *c, const float *factor)                        \
    {                                                                                          \
        att_tile(p, a, b, c, factor, rows, vecs);                                              \
    }
ATT_EACH_TILE(ATT_TILE)
#undef ATT_TILE

/* Rows [0, rows) of panels [0, panels), split evenly into tiles. */
static void att_multiply(const att_product *p, size_t rows, size_t panels)
{
#define ATT_NAME(rows, vecs) [vecs - 1][rows - 1] = att_tile_##rows##x##vecs,
    static att_tile_fn *const tiles[TILE_VECS][TILE_ROWS] = {ATT_EACH_TILE(ATT_NAME)};
#undef ATT_NAME
    const size_t n = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t i = 0, row = 0; i < n; i++) {
        const size_t high = rows / n + (i < rows % n);
        const float *a = p->a + row * p->lda, *factor = p->factor ? p->factor + row : NULL;
        float *c = p->c + row * p->ldc;
        for (size_t at = 0, vecs; at < panels; at += vecs) {
            vecs = IG_MIN(panels - at, (size_t)TILE_VECS);
            tiles[vecs - 1][high - 1](p, a, p->b + at * p->panel, c + at * 16, factor);
        }
        row += high;
    }
}

#endif
