/* q_pack.c - weights into panels, once a model, and plain rounding to the nearest. */
#include "kernels/gemm_q/q_panel.h"
#include "runtime/base/checked.h"

#include <math.h>

static void put_number(uint8_t *table, uint32_t bytes, size_t row, float x)
{
    if (bytes == 2) {
        const uint16_t h = ig_f32_to_f16(x);
        memcpy(table + row * sizeof h, &h, sizeof h);
    } else {
        memcpy(table + row * sizeof x, &x, sizeof x);
    }
}

/* put_scales - those of a row in the 32 k of group g; deep: the k of them that exist. */
static void put_scales(uint8_t *panel, const q_place *at, const ig_q_format *f,
                       const ig_q_layout *l, const ig_q_source *s, size_t n, size_t g, size_t deep)
{
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS, offset = ig_q_has_offset(f);
    const size_t r = n % IG_Q_PANEL, scale = two ? g / l->per_block : g / l->per_scale;
    uint8_t *to = panel + (two ? at->block : at->scale);
    uint8_t *to_offset = panel + (two ? at->block + l->super_bytes / 2 : at->offset);
    const uint32_t bytes = two ? 2 : f->scale_bytes;
    put_number(to, bytes, r, s->scale[n * s->scale_n + scale * s->scale_g]);
    if (offset) put_number(to_offset, bytes, r, s->offset[n * s->offset_n + scale * s->offset_g]);
    for (size_t k = 0; two && k < deep; k += f->group) {
        const size_t from = n * s->sub_n + (g * IG_Q_GROUP + k) / f->group * s->sub_g;
        const size_t sub = q_sub_at(f, k, r);
        panel[at->scale + sub] = (uint8_t)s->s[from];
        if (offset) panel[at->offset + sub] = (uint8_t)s->t[from];
    }
}

/* put_group - 32 k of up to 16 rows. */
static void put_group(uint8_t *panel, const ig_q_format *f, const ig_q_layout *l,
                      const ig_q_source *s, size_t row0, size_t rows, size_t k, size_t g)
{
    const q_place at = q_place_of(l, f, g);
    const size_t first = g * IG_Q_GROUP;
    const size_t deep = IG_MIN(k - first, (size_t)IG_Q_GROUP);
    for (size_t r = 0; r < rows; r++) {
        const size_t n = row0 + r;
        put_scales(panel, &at, f, l, s, n, g, deep);
        for (size_t i = 0; i < deep; i++) {
            unsigned shift;
            const size_t byte = q_byte(f->bits, i, r, &shift);
            const uint8_t q = s->q[n * s->q_n + (first + i) * s->q_k];
            panel[at.quants + byte] = (uint8_t)(panel[at.quants + byte] | q << shift);
        }
    }
}

void ig_q_pack(uint8_t *panels, const ig_q_format *f, const ig_q_source *from, size_t n, size_t k,
               size_t p0, size_t p1)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, f, k)) return; /* such panels cannot exist */
    for (size_t p = p0; p < p1; p++) {
        uint8_t *panel = panels + p * l.panel_bytes;
        memset(panel, 0, l.panel_bytes);
        const size_t row0 = p * IG_Q_PANEL, rows = IG_MIN(n - row0, (size_t)IG_Q_PANEL);
        for (size_t g = 0; g < l.groups; g++) put_group(panel, f, &l, from, row0, rows, k, g);
    }
}

void ig_q_unpack(float *to, size_t to_k, size_t to_n, const uint8_t *panels, const ig_q_format *f,
                 size_t n, size_t k, size_t p0, size_t p1)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, f, k)) return; /* such panels cannot exist */
    const size_t end = IG_MIN(n, p1 * IG_Q_PANEL);
    for (size_t i = 0; i < k; i++) {
        const q_place at = q_place_of(&l, f, i / IG_Q_GROUP);
        for (size_t row = p0 * IG_Q_PANEL; row < end; row++)
            to[i * to_k + row * to_n] = q_weight_at(panels + row / IG_Q_PANEL * l.panel_bytes, f,
                                                    &at, i % IG_Q_GROUP, row % IG_Q_PANEL);
    }
}

void ig_q_row(float *to, const uint8_t *panels, const ig_q_format *f, size_t k, size_t row)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, f, k)) return; /* such panels cannot exist */
    const uint8_t *panel = panels + row / IG_Q_PANEL * l.panel_bytes;
    for (size_t g = 0; g < l.groups; g++) {
        const q_place at = q_place_of(&l, f, g);
        const size_t first = g * IG_Q_GROUP, deep = IG_MIN(k - first, (size_t)IG_Q_GROUP);
        for (size_t i = 0; i < deep; i++)
            to[first + i] = q_weight_at(panel, f, &at, i, row % IG_Q_PANEL);
    }
}

static float kept(const ig_q_format *f, float x)
{
    return f->scale_bytes == 2 ? ig_f16_to_f32(ig_f32_to_f16(x)) : x;
}

static uint8_t nearest(float x, float most)
{
    const float q = rintf(x);
    return (uint8_t)(q < 0 ? 0 : q > most ? most : q);
}

static float quantise_e4m3(uint8_t *q, const ig_q_format *f, const float *w, size_t n, size_t step)
{
    float top = 0;
    for (size_t i = 0; i < n; i++) top = IG_MAX(top, fabsf(w[i * step]));
    const float d = kept(f, top / IG_E4M3_MOST);
    for (size_t i = 0; i < n; i++) q[i * step] = q_to_e4m3(d != 0 ? w[i * step] / d : 0);
    return d;
}

void ig_q_quantise(uint8_t *q, float *scale, float *offset, const ig_q_format *f, const float *w,
                   size_t n, size_t step)
{
    const float most = f->bits == 4 ? 15 : 255, centre = f->bits == 4 ? 8 : 128;
    float low = 0, high = 0;
    if (f->offset == IG_Q_E4M3) {
        *scale = quantise_e4m3(q, f, w, n, step);
        *offset = 0;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        low = IG_MIN(low, w[i * step]);
        high = IG_MAX(high, w[i * step]);
    }
    float d = (high - low) / most, zero = centre, least = 0;
    if (f->offset == IG_Q_CENTRED) d = (-low > high ? low : high) / -centre;
    d = kept(f, d);
    const float inverse = d != 0 ? 1 / d : 0;
    if (f->offset == IG_Q_ZERO) zero = nearest(-low * inverse, most);
    if (f->offset == IG_Q_MIN) {
        least = kept(f, low);
        zero = 0;
    }
    for (size_t i = 0; i < n; i++)
        q[i * step] = nearest((w[i * step] - least) * inverse + zero, most);
    *scale = d;
    *offset = f->offset == IG_Q_MIN ? least : zero;
}
