/* unicode.h - classes of characters as the tokenizers need them; tables by utf8proc. */
#ifndef IG_TEXT_UNICODE_H
#define IG_TEXT_UNICODE_H

#include "runtime/base/utf8.h"

#include <utf8proc.h>

/* ig_is_blank - White_Space, without U+180E, which it no longer is. */
static inline bool ig_is_blank(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static inline bool ig_is_mark(uint32_t c, bool nonspacing_only)
{
    if (c < 0x300) return false;
    const utf8proc_category_t g = utf8proc_category((utf8proc_int32_t)c);
    return g == UTF8PROC_CATEGORY_MN ||
           (!nonspacing_only && (g == UTF8PROC_CATEGORY_MC || g == UTF8PROC_CATEGORY_ME));
}

/* ig_is_control - control, format, private use, unassigned; not tab and line ends. */
static inline bool ig_is_control(uint32_t c)
{
    if (c == '\t' || c == '\n' || c == '\r') return false;
    if (c < 0x80) return c < 0x20 || c == 0x7f;
    const utf8proc_category_t g = utf8proc_category((utf8proc_int32_t)c);
    return g == UTF8PROC_CATEGORY_CC || g == UTF8PROC_CATEGORY_CF || g == UTF8PROC_CATEGORY_CO ||
           g == UTF8PROC_CATEGORY_CN;
}

/* ig_is_punctuation - the P categories, and every ASCII symbol (BERT's definition). */
static inline bool ig_is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    const utf8proc_category_t g = utf8proc_category((utf8proc_int32_t)c);
    return g >= UTF8PROC_CATEGORY_PC && g <= UTF8PROC_CATEGORY_PO;
}

static inline bool ig_is_number(uint32_t c)
{
    if (c < 0x80) return c >= '0' && c <= '9';
    const utf8proc_category_t g = utf8proc_category((utf8proc_int32_t)c);
    return g == UTF8PROC_CATEGORY_ND || g == UTF8PROC_CATEGORY_NL || g == UTF8PROC_CATEGORY_NO;
}

/* ig_is_word - a letter, mark, number or connector: what may not touch a whole-word token. */
static inline bool ig_is_word(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_';
    const utf8proc_category_t g = utf8proc_category((utf8proc_int32_t)c);
    return (g >= UTF8PROC_CATEGORY_LU && g <= UTF8PROC_CATEGORY_ND) || g == UTF8PROC_CATEGORY_PC;
}

static inline bool ig_is_cjk(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

#endif
