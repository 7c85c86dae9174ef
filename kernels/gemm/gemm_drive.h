/* gemm_drive.h - the loops around the register tile, the same for every ISA and type of B.
 *
 *     for k blocks            KC deep; the sum of the runs so far waits in C
 *       for panel blocks      what fits half of L2
 *         for row tiles       of even height: 16 rows are 8 + 8, not 14 + 2
 *           for panels        4, 2 or 1 at a time, by what the height leaves in registers
 *
 * With two to OVERLAP row tiles, while a block is multiplied the next one is fetched into L2, a
 * share of it by each of the first tiles, so that memory and arithmetic overlap. With one row tile
 * B is read once, in the order in which it lies, and neither K nor the panels are blocked. A is not
 * packed: rows are read where they lie, except where the distance between them would put a whole
 * tile into one or two sets of L1; then the tile is copied once per panel block. */
#ifndef IG_GEMM_DRIVE_H
#define IG_GEMM_DRIVE_H

#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <string.h>

enum {
    KC = 4 * IG_GEMM_RUN, /* depth of a k block: C is read and written once each */
    BLOCK = 16,           /* panels of a block: 512 KB of floats; */
    SMALL_BLOCK = 8,      /* where two of them share L2 */
    OVERLAP = 8,          /* up to so many row tiles fetch the next block while they work */
    MOST_ROWS = 14,       /* of any ISA's tile */
    ALIAS = 512,          /* row distances that are multiples of 2 KB meet in two sets of L1 */
    WAYS = 6,             /* this many rows may meet there */
    COPY_LD = KC + 16,    /* the copy's row distance: rows begin one cache line apart */
    LINE = 64,            /* bytes of a panel that one turn of a tile's loop takes */
    SHARES = 4,           /* row tiles that fetch the next block */
    NEAR = 8 * LINE,      /* few rows outrun L2: B is fetched into L1, this far ahead; */
    FAR = 64 * LINE,      /* more have time for L2, but from memory want a page's distance */
};

/* One call of a register tile: rows x (panels * 16) outputs, kc deep. */
typedef struct {
    const float *a;
    const char *b; /* first panel, at the k block */
    float *c;
    size_t lda, ldc, kc;
    size_t panel;      /* bytes from one panel to the next */
    const char *ahead; /* what to fetch: like b, `ahead_step` bytes further each turn */
    size_t ahead_step;
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
    size_t row_bytes; /* 16 elements of B: one k of a panel */
    size_t k_align;   /* B's K is a multiple of this */
    /* finish - the activations that are no clip, over a stored tile */
    void (*finish)(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols);
} gemm_tiles;

static inline const float *copy_rows(float *to, const float *a, size_t lda, size_t rows, size_t kc)
{
    for (size_t r = 0; r < rows; r++) memcpy(to + r * COPY_LD, a + r * lda, kc * sizeof *to);
    return to;
}

/* What a tile fetches, line by line: B this far from what it multiplies. */
typedef struct {
    ptrdiff_t offset; /* in bytes, at the first turn */
    size_t step;      /* bytes a turn */
} gemm_ahead;

/* Panels [p, p1) for one row tile, widest tiles first. t holds what the panels share. */
static inline void run_panels(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                              size_t m, size_t rows, size_t k0, size_t p, size_t p1,
                              gemm_ahead ahead)
{
    const ig_epilogue *e = &g->epilogue;
    t->ahead_step = ahead.step;
    for (size_t step; p < p1; p += step) {
        size_t width = 2;
        while (width && (rows > tiles->rows[width] || p + ((size_t)1 << width) > p1)) width--;
        step = (size_t)1 << width;
        const size_t n = p * IG_PANEL, left = g->n - n;
        t->b = (const char *)g->b + p * t->panel + k0 * tiles->row_bytes;
        t->ahead = (const char *)((uintptr_t)t->b + (uintptr_t)ahead.offset); /* maybe past B */
        t->c = g->c + m * g->ldc + n;
        t->cols = left < step * IG_PANEL ? left : step * IG_PANEL;
        t->bias = e->bias ? e->bias + n : NULL;
        t->residual = e->residual ? e->residual + m * e->ld_residual + n : NULL;
        tiles->by_panels[width][rows - 1](t);
        if (t->last && !ig_act_is_clip(e->act)) tiles->finish(e, t->c, t->ldc, rows, t->cols);
    }
}

static inline size_t row_tiles(const gemm_tiles *tiles, size_t m)
{
    return (m + tiles->rows[0] - 1) / tiles->rows[0];
}

/* Would so many rows of A meet in a few sets of L1? */
static inline bool meets(const ig_gemm_f32_args *g, size_t rows)
{
    return rows > WAYS && g->lda % ALIAS == 0;
}

/* A block: panels [p, p1) from k0, t->kc deep. */
typedef struct {
    size_t k0, p, p1;
    ptrdiff_t next; /* bytes to the block that follows; 0: none, or too late to fetch it */
} gemm_block;

/* Row tile i of a block's n_tiles. */
static inline gemm_ahead ahead_of(const gemm_block *b, size_t i, size_t n_tiles, size_t row_bytes)
{
    if (n_tiles == 1 || n_tiles > OVERLAP) return (gemm_ahead){FAR, LINE};
    const size_t shares = n_tiles >= SHARES ? SHARES : 2, share = KC / shares * row_bytes;
    if (!b->next || i >= shares) return (gemm_ahead){0, 0};
    return (gemm_ahead){b->next + (ptrdiff_t)(i * share), LINE / shares};
}

/* All the row tiles of rows [m0, m1). */
static inline void run_block(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                             size_t m0, size_t m1, const gemm_block *b)
{
    float copy[MOST_ROWS * COPY_LD];
    const size_t m = m1 - m0, n_tiles = row_tiles(tiles, m);
    for (size_t i = 0; i < n_tiles; i++) {
        const size_t rows = m / n_tiles + (i < m % n_tiles);
        const bool alias = meets(g, rows) && b->p1 - b->p > 2;
        t->a = g->a + m0 * g->lda + b->k0;
        t->lda = alias ? COPY_LD : g->lda;
        if (alias) t->a = copy_rows(copy, t->a, g->lda, rows, t->kc);
        run_panels(g, tiles, t, m0, rows, b->k0, b->p, b->p1,
                   ahead_of(b, i, n_tiles, tiles->row_bytes));
        m0 += rows;
    }
}

static inline void drive_blocks(const ig_gemm_f32_args *g, const gemm_tiles *tiles, gemm_tile *t,
                                size_t m0, size_t m1, size_t p0, size_t p1)
{
    const ptrdiff_t panel = (ptrdiff_t)t->panel, deep = (ptrdiff_t)(KC * tiles->row_bytes);
    const size_t step = row_tiles(tiles, m1 - m0) <= OVERLAP ? SMALL_BLOCK : BLOCK;
    for (size_t p = p0; p < p1; p += step)
        for (size_t k0 = 0; k0 < g->k; k0 += KC) {
            gemm_block b = {k0, p, IG_MIN(p + step, p1), deep};
            t->kc = IG_MIN((size_t)KC, g->k - k0);
            t->first = k0 == 0;
            t->last = k0 + t->kc == g->k;
            if (t->last)
                b.next = b.p1 == p1 ? 0 : (ptrdiff_t)step * panel - (ptrdiff_t)(k0 / KC) * deep;
            run_block(g, tiles, t, m0, m1, &b);
        }
}

static inline void drive(const ig_gemm_f32_args *g, const gemm_tiles *tiles, size_t m0, size_t m1,
                         size_t p0, size_t p1)
{
    const size_t m = m1 - m0, k = (g->k + tiles->k_align - 1) / tiles->k_align * tiles->k_align;
    gemm_tile t = {.lda = g->lda,
                   .ldc = g->ldc,
                   .kc = g->k,
                   .first = true,
                   .last = true,
                   .panel = k * tiles->row_bytes,
                   .ld_residual = g->epilogue.ld_residual};
    ig_act_bounds(&g->epilogue, &t.low, &t.high);
    if (m == 0) return;
    if (g->k && (m > tiles->rows[0] || meets(g, m))) {
        drive_blocks(g, tiles, &t, m0, m1, p0, p1);
        return;
    }
    const gemm_ahead ahead = {FAR, LINE};
    t.a = g->a + m0 * g->lda;
    for (; m0 < m1; m0 += IG_MIN(m1 - m0, tiles->rows[0])) { /* one row tile, or K = 0 */
        run_panels(g, tiles, &t, m0, IG_MIN(m1 - m0, tiles->rows[0]), 0, p0, p1, ahead);
    }
}

#endif
