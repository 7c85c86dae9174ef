/* q_slice.c - rows of packed weights, and pieces of rows, into other panels; see gemm_q.h. */
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/checked.h"

#include <string.h>

/* Where a panel keeps the 32 k numbered g, and the scales that belong to them. */
typedef struct {
    size_t super, scale, offset, quants; /* bytes from the panel's beginning */
} place;

static place place_of(const ig_q_layout *l, bool offsets, size_t g)
{
    const size_t block = g / l->per_block, at = g % l->per_block;
    const size_t groups = IG_MIN(l->per_block, l->groups - block * l->per_block);
    const size_t table = (groups / l->per_scale + (groups % l->per_scale != 0)) * l->scale_step;
    place p = {.super = block * l->block_bytes};
    p.scale = p.super + l->super_bytes + at / l->per_scale * l->scale_step;
    p.offset = p.scale + table;
    p.quants = p.super + l->super_bytes + (offsets ? 2 : 1) * table + at * l->quant_bytes;
    return p;
}

/* Of a table of 16 rows, `bytes` a row. */
static void copy_one(uint8_t *to, size_t n_to, const uint8_t *from, size_t n, size_t bytes)
{
    memcpy(to + n_to % IG_Q_PANEL * bytes, from + n % IG_Q_PANEL * bytes, bytes);
}

size_t ig_q_slice_unit(const ig_q_format *f)
{
    if (f->scale_bytes == IG_Q_TWO_LEVELS) return IG_Q_SUPER;
    return f->group ? f->group : IG_Q_GROUP;
}

void ig_q_slice(uint8_t *to, size_t n_to, const uint8_t *from, size_t n, const ig_q_format *f,
                size_t k, size_t k0, size_t k1)
{
    enum { DWORDS = 4 * IG_Q_PANEL }; /* 4 bytes of each row */
    ig_q_layout l, part;
    if (!ig_q_layout_of(&l, f, k) || !ig_q_layout_of(&part, f, k1 - k0)) return;
    const bool offsets = ig_q_has_offset(f);
    const size_t scale = l.scale_step / IG_Q_PANEL;
    from += n / IG_Q_PANEL * l.panel_bytes;
    to += n_to / IG_Q_PANEL * part.panel_bytes;
    for (size_t g = 0; g < part.groups; g++) {
        const place a = place_of(&l, offsets, k0 / IG_Q_GROUP + g), b = place_of(&part, offsets, g);
        for (size_t i = 0; i < l.super_bytes; i += IG_Q_PANEL * sizeof(uint16_t))
            copy_one(to + b.super + i, n_to, from + a.super + i, n, sizeof(uint16_t));
        copy_one(to + b.scale, n_to, from + a.scale, n, scale);
        if (offsets) copy_one(to + b.offset, n_to, from + a.offset, n, scale);
        for (size_t i = 0; i < l.quant_bytes; i += DWORDS)
            copy_one(to + b.quants + i, n_to, from + a.quants + i, n, 4);
    }
}
