/* q_drive.h - the loops around the integer tile, the same for every ISA.
 *
 *     for blocks of IG_Q_ROWS activation rows
 *         for 4 panels                            their sums [rows][16] wait in a buffer
 *             for chunks of k                     whose quants stay in L1 for all column tiles
 *                 for column tiles
 *             epilogue
 *
 * Rows are split evenly (5 = 3 + 2). Rows that fit one tile stream each panel once, from front to
 * back: measured, any other order of reading halves what comes from DRAM. A body included by
 * <op>_<isa>.c after its vector header, vec_<isa>.h, and
 *
 *     vf q_load_scales(const uint8_t *table, uint32_t bytes)     16 of f16 or f32
 *     vf q_load_subs(const uint8_t *table, uint32_t group, size_t half)     s or t of 16 rows
 */
#ifndef IG_Q_DRIVE_H
#define IG_Q_DRIVE_H

#include "kernels/gemm_q/q_finish.h"
#include "runtime/base/checked.h"

#include <stddef.h>

enum { CHUNK = 32, FOUR = 4 /* groups */, WIDE = 4 /* panels */, WIDE_FROM = 16 /* rows */ };

/* Weights that no L2 holds are fetched this far ahead while several rows meet them, past the
 * caches: 8 rows from DRAM 8.5 -> 11.7 GB/s of 4 bits, 13.9 -> 15.4 of 8 (Zen 4). Less to do than
 * that, and it hinders: one row 27 -> 20. Two tiles of one panel's chunk gain too (16 rows of
 * a 1.1B model: 119 -> 154 tokens a second). */
enum { AHEAD = 4608, AHEAD_FROM = 1 << 20 /* bytes in all */ };

/* One call of a tile: [cols][16] sums, `groups` groups deep, which lie in whole blocks or in the
 * last. Assembly knows the order of what comes first. */
typedef struct {
    const uint8_t *quants;
    /* [groups][16] d, or [groups][2][16] d and offset, or q_level [groups]; only if expanded */
    const float *scale;
    const ig_q_act *acts;
    size_t act_step; /* bytes from one group to the next */
    float *y;        /* [cols][16], added to */
    size_t groups;
    size_t per_block, gap; /* groups between gaps, bytes of a gap */
    bool ahead;            /* fetch, where that pays */
    /* the scales as they are in the panel */
    const uint8_t *head; /* of the first block */
    size_t table;        /* bytes of its scales, behind which the offsets are */
    const ig_q_layout *layout;
    const ig_q_format *format;
} q_tile;
typedef void q_tile_fn(const q_tile *t);

/* The scales of two groups of 16 k, expanded. */
typedef struct {
    float d[IG_Q_PANEL];           /* D */
    int16_t s[2][IG_Q_PANEL][2];   /* each twice: what sums of words are multiplied by */
    int16_t second[IG_Q_PANEL][2]; /* pairs of t, or of -centre * s */
    float e[IG_Q_PANEL];           /* E */
} q_level;

/* s and `second` of a level, from the tables of s and t. */
typedef void q_level_scales_fn(q_level *to, const uint8_t *s, const uint8_t *t,
                               const ig_q_format *f);

/* What tiles have to do about scales, a constant for each: a scale for 32 k, with an offset; two
 * groups of 16, with mins. */
typedef enum { Q_PLAIN, Q_OFFSET, Q_TWO, Q_TWO_MIN, Q_RULES } q_rules;

VEC_INLINE q_rules q_rules_of(const ig_q_format *f)
{
    const bool offset = f->offset != IG_Q_CENTRED;
    if (f->group == 16) return offset ? Q_TWO_MIN : Q_TWO;
    return offset ? Q_OFFSET : Q_PLAIN;
}

typedef struct {
    q_tile_fn *const *by_cols[2][Q_RULES]; /* 4, 8 bits; [cols - 1] */
    size_t most[2];
    q_finish_fn *finish;
    q_level_scales_fn *scales; /* NULL: tiles read scales where they lie */
} q_tiles;

/* The offset that a group's second table and d make. */
VEC_INLINE vf q_offset(const ig_q_format *f, vf d, vf second)
{
    const vf centre = vf_set(f->bits == 4 ? 8 : 128);
    return f->offset == IG_Q_ZERO ? vf_mul(d, vf_sub(centre, second)) : vf_fma(centre, d, second);
}

/* The scale and the offset of a group of 32 k or more, `at` bytes behind the first table. */
VEC_INLINE void q_scales(vf *d, vf *z, const q_tile *t, const uint8_t *head, size_t at,
                         const uint32_t bytes, bool offset)
{
    const uint8_t *from = head + at, *second = from + t->table;
    if (bytes == IG_Q_TWO_LEVELS) {
        const uint8_t *both = head - t->layout->super_bytes;
        *d = *z = vf_mul(q_load_scales(both, 2), q_load_subs(from, 32, 0));
        if (offset)
            *z = q_offset(
                t->format, *d,
                vf_mul(q_load_scales(both + 2 * IG_Q_PANEL, 2), q_load_subs(second, 32, 0)));
    } else {
        *d = *z = q_load_scales(from, bytes);
        if (offset) *z = q_offset(t->format, *d, q_load_scales(second, bytes));
    }
}

enum { LEVEL_FLOATS = sizeof(q_level) / sizeof(float) };

/* What a group's expanded scales take. */
VEC_INLINE size_t q_expanded_floats(const ig_q_format *f)
{
    static const uint8_t floats[Q_RULES] = {IG_Q_PANEL, 2 * IG_Q_PANEL, LEVEL_FLOATS, LEVEL_FLOATS};
    return floats[q_rules_of(f)];
}

/* The scales of a block's t->groups groups of 32 k, as assembly reads them. */
VEC_INLINE void q_expand_levels(float *to, const q_tile *t, q_level_scales_fn *scales)
{
    const uint8_t *from = t->head, *both = from - t->layout->super_bytes;
    const vf d = q_load_scales(both, 2), e = q_load_scales(both + 2 * IG_Q_PANEL, 2);
    for (size_t left = t->groups; left; left--, to += LEVEL_FLOATS) {
        q_level *level = (q_level *)(void *)to;
        vf_store(level->d, d);
        vf_store(level->e, e);
        scales(level, from, from + t->table, t->format);
        from += t->layout->scale_step;
    }
}

VEC_INLINE void q_expand(float *to, const q_tile *t, q_level_scales_fn *scales)
{
    const bool offset = t->format->offset != IG_Q_CENTRED;
    size_t at = 0;
    if (t->format->group == 16) {
        q_expand_levels(to, t, scales);
        return;
    }
    for (size_t left = t->groups, same; left;) {
        vf d, z;
        q_scales(&d, &z, t, t->head, at, t->format->scale_bytes, offset);
        for (same = IG_MIN(t->layout->per_scale, left), left -= same; same; same--) {
            vf_store(to, d);
            to += IG_Q_PANEL;
            if (offset) {
                vf_store(to, z);
                to += IG_Q_PANEL;
            }
        }
        at += t->layout->scale_step;
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
        tiles->by_cols[wide][q_rules_of(f)][cols - 1](t);
        acts += cols;
        y += cols * IG_Q_PANEL;
        rows -= cols;
    }
}

/* Where groups [g0, g1), which lie in whole blocks or in the last, are in each panel. */
typedef struct {
    q_place at;
    size_t groups;
} q_part;

VEC_INLINE q_part q_part_of(const q_tile *t, size_t g0, size_t g1)
{
    return (q_part){q_place_of(t->layout, t->format, g0), g1 - g0};
}

VEC_INLINE void q_chunk(const q_tiles *tiles, q_tile *t, const uint8_t *panel, const ig_q_act *acts,
                        float *y, size_t rows, const q_part *part)
{
    float scales[CHUNK * LEVEL_FLOATS] __attribute__((aligned(64)));
    t->quants = panel + part->at.quants;
    t->head = panel + part->at.scale;
    t->table = part->at.offset - part->at.scale;
    t->groups = part->groups;
    t->scale = scales;
    if (tiles->scales) { /* block by block */
        const q_tile whole = *t;
        float *to = scales;
        for (size_t left = part->groups, n; left; left -= n) {
            n = t->groups = IG_MIN(left, t->layout->per_block);
            q_expand(to, t, tiles->scales);
            to += n * q_expanded_floats(t->format);
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
    float scales[2 * FOUR * LEVEL_FLOATS] __attribute__((aligned(64)));
    t->scale = scales;
    t->table = l->per_block / l->per_scale * l->scale_step;
    for (size_t left = l->groups; left; left -= t->groups) {
        t->groups = IG_MIN(left, l->per_block);
        if (left < l->per_block)
            t->table = (left + l->per_scale - 1) / l->per_scale * l->scale_step;
        t->head = panel + l->super_bytes;
        t->quants = t->head + tables * t->table;
        q_expand(scales, t, tiles->scales);
        q_columns(tiles, t, acts, y, rows);
        panel += l->block_bytes;
        acts = (const ig_q_act *)(const void *)((const char *)acts + t->groups * t->act_step);
    }
}

/* Sums of panels lie this far apart. */
enum { Y_STEP = IG_Q_ROWS * IG_Q_PANEL };

VEC_INLINE const ig_q_act *q_acts_at(const q_tile *t, const ig_q_act *acts, size_t g)
{
    return (const ig_q_act *)(const void *)((const char *)acts + g * t->act_step);
}

/* The sums of panels [p, end), chunk of k after chunk. */
VEC_INLINE void q_chunks(const ig_gemm_q_args *g, const q_tiles *tiles, q_tile *t,
                         const ig_q_act *acts, float *y, size_t rows, size_t p, size_t end)
{
    const ig_q_layout *l = t->layout;
    const size_t whole = l->groups - l->groups % l->per_block;
    for (size_t g0 = 0, g1; g0 < l->groups; g0 = g1) {
        g1 = IG_MIN(g0 + CHUNK, g0 < whole ? whole : l->groups);
        const q_part part = q_part_of(t, g0, g1);
        for (size_t q = p; q < end; q++)
            q_chunk(tiles, t, g->panels + q * l->panel_bytes, q_acts_at(t, acts, g0),
                    y + (q - p) * Y_STEP, rows, &part);
    }
}

/* .. panel after panel, one tile of rows. */
VEC_INLINE void q_panels(const ig_gemm_q_args *g, const q_tiles *tiles, q_tile *t,
                         const ig_q_act *acts, float *y, size_t rows, size_t p, size_t end)
{
    const ig_q_layout *l = t->layout;
    const size_t whole = l->groups - l->groups % l->per_block;
    const q_part parts[] = {q_part_of(t, 0, whole), q_part_of(t, whole, l->groups)};
    for (size_t q = p; q < end; q++)
        for (size_t i = 0; i < 2; i++)
            if (parts[i].groups)
                q_chunk(tiles, t, g->panels + q * l->panel_bytes,
                        i ? q_acts_at(t, acts, whole) : acts, y + (q - p) * Y_STEP, rows,
                        &parts[i]);
}

/* Rows [m0, m1) of one activation block, panels [p, end): at most WIDE of them. */
VEC_INLINE void q_block(const ig_gemm_q_args *g, const q_tiles *tiles, const ig_q_layout *l,
                        size_t m0, size_t m1, size_t p, size_t end)
{
    float y[WIDE][Y_STEP] __attribute__((aligned(64)));
    const ig_q_format *f = g->format;
    const ig_q_act *acts = g->acts + ig_q_act_at(g->m, l->groups, m0, 0);
    const size_t rows = m1 - m0,
                 step = (size_t)(&g->acts[ig_q_act_at(g->m, l->groups, m0, 1)] - acts);
    const bool one_tile = rows <= tiles->most[f->bits == 8];
    q_tile t = {.act_step = step * sizeof(ig_q_act),
                .per_block = f->group ? l->per_block : SIZE_MAX,
                .gap = l->block_bytes - l->per_block * l->quant_bytes,
                .ahead = rows <= WIDE_FROM && l->panel_bytes * ig_q_panels(g->n) >= AHEAD_FROM,
                .layout = l,
                .format = f};
    /* Not by memset: a load that is wider than the stores before it waits until they are in L1. */
    for (size_t q = p; q < end; q++)
        for (size_t r = 0; r < rows; r++) vf_store(y[q - p] + r * IG_Q_PANEL, vf_set(0));
    if (!one_tile)
        q_chunks(g, tiles, &t, acts, y[0], rows, p, end);
    else if (!tiles->scales)
        q_panels(g, tiles, &t, acts, y[0], rows, p, end);
    for (size_t q = p; one_tile && tiles->scales && q < end; q++)
        if (f->group)
            q_stream(tiles, &t, g->panels + q * l->panel_bytes, acts, y[q - p], rows);
        else
            q_chunks(g, tiles, &t, acts, y[q - p], rows, q, q + 1);
    const q_result to = {g->c, g->ldc, g->n, &g->epilogue, tiles->finish};
    if (g->gated) q_finish_gated(&to, y[0], m0, rows, p, end);
    for (size_t q = p; !g->gated && q < end; q++) q_finish(&to, y[q - p], m0, rows, q);
}

VEC_INLINE void q_drive(const ig_gemm_q_args *g, const q_tiles *tiles, size_t m0, size_t m1,
                        size_t p0, size_t p1)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, g->format, g->k)) return; /* such panels cannot exist */
    for (size_t row = m0, end; row < m1; row = end) {
        end = IG_MIN(m1, row - row % IG_Q_ROWS + IG_Q_ROWS);
        const bool one_tile = end - row <= tiles->most[g->format->bits == 8];
        const size_t wide = one_tile || end - row > WIDE_FROM ? WIDE : 1;
        for (size_t p = p0; p < p1; p += wide)
            q_block(g, tiles, &l, row, end, p, IG_MIN(p + wide, p1));
    }
}

#endif
