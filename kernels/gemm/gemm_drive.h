/* gemm_drive.h - the loops around the register tile, the same for every ISA.
 *
 *     for k blocks            IG_GEMM_RUN deep; the sum of the runs so far waits in C
 * height: 16 rows are 8 + 8, not 14 + 2 for panels        4, 2 or 1 at a time, by what the height
 * leaves in registers
 *
 * With one row tile nothing is read twice and K is not blocked. A is not packed: rows are read
 * where they lie, except where the distance between them would put a whole tile into one or two
 * sets of L1; then the tile is copied once per panel block. */
#ifndef IG_GEMM_DRIVE_H
#define IG_GEMM_DRIVE_H

#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <string.h>

enum {
    KC = 4 * IG_GEMM_RUN, /* depth of a k block: C is read and written once each */
    BLOCK = 8 << 10,      /* rows of panels in an L2 block: 64 bytes each, 512 KB */
    MOST_ROWS = 14,       /* of any ISA's tile */
    ALIAS = 512,          /* row distances that are multiples of 2 KB meet in two sets of L1 */
    WAYS = 6,             /* this many rows may meet there */
    GROUP = 8,            /* panels that few rows take at a time */
    COPY_LD = KC + 16,    /* the copy's row distance: rows begin one cache line apart */
};

/* One call of a register tile: rows x (panels * 16) outputs, kc deep. */
typedef struct {
    const float *a, *b; /* b: first panel, at the k block */
    float *c;
    size_t lda, ldc, kc;
    size_t panel;                 /* elements from one panel to the next */
    size_t cols;                  /* valid columns: 1 .. 16 * panels */
    bool first, last;             /* k block: first begins at zero, last applies the epilogue */
    const float *bias, *residual; /* at this tile, or NULL */
    size_t ld_residual;
    float low, high;
} gemm_tile;
typedef void gemm_tile_fn(const gemm_tile *t);

/* An ISA's tiles: by_panels[i][rows - 1] takes 1 << i panels, up to rows[i] rows. */
typedef struct {
    gemm_tile_fn *const *by_panels[3];
    size_t rows[3];
    /* finish - the activations that are no clip, over a stored tile */
    void (*finish)(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols);
} gemm_tiles;

static inline const float *copy_rows(float *to, const float *a, size_t lda, size_t rows, size_t kc)
{
    for (size_t r = 0; r < rows; r++) memcpy(to + r * COPY_LD, a + r * lda, kc * sizeof *to);
    return to;
}

/* Panels [p, p1) for one row tile, widest tiles first. t holds what the panels share. */
static inline void run_panels(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                              size_t m, size_t rows, size_t k0, size_t p, size_t p1)
{
    const ig_epilogue *e = &g->epilogue;
    for (size_t step; p < p1; p += step) {
        size_t width = 2;
        while (width && (rows > tiles->rows[width] || p + ((size_t)1 << width) > p1)) width--;
        step = (size_t)1 << width;
        const size_t n = p * IG_PANEL, left = g->n - n;
        t->b = g->b + (p * g->k + k0) * IG_PANEL;
        t->c = g->c + m * g->ldc + n;
        t->cols = left < step * IG_PANEL ? left : step * IG_PANEL;
        t->bias = e->bias ? e->bias + n : NULL;
        t->residual = e->residual ? e->residual + m * e->ld_residual + n : NULL;
        tiles->by_panels[width][rows - 1](t);
        if (t->last && !ig_act_is_clip(e->act)) tiles->finish(e, t->c, t->ldc, rows, t->cols);
    }
}

/* The k block that begins at k0. */
static inline void begin_block(gemm_tile *t, const ig_gemm_f32_args *g, size_t k0)
{
    t->kc = IG_MIN(KC, g->k - k0);
    t->first = k0 == 0;
    t->last = k0 + t->kc == g->k;
}

/* Would so many rows of A meet in a few sets of L1? */
static inline bool meets(const ig_gemm_f32_args *g, size_t rows)
{
    return rows > WAYS && g->lda % ALIAS == 0;
}

/* Rows [m, m + rows) of panels [p, p1); where the rows would meet they are copied. */
static inline void run_rows(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                            size_t m, size_t rows, size_t k0, size_t p, size_t p1)
{
    float copy[MOST_ROWS * COPY_LD];
    const bool alias = meets(g, rows) && p1 - p > 2;
    t->a = g->a + m * g->lda + k0;
    t->lda = alias ? COPY_LD : g->lda;
    if (alias) t->a = copy_rows(copy, t->a, g->lda, rows, t->kc);
    run_panels(g, tiles, t, m, rows, k0, p, p1);
}

/* Few rows: B is read once, in the order in which it lies. */
static inline void drive_flat(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                              size_t m0, size_t m1, size_t p0, size_t p1)
{
    if (!meets(g, m1 - m0)) {
        t->a = g->a + m0 * g->lda;
        t->lda = g->lda;
        t->kc = g->k;
        t->first = t->last = true;
        run_panels(g, tiles, t, m0, m1 - m0, 0, p0, p1);
        return;
    }
    for (size_t p = p0; p < p1; p += GROUP)
        for (size_t k0 = 0; k0 < g->k || !k0; k0 += KC) {
            begin_block(t, g, k0);
            run_rows(g, tiles, t, m0, m1 - m0, k0, p, IG_MIN(p + GROUP, p1));
        }
}

static inline void drive(const ig_gemm_f32_args *g, const gemm_tiles *tiles, size_t m0, size_t m1,
                         size_t p0, size_t p1)
{
    const size_t most = tiles->rows[0], m = m1 - m0, n_tiles = (m + most - 1) / most;
    gemm_tile t = {.ldc = g->ldc, .panel = g->k * IG_PANEL, .ld_residual = g->epilogue.ld_residual};
    ig_act_bounds(&g->epilogue, &t.low, &t.high);
    if (n_tiles == 1) {
        drive_flat(g, tiles, &t, m0, m1, p0, p1);
        return;
    }
    for (size_t k0 = 0; k0 < g->k || !k0; k0 += KC) {
        begin_block(&t, g, k0);
        for (size_t p = p0; p < p1; p += BLOCK / KC) {
            const size_t end = IG_MIN(p + BLOCK / KC, p1);
            size_t row = m0;
            for (size_t i = 0; i < n_tiles; i++) {
                const size_t rows = m / n_tiles + (i < m % n_tiles);
                run_rows(g, tiles, &t, row, rows, k0, p, end);
                row += rows;
            }
        }
    }
}

#endif
