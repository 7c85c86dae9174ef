/* winograd_body.h - Winograd's transforms on the sixteen-lane vector, the same for every ISA.
 *
 * Sixteen channels of a tile at a time: rows first, then columns, through 36 vectors in L1. Bound
 * by moving v and m, 36/16 times the size of the image each. */
#include "kernels/winograd/winograd.h"
#include "runtime/base/checked.h"

enum { LANES = 16, TILE = IG_WINOGRAD_TILE, IN = IG_WINOGRAD_IN };

/* B' d, of one row or column. */
VEC_INLINE void into(vf t[IN], const vf d[IN])
{
    const vf four = vf_set(4), five = vf_set(5), two = vf_set(2);
    const vf a = vf_fnma(four, d[2], d[4]), b = vf_fnma(four, d[1], d[3]);
    const vf e = vf_sub(d[4], d[2]), f = vf_sub(d[3], d[1]);
    t[0] = vf_fma(four, d[0], vf_fnma(five, d[2], d[4]));
    t[1] = vf_add(a, b);
    t[2] = vf_sub(a, b);
    t[3] = vf_fma(two, f, e);
    t[4] = vf_fnma(two, f, e);
    t[5] = vf_fma(four, d[1], vf_fnma(five, d[3], d[5]));
}

/* A' m, of one row or column. */
VEC_INLINE void out_of(vf s[TILE], const vf m[IN])
{
    const vf a = vf_add(m[1], m[2]), b = vf_sub(m[1], m[2]);
    const vf c = vf_add(m[3], m[4]), d = vf_sub(m[3], m[4]);
    s[0] = vf_add(vf_add(m[0], a), c);
    s[1] = vf_fma(vf_set(2), d, b);
    s[2] = vf_fma(vf_set(4), c, a);
    s[3] = vf_add(vf_fma(vf_set(8), d, b), m[5]);
}

/* Where a tile begins: its first output, and the first element of its image. */
typedef struct {
    size_t image, y, x;
} tile_at;

VEC_INLINE tile_at find_tile(const ig_conv_f32_args *c, size_t t)
{
    const size_t wide = ig_winograd_tiles_w(c), high = ig_winograd_tiles_h(c), row = t / wide;
    return (tile_at){row / high, row % high * TILE, t % wide * TILE};
}

VEC_INLINE vf load_some(const float *p, size_t n)
{
    return n >= LANES ? vf_load(p) : vf_load_n(p, n, vf_set(0));
}

VEC_INLINE void store_some(float *p, vf v, size_t n)
{
    if (n >= LANES)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

/* n channels of a tile; x is the image at these channels, v the tile's row at them. */
VEC_INLINE void transform_in(float *v, size_t point, const ig_conv_f32_args *c, const float *x,
                             const tile_at *t, size_t n)
{
    vf rows[IN][IN];
    for (size_t i = 0; i < IN; i++) {
        const size_t y = t->y + i - c->pad_top; /* above the image it wraps */
        vf d[IN];
        for (size_t j = 0; j < IN; j++) {
            const size_t at = t->x + j - c->pad_left;
            d[j] = y < c->in_h && at < c->in_w ? load_some(x + (y * c->in_w + at) * c->in_c, n)
                                               : vf_set(0);
        }
        into(rows[i], d);
    }
    for (size_t j = 0; j < IN; j++) {
        vf d[IN], r[IN];
        for (size_t i = 0; i < IN; i++) d[i] = rows[i][j];
        into(r, d);
        for (size_t i = 0; i < IN; i++) store_some(v + (i * IN + j) * point, r[i], n);
    }
}

void IG_ISA(winograd_in_f32)(float *v, const ig_conv_f32_args *c, size_t t0, size_t t1)
{
    const size_t point = (t1 - t0) * c->in_c;
    for (size_t t = t0; t < t1; t++, v += c->in_c) {
        const tile_at at = find_tile(c, t);
        const float *x = c->x + at.image * c->in_h * c->in_w * c->in_c;
        size_t i = 0;
        for (; i + LANES <= c->in_c; i += LANES) transform_in(v + i, point, c, x + i, &at, LANES);
        if (i < c->in_c) transform_in(v + i, point, c, x + i, &at, c->in_c - i);
    }
}

/* One output: clip(sum + bias + residual), or what the activation maps it to. */
VEC_INLINE void put(const ig_conv_f32_args *c, vf low, vf high, vf sum, size_t pixel,
                    size_t channel, size_t n)
{
    const ig_epilogue *e = &c->epilogue;
    if (e->bias) sum = vf_add(sum, load_some(e->bias + channel, n));
    if (e->residual)
        sum = vf_add(sum, load_some(e->residual + pixel * e->ld_residual + channel, n));
    sum = vf_min(high, vf_max(low, sum)); /* NaN: the second operand */
    store_some(c->y + pixel * c->out_c + channel, sum, n);
}

VEC_INLINE void transform_out(const ig_conv_f32_args *c, const float *m, size_t point,
                              const tile_at *t, size_t channel, size_t n)
{
    vf rows[IN][TILE];
    float low, high;
    ig_act_bounds(&c->epilogue, &low, &high);
    const vf least = vf_set(low), most = vf_set(high);
    for (size_t i = 0; i < IN; i++) {
        vf d[IN];
        for (size_t j = 0; j < IN; j++) d[j] = load_some(m + (i * IN + j) * point, n);
        out_of(rows[i], d);
    }
    for (size_t j = 0; j < TILE && t->x + j < c->out_w; j++) {
        vf d[IN], s[TILE];
        for (size_t i = 0; i < IN; i++) d[i] = rows[i][j];
        out_of(s, d);
        for (size_t i = 0; i < TILE && t->y + i < c->out_h; i++) {
            const size_t pixel = (t->image * c->out_h + t->y + i) * c->out_w + t->x + j;
            put(c, least, most, s[i], pixel, channel, n);
        }
    }
}

/* The activations that are no clip, over a stored tile. */
static void finish_tile(const ig_conv_f32_args *c, const tile_at *t)
{
    const ig_epilogue *e = &c->epilogue;
    const size_t n = IG_MIN(TILE, c->out_w - t->x) * c->out_c;
    for (size_t i = 0; i < TILE && t->y + i < c->out_h; i++) {
        float *y = c->y + ((t->image * c->out_h + t->y + i) * c->out_w + t->x) * c->out_c;
        for (size_t j = 0; j < n; j++) y[j] = ig_act_f32(e, y[j]);
        if (e->act == IG_ACT_MAP) e->map(y, y, n, e->a, e->b);
    }
}

void IG_ISA(winograd_out_f32)(const ig_conv_f32_args *c, const float *m, size_t t0, size_t t1)
{
    const size_t point = (t1 - t0) * c->out_c;
    for (size_t t = t0; t < t1; t++, m += c->out_c) {
        const tile_at at = find_tile(c, t);
        size_t i = 0;
        for (; i + LANES <= c->out_c; i += LANES) transform_out(c, m + i, point, &at, i, LANES);
        if (i < c->out_c) transform_out(c, m + i, point, &at, i, c->out_c - i);
        if (!ig_act_is_clip(c->epilogue.act)) finish_tile(c, &at);
    }
}
