/* conv_dw_body.h - depthwise convolution for a file that says what a vector is:
 *
 *     LANES, BLOCK            channels of a vector; of a block, which strips walk through
 *     dw_vec, dw_part         a vector; which of its channels exist
 *     dw_strip(n), dw_left(n) the part where n channels are left: of a strip, and at the end of a
 * row, where n < LANES PARTS                   strips take vectors that are not whole; else the
 * last channels of a row load each tap dw_load, dw_store       of a part; dw_set, dw_add, dw_fma(a,
 * b, c) = a b + c, dw_finish dw_min, dw_max          the second operand where one is a NaN
 *     IG_DW(name)             the name with the ISA behind it
 *
 * 3, 5 and 7 wide windows without dilation take 8 or 7 pixels of a vector of channels at once; each
 * input vector is loaded once per window row and meets every pixel that it lies under. Bound by FMA
 * when the input rows are in L1 (3 wide: 13 loads for 24 FMA), by reading x once otherwise. Other
 * windows load each tap. */
#include "kernels/conv/conv_dw_rows.h"

enum { WIDE = 8, MOST_KW = 7 };

#define DW_INLINE static inline __attribute__((always_inline))
#define UNROLL    _Pragma("GCC unroll 32")

/* y = clip(acc + bias + residual) for px pixels from ox, channels from i. */
DW_INLINE void put(const dw_vec acc[WIDE], const ig_conv_f32_args *c, const dw_row *d, size_t i,
                   const dw_part m, size_t ox, const size_t px)
{
    const ig_epilogue *e = &c->epilogue;
    const dw_vec low = dw_set(d->low), high = dw_set(d->high);
    const dw_vec none = dw_set(-0.0f); /* y + -0 is y, also for y = -0 */
    const dw_vec bias = e->bias ? dw_load(e->bias + i, m) : none;
    const float *add = d->residual ? d->residual + ox * e->ld_residual + i : NULL;
    float *to = d->y + ox * c->out_c + i;
    UNROLL for (size_t p = 0; p < px; p++, to += c->out_c)
    {
        dw_vec y = dw_add(acc[p], bias);
        if (add) {
            y = dw_add(y, dw_load(add, m));
            add += e->ld_residual;
        }
        y = dw_min(high, dw_max(low, y)); /* NaN: the second operand */
        dw_store(to, m, y);
    }
}

/* px pixels from ox, whose taps [kx0, kx1) are inside the image; any stride and dilation. */
DW_INLINE void taps(const ig_conv_f32_args *c, const dw_row *d, size_t i, const dw_part m,
                    size_t ox, const size_t px, size_t kx0, size_t kx1)
{
    const size_t pixel = c->stride_w * c->in_c, tap = c->dilation_w * c->in_c;
    const size_t at = ox * c->stride_w + kx0 * c->dilation_w - c->pad_left;
    dw_vec acc[WIDE];
    UNROLL for (size_t p = 0; p < px; p++) acc[p] = dw_set(0);
    for (size_t ky = 0; ky < d->rows && kx0 < kx1; ky++) {
        const float *x = d->x + ky * d->row_step + at * c->in_c + i;
        const float *w = d->w + (ky * c->kw + kx0) * c->in_c + i;
        for (size_t kx = kx0; kx < kx1; kx++, x += tap, w += c->in_c) {
            const dw_vec v = dw_load(w, m);
            UNROLL for (size_t p = 0; p < px; p++) acc[p] =
                dw_fma(dw_load(x + p * pixel, m), v, acc[p]);
        }
    }
    put(acc, c, d, i, m, ox, px);
}

/* px pixels from ox, no dilation; kw, stride and edge are constants. Input column j lies under tap
 * j - p * stride of pixel p, so each sum meets its taps in increasing kx. At an edge, columns
 * outside the image are passed over. */
DW_INLINE void strip(const ig_conv_f32_args *c, const dw_row *d, size_t i, const dw_part m,
                     size_t ox, const size_t px, const size_t kw, const size_t stride,
                     const bool edge)
{
    const size_t from = ox * stride - c->pad_left; /* of column 0; left of the image it wraps */
    const float *w = d->w + i;
    dw_vec acc[WIDE];
    UNROLL for (size_t p = 0; p < px; p++) acc[p] = dw_set(0);
    for (size_t ky = 0; ky < d->rows; ky++, w += kw * c->in_c) {
        dw_vec v[MOST_KW];
        UNROLL for (size_t k = 0; k < kw; k++) v[k] = dw_load(w + k * c->in_c, m);
        const float *x = d->x + ky * d->row_step + i;
        size_t at = from * c->in_c - c->in_c; /* of the column before */
        UNROLL for (size_t j = 0; j < (px - 1) * stride + kw; j++)
        {
            at += c->in_c;
            __asm__("" : "+r"(at)); /* or the compiler keeps an offset for each column, spilled */
            if (edge && from + j >= c->in_w) continue;
            const dw_vec in = dw_load(x + at, m);
            UNROLL for (size_t p = 0; p < px; p++)
            {
                if (j >= p * stride && j - p * stride < kw)
                    acc[p] = dw_fma(in, v[j - p * stride], acc[p]);
            }
        }
    }
    put(acc, c, d, i, m, ox, px);
}

/* One output row, one vector of channels, any window. */
DW_INLINE void channels_any(const ig_conv_f32_args *c, const dw_row *d, size_t i, const dw_part m)
{
    size_t ox = 0;
    while (ox < c->out_w) {
        const bool whole = ox >= d->inner_from && ox < d->inner_to;
        size_t kx0 = 0, kx1 = c->kw;
        if (whole && d->inner_to - ox >= 4) {
            taps(c, d, i, m, ox, 4, kx0, kx1);
            ox += 4;
            continue;
        }
        if (!whole)
            inside((ptrdiff_t)(ox * c->stride_w) - (ptrdiff_t)c->pad_left, c->kw, c->dilation_w,
                   c->in_w, &kx0, &kx1);
        taps(c, d, i, m, ox++, 1, kx0, kx1);
    }
}

/* One output row, a block of channels, a window of constant shape: strips of rows of 7 and 14
 * pixels, which end most networks, are seven wide, others eight. */
DW_INLINE void channels(const ig_conv_f32_args *c, const dw_row *d, size_t i0, size_t i1,
                        const size_t kw, const size_t stride)
{
    size_t ox = 0;
    while (ox < c->out_w) {
        const size_t left = c->out_w - ox;
        const size_t px = left == 7 || left == 14 ? 7 : left >= 8 ? 8 : left >= 4 ? 4 : 1;
        const bool whole = ox >= d->inner_from && ox + px <= d->inner_to;
#define STRIP(n)                                                            \
    case n:                                                                 \
        for (size_t i = i0; i < i1; i += LANES)                             \
            if (whole)                                                      \
                strip(c, d, i, dw_strip(i1 - i), ox, n, kw, stride, false); \
            else                                                            \
                strip(c, d, i, dw_strip(i1 - i), ox, n, kw, stride, true);  \
        break;
        switch (px) {
            STRIP(8)
            STRIP(7)
            STRIP(4)
            STRIP(1)
        }
#undef STRIP
        ox += px;
    }
}

DW_INLINE void rows(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1,
                    const size_t kw, const size_t stride)
{
    const ig_epilogue *e = &c->epilogue;
    const size_t strips = !kw ? c0 : PARTS ? c1 : c1 - (c1 - c0) % LANES;
    for (size_t r = r0; r < r1; r++) {
        const dw_row d = dw_row_at(c, r);
        for (size_t i = c0; i < strips; i += BLOCK)
            channels(c, &d, i, IG_MIN(i + BLOCK, strips), kw, stride);
        for (size_t i = strips; i < c1; i += LANES)
            if (c1 - i >= LANES)
                channels_any(c, &d, i, dw_strip(LANES));
            else
                channels_any(c, &d, i, dw_left(c1 - i));
        if (!ig_act_is_clip(e->act)) dw_finish(e, d.y + c0, c->out_c, c->out_w, c1 - c0);
    }
}

/* The windows of constant shape, and any other. */
#define WINDOWS(X) X(3, 1) X(3, 2) X(5, 1) X(5, 2) X(7, 1)
#define WINDOW(kw, stride)                                                     \
    static __attribute__((noinline)) void rows_##kw##s##stride(                \
        const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1) \
    {                                                                          \
        rows(c, r0, r1, c0, c1, kw, stride);                                   \
    }
WINDOWS(WINDOW)

void IG_DW(conv_dw_f32)(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1)
{
#define CHOOSE(width, stride)                                            \
    if (c->kw == width && c->stride_w == stride && c->dilation_w == 1) { \
        rows_##width##s##stride(c, r0, r1, c0, c1);                      \
        return;                                                          \
    }
    WINDOWS(CHOOSE)
#undef CHOOSE
    rows(c, r0, r1, c0, c1, 0, 0);
}
