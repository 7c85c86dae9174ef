/* conv_few_body.h - convolution to few output channels (conv.h), written against the sixteen-lane
 * vector of kernels/vec.
 *
 * A panel of 16 outputs of which 8 or 1 exist would waste the rest, so pixels lie in the lanes: the
 * tile is a few outputs times a few vectors of output pixels, x comes from lines that hold one
 * channel each (conv_few.h), and weights are broadcast. An offset for each k says where its line
 * is, zeros where the tap is in the padding.
 *
 *     for blocks of output columns
 *     for output rows                     new input rows are turned into lines, kh are kept
 *     for runs of IG_GEMM_RUN products    sums of earlier runs wait in planes [output][pixel]
 *     for outputs, for pixels             as many as a tile takes
 *
 * Bound by FMA from three outputs on, by the unaligned loads of x below. */
#ifndef IG_CONV_FEW_BODY_H
#define IG_CONV_FEW_BODY_H

#include "kernels/conv/conv_few.h"
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { MOST_OUTS = 6, MOST_VECS = 4 };

#define UNROLL _Pragma("GCC unroll 8")

/* One call of a tile: a run of n products of some outputs and vectors of pixels. */
typedef struct {
    float *plane;       /* [outs][ld] */
    const float *x, *w; /* x: what the offsets count from, at the first pixel; w [n][IG_PANEL] */
    const float *bias;  /* [outs] or NULL */
    const uint32_t *offset; /* [n] */
    size_t n, ld;
    bool first, last; /* run */
    float low, high;
} few_tile;
typedef void few_tile_fn(const few_tile *t);

/* An ISA's tiles and helpers. */
typedef struct {
    few_tile_fn *const (*tile)[MOST_VECS]; /* [outs - 1][vecs - 1] */
    const uint8_t *vecs;                   /* [outs - 1]: of the widest tile */
    transpose_fn *transpose;
    void (*finish)(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols);
} few_isa;

VEC_INLINE void few_store(const few_tile *t, vf acc[MOST_OUTS][MOST_VECS], const size_t outs,
                          const size_t vecs)
{
    const vf low = vf_set(t->low), high = vf_set(t->high);
    UNROLL for (size_t o = 0; o < outs; o++)
    {
        const vf bias = vf_set(t->bias ? t->bias[o] : -0.0f); /* y + -0 is y, also for y = -0 */
        UNROLL for (size_t v = 0; v < vecs; v++)
        {
            float *p = t->plane + o * t->ld + v * FEW_LANES;
            if (!t->first) acc[o][v] = vf_add(vf_load(p), acc[o][v]);
            if (t->last) acc[o][v] = vf_min(high, vf_max(low, vf_add(acc[o][v], bias)));
            vf_store(p, acc[o][v]);
        }
    }
}

VEC_INLINE void few_multiply(const few_tile *t, const size_t outs, const size_t vecs)
{
    vf acc[MOST_OUTS][MOST_VECS];
    UNROLL for (size_t o = 0; o < outs; o++)
    {
        UNROLL for (size_t v = 0; v < vecs; v++) acc[o][v] = vf_set(0);
    }
    const float *w = t->w;
    for (size_t k = 0; k < t->n; k++, w += IG_PANEL) {
        const float *x = t->x + t->offset[k];
        vf in[MOST_VECS];
        UNROLL for (size_t v = 0; v < vecs; v++) in[v] = vf_load(x + v * FEW_LANES);
        UNROLL for (size_t o = 0; o < outs; o++)
        {
            const vf each = vf_set(w[o]);
            UNROLL for (size_t v = 0; v < vecs; v++) acc[o][v] = vf_fma(in[v], each, acc[o][v]);
        }
    }
    few_store(t, acc, outs, vecs);
}

/* A block of output columns of one image and group. */
typedef struct {
    const ig_conv_f32_args *c;
    const few_isa *isa;
    few_shape s;
    const float *image; /* the group's first channel */
    float *scratch;     /* zeros [pitch], lines [kh][row], planes [outs][block] */
    uint32_t *offset;   /* [depth] */
    uint32_t *held;     /* [kh]: 1 + the input row whose lines are there, 0: none */
    size_t group, x0;   /* x0: first output column */
} few_block;

static inline float *few_lines(const few_block *b, size_t slot)
{
    return b->scratch + b->s.pitch + slot * b->s.row;
}
static inline float *few_planes(const few_block *b) { return few_lines(b, b->c->kh); }

/* Zeros in front of q0 and from q1 on, in whole vectors: what they cover of [q0, q1) comes after.
 */
VEC_INLINE void few_blank(float *line, const few_shape *s, size_t q0, size_t q1)
{
    for (size_t i = 0; i < s->channels; i++, line += s->pitch) {
        for (size_t q = 0; q < q0; q += FEW_LANES) vf_store(line + q, vf_set(0));
        for (size_t q = q1 / FEW_LANES * FEW_LANES; q < s->pitch; q += FEW_LANES)
            vf_store(line + q, vf_set(0));
    }
}

/* Input row iy of the block as lines. */
static inline void few_take_row(const few_block *b, float *to, size_t iy)
{
    const ig_conv_f32_args *c = b->c;
    const few_shape *s = &b->s;
    const ptrdiff_t left = (ptrdiff_t)(b->x0 * c->stride_w) - (ptrdiff_t)c->pad_left;
    for (size_t phase = 0; phase < s->phases; phase++, to += s->channels * s->pitch) {
        const ptrdiff_t u = left + (ptrdiff_t)phase, end = (ptrdiff_t)c->in_w - u;
        const size_t before = u < 0 ? ((size_t)-u - 1) / c->stride_w + 1 : 0;
        const size_t inside = end > 0 ? ((size_t)end - 1) / c->stride_w + 1 : 0;
        const size_t q1 = IG_MIN(inside, s->pitch), q0 = IG_MIN(before, q1);
        few_blank(to, s, q0, q1);
        if (q0 == q1) continue;
        const size_t column = (size_t)(u + (ptrdiff_t)(q0 * c->stride_w));
        const float *from = b->image + (iy * c->in_w + column) * c->in_c;
        const transpose_shape t = {.batch = 1,
                                   .rows = q1 - q0,
                                   .cols = s->channels,
                                   .x_row = c->stride_w * c->in_c,
                                   .y_row = s->pitch};
        if (t.x_row == 1)
            memcpy(to + q0, from, t.rows * sizeof *to);
        else
            b->isa->transpose(to + q0, from, &t);
    }
}

/* The offsets of output row oy, whose input rows are brought where they are not yet. */
static inline void few_place(const few_block *b, size_t oy)
{
    const ig_conv_f32_args *c = b->c;
    const few_shape *s = &b->s;
    uint32_t *offset = b->offset;
    for (size_t ky = 0; ky < c->kh; ky++) {
        const size_t iy = oy * c->stride_h + ky * c->dilation_h - c->pad_top; /* above it wraps */
        const size_t slot = c->dilation_h == 1 ? (iy + c->kh) % c->kh : ky;
        const bool inside = iy < c->in_h;
        if (inside && b->held[slot] != iy + 1) {
            few_take_row(b, few_lines(b, slot), iy);
            b->held[slot] = (uint32_t)iy + 1;
        }
        const size_t lines = (size_t)(few_lines(b, slot) - b->scratch);
        for (size_t kx = 0; kx < c->kw; kx++, offset += s->channels) {
            const size_t u = kx * c->dilation_w, phase = u % c->stride_w, q = u / c->stride_w;
            const size_t at = inside ? lines + phase * s->channels * s->pitch + q : 0;
            const size_t step = inside ? s->pitch : 0;
            for (size_t i = 0; i < s->channels; i++) offset[i] = (uint32_t)(at + i * step);
        }
    }
}

/* n pixels of planes, from `at` of the block: all runs of products. */
static inline void few_sum(const few_block *b, const float *w, size_t at, size_t n)
{
    const ig_conv_f32_args *c = b->c;
    const size_t depth = ig_conv_depth(c), all = (n + FEW_LANES - 1) / FEW_LANES;
    const size_t shares = (b->s.outs + MOST_OUTS - 1) / MOST_OUTS;
    few_tile t = {.ld = b->s.block, .low = -INFINITY, .high = INFINITY};
    if (!c->epilogue.residual) ig_act_bounds(&c->epilogue, &t.low, &t.high);
    for (size_t k = 0; k < depth || !k; k += IG_GEMM_RUN) {
        t.n = IG_MIN((size_t)IG_GEMM_RUN, depth - k);
        t.first = k == 0;
        t.last = k + t.n == depth;
        t.offset = b->offset + k;
        for (size_t i = 0; i < shares; i++) {
            const size_t o = i * b->s.outs / shares, outs = (i + 1) * b->s.outs / shares - o;
            const size_t most = b->isa->vecs[outs - 1], tiles = (all + most - 1) / most;
            t.w = w + k * IG_PANEL + o;
            if (c->epilogue.bias) t.bias = c->epilogue.bias + b->group * b->s.outs + o;
            for (size_t j = 0; j < tiles; j++) {
                const size_t v = j * all / tiles, vecs = (j + 1) * all / tiles - v;
                t.x = b->scratch + at + v * FEW_LANES;
                t.plane = few_planes(b) + o * b->s.block + v * FEW_LANES;
                b->isa->tile[outs - 1][vecs - 1](&t);
            }
        }
    }
}

/* n pixels from planes to y, from `pixel` of all on; what of the epilogue is left is done there. */
static inline void few_put(const few_block *b, size_t pixel, size_t n)
{
    const ig_conv_f32_args *c = b->c;
    const ig_epilogue *e = &c->epilogue;
    const size_t outs = b->s.outs, first = b->group * outs;
    float *y = c->y + pixel * c->out_c + first;
    if (c->out_c == 1) {
        memcpy(y, few_planes(b), n * sizeof *y);
    } else {
        const transpose_shape t = {
            .batch = 1, .rows = outs, .cols = n, .x_row = b->s.block, .y_row = c->out_c};
        b->isa->transpose(y, few_planes(b), &t);
    }
    if (e->residual) {
        float low, high;
        ig_act_bounds(e, &low, &high);
        const float *add = e->residual + pixel * e->ld_residual + first;
        for (size_t i = 0; i < n; i++)
            for (size_t o = 0; o < outs; o++) {
                float *to = y + i * c->out_c + o;
                *to = ig_clamp_f32(*to + add[i * e->ld_residual + o], low, high);
            }
    }
    if (ig_act_is_clip(e->act)) return;
    if (outs == c->out_c)
        b->isa->finish(e, y, n * outs, 1, n * outs);
    else
        b->isa->finish(e, y, c->out_c, n, outs);
}

/* Output rows [r0, r1) of one image that meet pixels [m0, m1) of all; block by block. */
static inline void few_image(few_block *b, size_t r0, size_t r1, size_t m0, size_t m1)
{
    const ig_conv_f32_args *c = b->c;
    const float *w = c->w + b->group * ig_conv_depth(c) * IG_PANEL;
    for (b->x0 = 0; b->x0 < c->out_w; b->x0 += b->s.block) {
        memset(b->held, 0, c->kh * sizeof *b->held);
        for (size_t r = r0; r < r1; r++) {
            const size_t row = r * c->out_w, first = row + b->x0;
            const size_t end = IG_MIN(row + IG_MIN(b->x0 + b->s.block, c->out_w), m1);
            const size_t begin = IG_MAX(first, m0);
            if (begin >= end) continue;
            few_place(b, r % c->out_h);
            few_sum(b, w, begin - first, end - begin);
            few_put(b, begin, end - begin);
        }
    }
}

VEC_INLINE void few_drive(const ig_conv_f32_args *args, float *scratch, size_t m0, size_t m1,
                          size_t p0, size_t p1, const few_isa *isa)
{
    const ig_conv_f32_args flat = conv_flat(args), *c = &flat;
    few_block b = {.c = c, .isa = isa, .s = conv_few_shape(c), .scratch = scratch};
    b.offset = (uint32_t *)(void *)(few_planes(&b) + b.s.outs * b.s.block);
    b.held = b.offset + ig_conv_depth(c);
    if (m0 >= m1) return;
    memset(scratch, 0, b.s.pitch * sizeof *scratch);
    const size_t r0 = m0 / c->out_w, r1 = (m1 - 1) / c->out_w + 1;
    for (b.group = p0; b.group < p1; b.group++)
        for (size_t r = r0, end; r < r1; r = end) {
            const size_t image = r / c->out_h;
            end = IG_MIN((image + 1) * c->out_h, r1);
            b.image = c->x + image * c->in_h * c->in_w * c->in_c + b.group * b.s.channels;
            few_image(&b, r, end, m0, m1);
        }
}

#define FEW_TILE(outs, vecs) \
    static void tile_##outs##x##vecs(const few_tile *t) { few_multiply(t, outs, vecs); }

#endif
