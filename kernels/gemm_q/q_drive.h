/* q_drive.h - the loops around the integer tile, the same for every ISA.
 *
 *     for blocks of IG_Q_ROWS activation rows
 *         for 4 panels (1 with few rows)          their sums [rows][16] wait in a buffer
 *             for chunks of k                     whose quants stay in L1 for all column tiles
 *                 for column tiles
 *             epilogue
 *
 * Rows are split evenly (5 = 3 + 2). Rows that fit one tile stream each panel once, from front to
 * back: measured, any other order of reading halves what comes from DRAM. A body included by
 * <op>_<isa>.c after its vector header, vec_<isa>.h, and
 *
 *     vf q_load_scales(const uint8_t *table, uint32_t bytes)     16 of f16 or f32
 */
#ifndef IG_Q_DRIVE_H
#define IG_Q_DRIVE_H

#include "kernels/gemm_q/q_finish.h"
#include "runtime/base/checked.h"

#include <stddef.h>

enum { CHUNK = 32, FOUR = 4 /* groups */, WIDE = 4 /* panels */, WIDE_FROM = 16 /* rows */ };

/* One call of a tile: [cols][16] sums, `groups` groups deep, which lie in whole blocks or in the
 * last. Assembly knows the order of what comes first. */
typedef struct {
    const uint8_t *quants;
    const float *scale; /* [groups][16] d, or [groups][2][16] d and offset; only if expanded */
    const ig_q_act *acts;
    size_t act_step; /* bytes from one group to the next */
    float *y;        /* [cols][16], added to */
    size_t groups;
    size_t per_block, gap; /* groups between gaps, bytes of a gap */
    /* the scales as they are in the panel */
    const uint8_t *head; /* of the first block */
    size_t table;        /* bytes of its scales, behind which the offsets are */
    const ig_q_layout *layout;
    const ig_q_format *format;
} q_tile;
typedef void q_tile_fn(const q_tile *t);

typedef struct {
    q_tile_fn *const *by_cols[2][2]; /* 4, 8 bits; without, with offsets; [cols - 1] */
    size_t most[2];
    bool expand; /* tiles want scales in f32 */
    q_finish_fn *finish;
} q_tiles;

/* The offset that a group's second table and d make. */
VEC_INLINE vf q_offset(const ig_q_format *f, vf d, vf second)
{
    const vf centre = vf_set(f->bits == 4 ? 8 : 128);
    return f->offset == IG_Q_ZERO ? vf_mul(d, vf_sub(centre, second)) : vf_fma(centre, d, second);
}

/* The scales of a block's t->groups groups, as assembly reads them. */
VEC_INLINE void q_expand(float *to, const q_tile *t)
{
    const ig_q_format *f = t->format;
    const bool offset = f->offset != IG_Q_CENTRED;
    const uint8_t *from = t->head;
    for (size_t left = t->groups, same; left;) {
        const vf d = q_load_scales(from, f->scale_bytes);
        vf z = d;
        if (offset) z = q_offset(f, d, q_load_scales(from + t->table, f->scale_bytes));
        for (same = IG_MIN(t->layout->per_scale, left), left -= same; same; same--) {
            vf_store(to, d);
            to += IG_Q_PANEL;
            if (offset) {
                vf_store(to, z);
                to += IG_Q_PANEL;
            }
        }
        from += t->layout->scale_step;
    }
}

/* The rows of y by tiles of even widths; what t says of the panel stays. */
VEC_INLINE void q_columns(const q_tiles *tiles, q_tile *t, const ig_q_act *acts, float *y,
                          size_t rows)
{
    const ig_q_format *f = t->format;
    const size_t wide = f->bits == 8, most = tiles->most[wide];
    for (size_t n_tiles = (rows + most - 1) / most; n_tiles; n_tiles--) {
        const size_t cols = (rows + n_tiles - 1) / n_tiles;
        t->acts = acts;
        t->y = y;
        tiles->by_cols[wide][f->offset != IG_Q_CENTRED][cols - 1](t);
        acts += cols;
        y += cols * IG_Q_PANEL;
        rows -= cols;
    }
}

/* Groups [g0, g1), which lie in whole blocks or in the last. */
VEC_INLINE void q_chunk(const q_tiles *tiles, q_tile *t, const uint8_t *panel, const ig_q_act *acts,
                        float *y, size_t rows, size_t g0, size_t g1)
{
    float scales[CHUNK * 2 * IG_Q_PANEL] __attribute__((aligned(64)));
    const q_place at = q_place_of(t->layout, t->format, g0);
    t->quants = panel + at.quants;
    t->head = panel + at.scale;
    t->table = at.offset - at.scale;
    t->groups = g1 - g0;
    t->scale = scales;
    if (tiles->expand) { /* block by block */
        const q_tile whole = *t;
        float *to = scales;
        for (size_t g = g0, n; g < g1; g += n) {
            n = t->groups = IG_MIN(g1 - g, t->layout->per_block);
            q_expand(to, t);
            to += n * (t->table ? 2 : 1) * IG_Q_PANEL;
            t->head += t->layout->block_bytes;
        }
        *t = whole;
    }
    q_columns(tiles, t, acts, y, rows);
}

/* One tile's rows of a whole panel whose scales are expanded: block by block, from front to back.
 */
VEC_INLINE void q_stream(const q_tiles *tiles, q_tile *t, const uint8_t *panel,
                         const ig_q_act *acts, float *y, size_t rows)
{
    const ig_q_layout *l = t->layout;
    const size_t tables = t->format->offset != IG_Q_CENTRED ? 2 : 1;
    float scales[2 * FOUR * 2 * IG_Q_PANEL] __attribute__((aligned(64)));
    t->scale = scales;
    t->table = l->per_block / l->per_scale * l->scale_step;
    for (size_t left = l->groups; left; left -= t->groups) {
        t->groups = IG_MIN(left, l->per_block);
        if (left < l->per_block)
            t->table = (left + l->per_scale - 1) / l->per_scale * l->scale_step;
        t->head = panel;
        t->quants = panel + tables * t->table;
        q_expand(scales, t);
        q_columns(tiles, t, acts, y, rows);
        panel += l->block_bytes;
        acts = (const ig_q_act *)(const void *)((const char *)acts + t->groups * t->act_step);
    }
}

/* Rows [m0, m1) of one activation block, panels [p, end): at most WIDE of them. */
VEC_INLINE void q_block(const ig_gemm_q_args *g, const q_tiles *tiles, const ig_q_layout *l,
                        size_t m0, size_t m1, size_t p, size_t end)
{
    float y[WIDE][IG_Q_ROWS * IG_Q_PANEL] __attribute__((aligned(64)));
    const ig_q_format *f = g->format;
    const ig_q_act *acts = g->acts + ig_q_act_at(g->m, l->groups, m0, 0);
    const size_t rows = m1 - m0,
                 step = (size_t)(&g->acts[ig_q_act_at(g->m, l->groups, m0, 1)] - acts);
    const bool one_tile = rows <= tiles->most[f->bits == 8];
    const size_t whole = l->groups - l->groups % l->per_block;
    const size_t deep = one_tile && !tiles->expand ? l->groups : CHUNK;
    q_tile t = {.act_step = step * sizeof(ig_q_act),
                .per_block = f->group ? l->per_block : SIZE_MAX,
                .gap = l->block_bytes - l->per_block * l->quant_bytes,
                .layout = l,
                .format = f};
    for (size_t q = p; q < end; q++) memset(y[q - p], 0, rows * IG_Q_PANEL * sizeof **y);
    if (one_tile && tiles->expand && f->group) {
        for (size_t q = p; q < end; q++)
            q_stream(tiles, &t, g->panels + q * l->panel_bytes, acts, y[q - p], rows);
    } else {
        for (size_t g0 = 0, g1; g0 < l->groups; g0 = g1) {
            g1 = IG_MIN(g0 + deep, g0 < whole ? whole : l->groups);
            for (size_t q = p; q < end; q++)
                q_chunk(tiles, &t, g->panels + q * l->panel_bytes, acts + g0 * step, y[q - p], rows,
                        g0, g1);
        }
    }
    const q_result to = {g->c, g->ldc, g->n, &g->epilogue, tiles->finish};
    for (size_t q = p; q < end; q++)
        if (g->gated)
            q_finish_gated(&to, y[q - p], m0, rows, q);
        else
            q_finish(&to, y[q - p], m0, rows, q);
}

VEC_INLINE void q_drive(const ig_gemm_q_args *g, const q_tiles *tiles, size_t m0, size_t m1,
                        size_t p0, size_t p1)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, g->format, g->k)) return; /* such panels cannot exist */
    for (size_t row = m0, end; row < m1; row = end) {
        end = IG_MIN(m1, row - row % IG_Q_ROWS + IG_Q_ROWS);
        const size_t wide = end - row > WIDE_FROM ? WIDE : 1;
        for (size_t p = p0; p < p1; p += wide)
            q_block(g, tiles, &l, row, end, p, IG_MIN(p + wide, p1));
    }
}

#endif
