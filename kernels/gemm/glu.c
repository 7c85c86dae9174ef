/* glu.c - see glu.h. */
#include "kernels/gemm/glu.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { ROWS = 56, PANELS = 8, LD = PANELS * IG_PANEL };

/* Up to PANELS panels, row by row. */
static void combine(const ig_glu_args *g, const float *wide, size_t ld, size_t m, size_t rows,
                    size_t p, size_t panels)
{
    const ig_epilogue *e = &g->activate;
    const size_t col = p * IG_GLU_COLS, cols = IG_MIN(panels * IG_GLU_COLS, g->n - col);
    for (size_t r = 0; r < rows; r++, wide += ld) {
        float gate[PANELS * IG_GLU_COLS], *y = g->y + (m + r) * g->ldy + col;
        for (size_t i = 0; i < panels; i++)
            memcpy(gate + i * IG_GLU_COLS, wide + i * IG_PANEL + IG_GLU_COLS,
                   IG_GLU_COLS * sizeof *gate);
        if (e->act == IG_ACT_MAP)
            e->map(gate, gate, cols, e->a, e->b);
        else
            for (size_t j = 0; j < cols; j++) gate[j] = ig_act_f32(e, gate[j]);
        for (size_t j = 0; j < cols; j++) y[j] = wide[ig_glu_up(j)] * gate[j];
    }
}

void ig_glu_combine(const ig_glu_args *g, const float *wide, size_t ld, size_t m, size_t rows,
                    size_t p, size_t panels)
{
    for (size_t i = 0; i < panels; i += PANELS)
        combine(g, wide + i * IG_PANEL, ld, m, rows, p + i, IG_MIN(panels - i, (size_t)PANELS));
}

void ig_glu(const ig_glu_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    float wide[ROWS * LD];
    for (size_t p = p0; p < p1; p += PANELS)
        for (size_t m = m0; m < m1; m += ROWS) {
            const size_t rows = IG_MIN(m1 - m, (size_t)ROWS),
                         panels = IG_MIN(p1 - p, (size_t)PANELS);
            ig_gemm_f32_args tile = {.c = wide, .ldc = LD, .lda = g->lda, .k = g->k};
            tile.n = panels * IG_PANEL;
            tile.a = g->a + m * g->lda;
            tile.b = (const char *)g->b + p * g->panel_bytes;
            if (g->bias) tile.epilogue.bias = g->bias + p * IG_PANEL;
            g->kernel(&tile, 0, rows, 0, panels);
            combine(g, wide, LD, m, rows, p, panels);
        }
}
