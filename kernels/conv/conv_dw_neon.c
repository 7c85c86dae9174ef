/* conv_dw_neon.c - depthwise convolution, NEON.
 *
 * 3, 5 and 7 wide windows without dilation take 8 or 4 pixels of 4 channels at once; each input
 * vector is loaded once per window row and meets every pixel that it lies under. Other windows load
 * each tap, as do the last channels where fewer than 4 are left. */
#include "kernels/conv/conv_dw_rows.h"
#include "kernels/gemm/epilogue_neon.h"

enum { LANES = 4, WIDE = 8, MOST_KW = 7, BLOCK = 16 /* channels */ };

#define UNROLL _Pragma("GCC unroll 32")

/* `left` channels exist from the vector's first on; a constant where speed matters. */
NEON_INLINE float32x4_t take(const float *p, size_t left)
{
    return ig_load_neon(p, left, vdupq_n_f32(0));
}

/* y = clip(acc + bias + residual) for px pixels from ox, channels from i. */
NEON_INLINE void put(const float32x4_t acc[WIDE], const ig_conv_f32_args *c, const dw_row *d,
                     size_t i, size_t left, size_t ox, const size_t px)
{
    const ig_epilogue *e = &c->epilogue;
    const float32x4_t low = vdupq_n_f32(d->low), high = vdupq_n_f32(d->high);
    /* y + -0 is y, also for y = -0 */
    const float32x4_t bias = e->bias ? take(e->bias + i, left) : vdupq_n_f32(-0.0f);
    const float *add = d->residual ? d->residual + ox * e->ld_residual + i : NULL;
    float *to = d->y + ox * c->out_c + i;
    UNROLL for (size_t p = 0; p < px; p++, to += c->out_c)
    {
        float32x4_t y = vaddq_f32(acc[p], bias);
        if (add) {
            y = vaddq_f32(y, take(add, left));
            add += e->ld_residual;
        }
        ig_store_neon(to, left, ig_min_neon(high, ig_max_neon(low, y))); /* NaN: the second */
    }
}

/* px pixels from ox, whose taps [kx0, kx1) are inside the image; any stride and dilation. */
NEON_INLINE void taps(const ig_conv_f32_args *c, const dw_row *d, size_t i, size_t left, size_t ox,
                      const size_t px, size_t kx0, size_t kx1)
{
    const size_t pixel = c->stride_w * c->in_c, tap = c->dilation_w * c->in_c;
    const size_t at = ox * c->stride_w + kx0 * c->dilation_w - c->pad_left;
    float32x4_t acc[WIDE];
    UNROLL for (size_t p = 0; p < px; p++) acc[p] = vdupq_n_f32(0);
    for (size_t ky = 0; ky < d->rows && kx0 < kx1; ky++) {
        const float *x = d->x + ky * d->row_step + at * c->in_c + i;
        const float *w = d->w + (ky * c->kw + kx0) * c->in_c + i;
        for (size_t kx = kx0; kx < kx1; kx++, x += tap, w += c->in_c) {
            const float32x4_t v = take(w, left);
            UNROLL for (size_t p = 0; p < px; p++) acc[p] =
                vfmaq_f32(acc[p], take(x + p * pixel, left), v);
        }
    }
    put(acc, c, d, i, left, ox, px);
}

/* px pixels from ox, no dilation; kw, stride and edge are constants. Input column j lies under tap
 * j - p * stride of pixel p, so each sum meets its taps in increasing kx. At an edge, columns
 * outside the image are passed over. */
NEON_INLINE void strip(const ig_conv_f32_args *c, const dw_row *d, size_t i, size_t ox,
                       const size_t px, const size_t kw, const size_t stride, const bool edge)
{
    const size_t from = ox * stride - c->pad_left; /* of column 0; left of the image it wraps */
    const float *w = d->w + i;
    float32x4_t acc[WIDE];
    UNROLL for (size_t p = 0; p < px; p++) acc[p] = vdupq_n_f32(0);
    for (size_t ky = 0; ky < d->rows; ky++, w += kw * c->in_c) {
        float32x4_t v[MOST_KW];
        UNROLL for (size_t k = 0; k < kw; k++) v[k] = vld1q_f32(w + k * c->in_c);
        const float *x = d->x + ky * d->row_step + i;
        UNROLL for (size_t j = 0; j < (px - 1) * stride + kw; j++)
        {
            if (edge && from + j >= c->in_w) continue;
            const float32x4_t in = vld1q_f32(x + (from + j) * c->in_c);
            UNROLL for (size_t p = 0; p < px; p++)
            {
                if (j >= p * stride && j - p * stride < kw)
                    acc[p] = vfmaq_f32(acc[p], in, v[j - p * stride]);
            }
        }
    }
    put(acc, c, d, i, LANES, ox, px);
}

/* One output row, one vector of channels, any window. */
NEON_INLINE void channels_any(const ig_conv_f32_args *c, const dw_row *d, size_t i, size_t left)
{
    size_t ox = 0;
    while (ox < c->out_w) {
        const bool whole = ox >= d->inner_from && ox < d->inner_to;
        size_t kx0 = 0, kx1 = c->kw;
        if (whole && d->inner_to - ox >= 4) {
            taps(c, d, i, left, ox, 4, kx0, kx1);
            ox += 4;
            continue;
        }
        if (!whole)
            inside((ptrdiff_t)(ox * c->stride_w) - (ptrdiff_t)c->pad_left, c->kw, c->dilation_w,
                   c->in_w, &kx0, &kx1);
        taps(c, d, i, left, ox++, 1, kx0, kx1);
    }
}

/* One output row, a block of channels, a window of constant shape. */
NEON_INLINE void channels(const ig_conv_f32_args *c, const dw_row *d, size_t i0, size_t i1,
                          const size_t kw, const size_t stride)
{
    size_t ox = 0;
    while (ox < c->out_w) {
        const size_t room = c->out_w - ox, px = room >= 8 ? 8 : room >= 4 ? 4 : 1;
        const bool whole = ox >= d->inner_from && ox + px <= d->inner_to;
        for (size_t i = i0; i < i1; i += LANES) {
            if (px == 8 && whole)
                strip(c, d, i, ox, 8, kw, stride, false);
            else if (px == 8)
                strip(c, d, i, ox, 8, kw, stride, true);
            else if (px == 4)
                strip(c, d, i, ox, 4, kw, stride, true);
            else
                strip(c, d, i, ox, 1, kw, stride, true);
        }
        ox += px;
    }
}

NEON_INLINE void rows(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1,
                      const size_t kw, const size_t stride)
{
    const ig_epilogue *e = &c->epilogue;
    const size_t whole = c0 + (kw ? (c1 - c0) / LANES * LANES : 0);
    for (size_t r = r0; r < r1; r++) {
        const dw_row d = dw_row_at(c, r);
        for (size_t i = c0; i < whole; i += BLOCK)
            channels(c, &d, i, IG_MIN(i + BLOCK, whole), kw, stride);
        for (size_t i = whole; i < c1; i += LANES) channels_any(c, &d, i, c1 - i);
        if (!ig_act_is_clip(e->act)) ig_finish_neon(e, d.y + c0, c->out_c, c->out_w, c1 - c0);
    }
}

/* The windows of constant shape, and any other. */
#define WINDOWS(X) X(3, 1) X(3, 2) X(5, 1) X(5, 2) X(7, 1)
#define WINDOW(kw, stride)                                                                       \
    static void rows_##kw##s##stride(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, \
                                     size_t c1)                                                  \
    {                                                                                            \
        rows(c, r0, r1, c0, c1, kw, stride);                                                     \
    }
WINDOWS(WINDOW)

void conv_dw_f32_neon(const ig_conv_f32_args *c, size_t r0, size_t r1, size_t c0, size_t c1)
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
