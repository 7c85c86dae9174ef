/* utf8.h - one code point at a time, checked: overlong forms, surrogates and values past U+10FFFF
 * are refused, so that a text that passes is what other programs call UTF-8. */
#ifndef IG_UTF8_H
#define IG_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ig_utf8_is_scalar(uint32_t cp)
{
    return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* ig_utf8_next - read the code point at p[0, n), n > 0. Returns its bytes, 0 when it is malformed.
 */
static inline size_t ig_utf8_next(uint32_t *cp, const char *p, size_t n)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *b = (const uint8_t *)p;
    *cp = b[0];
    if (b[0] < 0x80) return 1;
    const size_t len = b[0] >= 0xf8   ? 0
                       : b[0] >= 0xf0 ? 4
                       : b[0] >= 0xe0 ? 3
                       : b[0] >= 0xc0 ? 2
                                      : 0;
    if (!len || len > n) return 0;
    uint32_t v = b[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80) return 0;
        v = v << 6 | (b[i] & 0x3fu);
    }
    *cp = v;
    return v >= lowest[len] && ig_utf8_is_scalar(v) ? len : 0;
}

/* ig_utf8_size - bytes that a scalar value takes. */
static inline size_t ig_utf8_size(uint32_t cp)
{
    return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* ig_utf8_put - write a scalar value; out has room for 4 bytes. Returns its bytes. */
static inline size_t ig_utf8_put(char *out, uint32_t cp)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const size_t len = ig_utf8_size(cp);
    for (size_t i = len - 1; i; i--, cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(lead[len] | cp);
    return len;
}

#endif
