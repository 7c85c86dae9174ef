/* charsmap.c - see charsmap.h. */
#include "runtime/text/charsmap.h"
#include "runtime/text/unicode.h"

#include <string.h>

enum { GRAPHEME_MOST = 6 }; /* bytes: longer ones are not looked up whole */

typedef struct {
    const unsigned char *units; /* u32 each, perhaps unaligned */
    size_t n_units;
    const char *texts;
    size_t n_texts;
} charsmap;

static bool open_map(charsmap *m, const char *blob, size_t n)
{
    uint32_t trie_bytes;
    if (n < sizeof trie_bytes) return false;
    memcpy(&trie_bytes, blob, sizeof trie_bytes);
    if (trie_bytes % 4 || trie_bytes > n - 4) return false;
    *m = (charsmap){.units = (const unsigned char *)blob + 4,
                    .n_units = trie_bytes / 4,
                    .texts = blob + 4 + trie_bytes,
                    .n_texts = n - 4 - trie_bytes};
    return m->n_units && m->n_texts && !m->texts[m->n_texts - 1];
}

bool ig_charsmap_check(const char *blob, size_t n)
{
    charsmap m;
    return open_map(&m, blob, n);
}

static bool unit_at(uint32_t *unit, const charsmap *m, size_t i)
{
    if (i >= m->n_units) return false;
    memcpy(unit, m->units + 4 * i, 4);
    return true;
}

static size_t offset_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & 512) >> 6); }

/* The replacement of the longest (or shortest) key that text[0, n) begins with; *took its bytes. */
static const char *find(size_t *took, const charsmap *m, const unsigned char *text, size_t n,
                        bool shortest)
{
    const char *best = NULL;
    uint32_t unit;
    if (!unit_at(&unit, m, 0)) return NULL;
    size_t node = offset_of(unit);
    for (size_t i = 0; i < n && text[i]; i++) {
        node ^= text[i];
        if (!unit_at(&unit, m, node) || (unit & 0x800000ffu) != text[i]) break;
        node ^= offset_of(unit);
        uint32_t leaf;
        if (!(unit >> 8 & 1) || !unit_at(&leaf, m, node)) continue;
        const size_t at = leaf & 0x7fffffffu;
        if (at >= m->n_texts) continue;
        best = m->texts + at;
        *took = i + 1;
        if (shortest) break;
    }
    return best;
}

static size_t char_bytes(const unsigned char *text, size_t n)
{
    uint32_t c;
    const size_t size = ig_utf8_next(&c, (const char *)text, n);
    return size ? size : 1;
}

static size_t grapheme_bytes(const unsigned char *text, size_t n)
{
    uint32_t c, next;
    size_t at = ig_utf8_next(&c, (const char *)text, n);
    utf8proc_int32_t state = 0;
    while (at && at < n) {
        const size_t size = ig_utf8_next(&next, (const char *)text + at, n - at);
        if (!size ||
            utf8proc_grapheme_break_stateful((utf8proc_int32_t)c, (utf8proc_int32_t)next, &state))
            break;
        c = next;
        at += size;
    }
    return at ? at : 1;
}

static void put_chars(ig_bytes *to, const charsmap *m, const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t size = char_bytes(text + i, n - i);
        size_t took;
        const char *with = find(&took, m, text + i, size, true);
        if (with)
            ig_put(to, with, strlen(with));
        else
            ig_put(to, text + i, size);
        i += size;
    }
}

ingot_status ig_charsmap_apply(ig_bytes *to, const unsigned char *text, size_t n, const ig_step *s,
                               ingot_error *err)
{
    charsmap m;
    if (!open_map(&m, s->text, s->n_text))
        return ig_fail(err, INGOT_E_FORMAT, "tokenizer: its character map is damaged");
    for (size_t i = 0; i < n;) {
        size_t took = 0;
        const bool by_grapheme = s->flags & IG_STEP_GRAPHEMES;
        const size_t size = by_grapheme ? grapheme_bytes(text + i, n - i) : n - i;
        const char *with = !by_grapheme || size < GRAPHEME_MOST
                               ? find(&took, &m, text + i, size, by_grapheme)
                               : NULL;
        if (with) {
            ig_put(to, with, strlen(with));
            i += by_grapheme ? size : took;
        } else if (by_grapheme) {
            put_chars(to, &m, text + i, size);
            i += size;
        } else {
            const size_t one = char_bytes(text + i, n - i);
            ig_put(to, text + i, one);
            i += one;
        }
    }
    return INGOT_OK;
}
