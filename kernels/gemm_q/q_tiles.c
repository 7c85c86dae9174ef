/* q_tiles.c - see q_tiles.h: panels to tiles, once a model. */
#include "kernels/gemm_q/q_tiles.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_panel.h"
#include "runtime/base/checked.h"

#include <math.h>

enum {
    ROW_ONLY = 31,
    ROW_TOP = 14,   /* the largest weight of a row is below 2^14 */
    E4M3_UNIT = 256 /* the device reads e4m3 as f16, see q_e4m3.h */
};

bool ig_q_tiles_of(ig_q_tiles *t, const ig_q_format *f, size_t n, size_t k)
{
    size_t quants, table, all;
    *t = (ig_q_tiles){
        .bits = f->bits, .has_offset = ig_q_has_offset(f), .e4m3 = f->offset == IG_Q_E4M3};
    t->group_log2 = ROW_ONLY;
    for (uint32_t i = 0; i < 16; i++)
        if (f->group == 1u << i) t->group_log2 = i;
    if (!ig_align_ok(n, (size_t)IG_Q_TILE, &t->n) || !ig_align_ok(k, (size_t)IG_Q_TILE, &t->k))
        return false;
    t->groups = f->group ? t->k / f->group + (t->k % f->group != 0) : 1;
    if (!ig_mul_ok(t->n, t->k, &quants) || !ig_mul_ok(t->n, t->groups, &table) ||
        !ig_mul_ok(table, sizeof(uint16_t), &table))
        return false;
    t->scales = quants / 8 * f->bits;
    if (!ig_add_ok(t->scales, table, &t->offsets) ||
        !ig_add_ok(t->offsets, t->has_offset ? table : 0, &t->row) ||
        !ig_add_ok(t->row, t->n * sizeof(float), &all))
        return false;
    return ig_align_ok(all, (size_t)256, &t->bytes);
}

/* ---- quants ---- */

/* Two bytes to bits 0 .. 7 and 16 .. 23. */
static uint32_t spread(const uint8_t *two) { return two[0] | (uint32_t)two[1] << 16; }

/* 32 k of a panel: steps s and s + 1 of a quarter of a tile. */
static void put_quants4(uint8_t *quarter, const uint8_t *quants, size_t s)
{
    for (size_t lane = 0; lane < 32; lane++) {
        const uint8_t *at = quants + lane % 4 / 2 * 64 + lane / 4 * 4 + lane % 2 * 2;
        uint32_t low = 0, high = 0;
        for (size_t i = 0; i < 4; i++) {
            const uint32_t v = spread(at + i / 2 * 128 + i % 2 * 32);
            low |= (v & 0x000f000f) << 4 * i;
            high |= (v >> 4 & 0x000f000f) << 4 * i;
        }
        memcpy(quarter + lane * 16 + s * 4, &low, sizeof low);
        memcpy(quarter + lane * 16 + s * 4 + 4, &high, sizeof high);
    }
}

static void put_quants8(uint8_t *quarter, const uint8_t *quants, size_t s)
{
    uint8_t *half = quarter + s / 2 * 2048;
    for (size_t lane = 0; lane < 32; lane++)
        for (size_t step = 0; step < 2; step++) {
            const uint8_t *at =
                quants + (step * 4 + lane % 4 / 2) * 64 + lane / 4 * 4 + lane % 2 * 2;
            uint8_t *to = half + lane * 16 + step * 8;
            for (size_t i = 0; i < 4; i++) memcpy(to + 2 * i, at + i / 2 * 128 + i % 2 * 32, 2);
        }
}

/* What 32 k that do not exist are: weights of zero, where there is no offset. */
static void put_nothing(uint8_t *quarter, uint32_t bits, size_t s)
{
    for (size_t lane = 0; lane < 32; lane++)
        if (bits == 4)
            memset(quarter + lane * 16 + s * 4, 0x88, 8);
        else
            memset(quarter + s / 2 * 2048 + lane * 16, 0x80, 16);
}

/* ---- scales ---- */

typedef struct {
    float scale, offset; /* of a group of a row */
} pair;

static pair pair_at(const uint8_t *panel, const ig_q_format *f, const ig_q_layout *l, size_t k,
                    size_t row)
{
    const q_place at = q_place_of(l, f, k / IG_Q_GROUP);
    const float d = q_scale_at(panel, f, &at, k % IG_Q_GROUP, row);
    const float centre = f->bits == 4 ? 8 : 128;
    if (f->offset == IG_Q_E4M3) return (pair){d * E4M3_UNIT, 0};
    if (f->offset == IG_Q_CENTRED) return (pair){d, 0};
    const float second = q_offset_at(panel, f, &at, k % IG_Q_GROUP, row);
    return (pair){d, f->offset == IG_Q_ZERO ? d * (centre - second) : fmaf(centre, d, second)};
}

/* The power of two that brings `top` below 2^ROW_TOP, and no further. */
static float power_below(float top)
{
    int e;
    if (top == 0 || !isfinite(top)) return 1;
    frexpf(top, &e);
    return ldexpf(1, IG_MAX(e - ROW_TOP, -126));
}

static float row_factor(const uint8_t *panel, const ig_q_format *f, const ig_q_layout *l, size_t k,
                        size_t row)
{
    const size_t step = f->group ? f->group : k;
    const float centre = f->offset == IG_Q_E4M3 ? IG_E4M3_MOST / E4M3_UNIT : f->bits == 4 ? 8 : 128;
    float top = 0;
    for (size_t at = 0; at < k; at += step) {
        const pair p = pair_at(panel, f, l, at, row);
        top = fmaxf(top, fabsf(p.scale) * centre + fabsf(p.offset));
    }
    return power_below(top);
}

static size_t table_at(size_t row) { return row / 16 * 16 + row % 8 * 2 + row % 16 / 8; }

static void put_row(uint8_t *to, const ig_q_tiles *t, const uint8_t *panel, const ig_q_format *f,
                    const ig_q_layout *l, size_t k, size_t row)
{
    const float factor = row_factor(panel, f, l, k, row % IG_Q_PANEL);
    const size_t at = row / IG_Q_TILE * t->groups * IG_Q_TILE + table_at(row % IG_Q_TILE);
    uint16_t *scales = (uint16_t *)(void *)(to + t->scales) + at;
    uint16_t *offsets = (uint16_t *)(void *)(to + t->offsets) + at;
    memcpy(to + t->row + row * sizeof factor, &factor, sizeof factor);
    for (size_t g = 0; g < t->groups && g * f->group < k; g++) {
        const pair p = pair_at(panel, f, l, g * f->group, row % IG_Q_PANEL);
        scales[g * IG_Q_TILE] = ig_f32_to_f16(p.scale / factor);
        if (t->has_offset) offsets[g * IG_Q_TILE] = ig_f32_to_f16(p.offset / factor);
    }
}

/* ---- all of it ---- */

static void put_panel(uint8_t *to, const ig_q_tiles *t, const uint8_t *panel, const ig_q_format *f,
                      const ig_q_layout *l, size_t quarter)
{
    const size_t tile_bytes = IG_Q_TILE * IG_Q_TILE / 8 * t->bits;
    for (size_t g = 0; g < t->k / IG_Q_GROUP; g++) {
        uint8_t *at = to + g / 2 * tile_bytes + quarter * 512;
        const size_t s = g % 2 * 2;
        if (!panel || g >= l->groups)
            put_nothing(at, t->bits, s);
        else if (t->bits == 4)
            put_quants4(at, panel + q_place_of(l, f, g).quants, s);
        else
            put_quants8(at, panel + q_place_of(l, f, g).quants, s);
    }
}

void ig_q_tiles_fill(uint8_t *to, const ig_q_tiles *t, const uint8_t *panels, const ig_q_format *f,
                     size_t n, size_t k, size_t b0, size_t b1)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, f, k)) return; /* such panels cannot exist */
    const size_t block = IG_Q_TILE / 8 * t->k * t->bits, table = t->groups * IG_Q_TILE * 2;
    memset(to + t->scales + b0 * table, 0, (b1 - b0) * table);
    if (t->has_offset) memset(to + t->offsets + b0 * table, 0, (b1 - b0) * table);
    memset(to + t->row + b0 * IG_Q_TILE * sizeof(float), 0, (b1 - b0) * IG_Q_TILE * sizeof(float));
    for (size_t p = b0 * 4; p < b1 * 4; p++) {
        const uint8_t *panel = p < ig_q_panels(n) ? panels + p * l.panel_bytes : NULL;
        put_panel(to + p / 4 * block, t, panel, f, &l, p % 4);
        for (size_t r = p * IG_Q_PANEL; panel && r < (p + 1) * IG_Q_PANEL && r < n; r++)
            put_row(to, t, panel, f, &l, k, r);
    }
}

/* ---- floats of 16 bits ---- */

bool ig_q_tiles16_of(ig_q_tiles *t, size_t n, size_t k)
{
    size_t all;
    *t = (ig_q_tiles){.bits = 16, .group_log2 = ROW_ONLY};
    if (!ig_align_ok(n, (size_t)IG_Q_TILE, &t->n) || !ig_align_ok(k, (size_t)IG_Q_TILE, &t->k) ||
        !ig_mul_ok(t->n, t->k, &all) || !ig_mul_ok(all, sizeof(uint16_t), &t->row) ||
        !ig_add_ok(t->row, t->n * sizeof(float), &all))
        return false;
    t->scales = t->offsets = t->row;
    return ig_align_ok(all, (size_t)256, &t->bytes);
}

static float half_at(const uint16_t *panel, bool bf16, size_t k, size_t row)
{
    return bf16 ? ig_bf16_to_f32(panel[k / 2 * 2 * IG_PANEL + row * 2 + k % 2])
                : ig_f16_to_f32(panel[k * IG_PANEL + row]);
}

size_t ig_q_tiles16_fill(uint8_t *to, const ig_q_tiles *t, const void *panels, bool bf16, size_t n,
                         size_t k)
{
    const size_t depth = (bf16 ? ig_gemm_even(k) : k) * IG_PANEL;
    memset(to, 0, t->bytes);
    for (size_t row = 0; row < n; row++) {
        const uint16_t *panel = (const uint16_t *)panels + row / IG_PANEL * depth;
        const size_t quarter = row % IG_Q_TILE / 16, lane0 = row % 8 * 4, high = row % 16 / 8;
        uint8_t *tile = to + row / IG_Q_TILE * t->k * IG_Q_TILE * 2;
        float top = 0;
        for (size_t i = 0; i < k; i++)
            top = fmaxf(top, fabsf(half_at(panel, bf16, i, row % IG_PANEL)));
        const float factor = power_below(top), by = 1 / factor;
        memcpy(to + t->row + row * sizeof factor, &factor, sizeof factor);
        for (size_t i = 0; i < k; i++) {
            const size_t thread = quarter * 32 + lane0 + i % 8 / 2, reg = high + i % 16 / 8 * 2;
            const size_t at = i / IG_Q_TILE * IG_Q_TILE * IG_Q_TILE + i % IG_Q_TILE / 16 * 1024 +
                              thread * 8 + reg * 2 + i % 2;
            const uint16_t h = ig_f32_to_f16(half_at(panel, bf16, i, row % IG_PANEL) * by);
            memcpy(tile + at * sizeof h, &h, sizeof h);
        }
    }
    return depth * sizeof(uint16_t) * ig_gemm_panels(n);
}
