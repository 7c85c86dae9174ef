/* conv_dw_i8_body.h - the depthwise convolution of one strip of channels, for the vectors that the
 * including file defines; included once for each width. No guard.
 *
 *     V, STRIP          a vector of STRIP bytes: 64, or 32 (half a block)
 *     NAME(fn)          a name of its own for each width
 *     V_load(p), V_load_n(p, n), V_set8(b), V_xor, V_lo8, V_hi8, V_lo16, V_hi16
 *     V_dots(acc, x, w) acc + products of the unsigned bytes x and the signed w, four to a dword
 *     V_bytes(f, y, acc, order, n), V_words(f, y, at, acc, order, n)
 *
 * Four vectors of taps are interleaved by eight unpacks into four `quads` of dwords, one dword a
 * channel, beside which the packed weights lie. Of windows in columns the quads of a column serve
 * the next pixels too, while their pointers are the same. */

typedef struct {
    V v[4];
} NAME(quads);

DW_INLINE NAME(quads) NAME(interleaved)(V a, V b, V c, V d)
{
    const V ab0 = V_lo8(a, b), ab1 = V_hi8(a, b), cd0 = V_lo8(c, d), cd1 = V_hi8(c, d);
    return (NAME(quads)){{V_lo16(ab0, cd0), V_hi16(ab0, cd0), V_lo16(ab1, cd1), V_hi16(ab1, cd1)}};
}

DW_INLINE V NAME(tap)(const uint8_t *x, size_t n, bool flip)
{
    const V v = n < STRIP ? V_load_n(x, n) : V_load(x);
    return flip ? V_xor(v, V_set8((char)0x80)) : v;
}

/* Four taps, or the three of a column: the fourth has weight 0. */
DW_INLINE NAME(quads)
    NAME(load)(const uint8_t *const *taps, size_t c, size_t n, bool flip, bool column)
{
    const V x2 = NAME(tap)(taps[2] + c, n, flip);
    return NAME(interleaved)(NAME(tap)(taps[0] + c, n, flip), NAME(tap)(taps[1] + c, n, flip), x2,
                             column ? x2 : NAME(tap)(taps[3] + c, n, flip));
}

DW_INLINE void NAME(add)(V acc[4], const NAME(quads) * x, const int8_t *w)
{
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++) acc[q] = V_dots(acc[q], x->v[q], V_load(w + 64 * q));
}

DW_INLINE void NAME(start)(V acc[4], const i8_finish *f, size_t order)
{
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++) acc[q] = V_load(f->start + order + 16 * q);
}

DW_INLINE void NAME(store)(const i8_finish *f, void *y, size_t at, const V acc[4], size_t order,
                           size_t n)
{
    if (f->to == I8_TO_BYTES)
        V_bytes(f, (uint8_t *)y + at, acc, order, n);
    else
        V_words(f, y, at, acc, order, n);
}

DW_INLINE bool NAME(same)(const uint8_t *const *a, const uint8_t *const *b)
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Channels c .. c + n; order: where they begin in the arrays of finish; w: their weights. */
DW_INLINE void NAME(windows)(const conv_dw_i8_args *p, size_t pixels, size_t c, size_t n,
                             size_t order, const int8_t *w, bool flip)
{
    const i8_finish f = p->finish; /* y may not change it */
    const uint8_t *const *taps = p->taps;
    for (size_t i = 0; i < pixels; i++) {
        V acc[4];
        NAME(start)(acc, &f, order);
        for (size_t g = 0; g < p->groups; g++, taps += 4) {
            const NAME(quads) x = NAME(load)(taps, c, n, flip, false);
            NAME(add)(acc, &x, w + g * 256);
        }
        NAME(store)(&f, p->y, i * p->y_row + c, acc, order, n);
    }
}

DW_INLINE void NAME(columns)(const conv_dw_i8_args *p, size_t pixels, size_t c, size_t n,
                             size_t order, const int8_t *w, bool flip)
{
    const i8_finish f = p->finish;
    const uint8_t *const *taps = p->taps, *const *past = NULL;
    NAME(quads) x[3] = {0};
    for (size_t i = 0; i < pixels; i++, past = taps, taps += 12) {
        V acc[4];
        NAME(start)(acc, &f, order);
        if (past && NAME(same)(taps, past + 4) && NAME(same)(taps + 4, past + 8)) {
            x[0] = x[1];
            x[1] = x[2];
        } else {
            x[0] = past && NAME(same)(taps, past + 8) ? x[2] : NAME(load)(taps, c, n, flip, true);
            x[1] = NAME(load)(taps + 4, c, n, flip, true);
        }
        x[2] = NAME(load)(taps + 8, c, n, flip, true);
#pragma GCC unroll 3
        for (size_t g = 0; g < 3; g++) NAME(add)(acc, &x[g], w + g * 256);
        NAME(store)(&f, p->y, i * p->y_row + c, acc, order, n);
    }
}

/* One strip; n == STRIP and flip are constants in each call. */
DW_INLINE void NAME(strip_n)(const conv_dw_i8_args *p, size_t pixels, size_t c, size_t n,
                             size_t order, const int8_t *w)
{
    if (p->columns && p->flip)
        NAME(columns)(p, pixels, c, n, order, w, true);
    else if (p->columns)
        NAME(columns)(p, pixels, c, n, order, w, false);
    else if (p->flip)
        NAME(windows)(p, pixels, c, n, order, w, true);
    else
        NAME(windows)(p, pixels, c, n, order, w, false);
}

static void NAME(strip)(const conv_dw_i8_args *p, size_t pixels, size_t c)
{
    const size_t block = c / CONV_DW_I8_BLOCK, half = c % CONV_DW_I8_BLOCK / 32, left = p->c - c;
    const size_t order = block * CONV_DW_I8_BLOCK + half * 8;
    const int8_t *w = p->w + block * p->groups * 256 + half * 32;
    if (left < STRIP)
        NAME(strip_n)(p, pixels, c, left, order, w);
    else
        NAME(strip_n)(p, pixels, c, STRIP, order, w);
}

#undef V
#undef STRIP
#undef NAME
#undef V_load
#undef V_load_n
#undef V_set8
#undef V_xor
#undef V_lo8
#undef V_hi8
#undef V_lo16
#undef V_hi16
#undef V_dots
#undef V_bytes
#undef V_words
