/* added.c - see added.h. */
#include "runtime/text/added.h"
#include "runtime/text/unicode.h"

#include <string.h>

static uint32_t child(const ig_added_trie *t, uint32_t node, unsigned char byte)
{
    uint32_t c = t->nodes[node].first_child;
    while (c && t->nodes[c].byte != byte) c = t->nodes[c].next;
    return c;
}

static void insert(ig_added_trie *t, ingot_str content, uint32_t token)
{
    uint32_t at = 0;
    for (size_t i = 0; i < content.n; i++) {
        const unsigned char byte = (unsigned char)content.p[i];
        uint32_t c = child(t, at, byte);
        if (!c) {
            c = (uint32_t)t->n++;
            t->nodes[c] = (ig_added_node){.byte = byte, .next = t->nodes[at].first_child};
            t->nodes[at].first_child = c;
        }
        at = c;
    }
    if (!t->nodes[at].token) t->nodes[at].token = token + 1;
    t->begins[(unsigned char)content.p[0]] = true;
}

ingot_status ig_added_open(ig_added_trie *t, ig_arena *arena, const ig_recipe *r, bool normalized,
                           const ingot_str *contents, ingot_error *err)
{
    size_t most = 1;
    for (size_t i = 0; i < r->n_added; i++)
        most += contents && contents[i].p ? contents[i].n : r->added[i].n;
    *t = (ig_added_trie){.added = r->added, .nodes = ig_new_n(arena, ig_added_node, most), .n = 1};
    if (!t->nodes || most > UINT32_MAX)
        return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the added tokens");
    for (size_t i = 0; i < r->n_added; i++) {
        const ig_added *a = &r->added[i];
        const ingot_str content = contents && contents[i].p ? contents[i] : (ingot_str){a->p, a->n};
        if (((a->flags & IG_ADDED_NORMALIZED) != 0) == normalized && content.n)
            insert(t, content, (uint32_t)i);
    }
    return INGOT_OK;
}

static bool touches_word(const char *text, size_t n, size_t begin, size_t end)
{
    uint32_t c;
    if (end < n && ig_utf8_next(&c, text + end, n - end) && ig_is_word(c)) return true;
    if (!begin) return false;
    size_t at = begin - 1;
    while (at && (text[at] & 0xc0) == 0x80) at--;
    return ig_utf8_next(&c, text + at, n - at) && ig_is_word(c);
}

static const ig_added *longest(size_t *end, const ig_added_trie *t, const char *text, size_t n,
                               size_t begin, bool with_special)
{
    const ig_added *best = NULL;
    uint32_t at = 0;
    for (size_t i = begin; i < n && (at = child(t, at, (unsigned char)text[i])); i++) {
        if (!t->nodes[at].token) continue;
        const ig_added *a = &t->added[t->nodes[at].token - 1];
        if (a->flags & IG_ADDED_SPECIAL && !with_special) continue;
        if (a->flags & IG_ADDED_WORD && touches_word(text, n, begin, i + 1)) continue;
        best = a;
        *end = i + 1;
    }
    return best;
}

static void take_blanks(ig_added_match *m, const char *text, size_t n, size_t from)
{
    uint32_t c;
    if (m->token->flags & IG_ADDED_LSTRIP)
        for (size_t at = m->begin; at > from; m->begin = at) {
            at--;
            while (at > from && (text[at] & 0xc0) == 0x80) at--;
            if (!ig_utf8_next(&c, text + at, n - at) || !ig_is_blank(c)) break;
        }
    if (m->token->flags & IG_ADDED_RSTRIP)
        for (size_t size; m->end < n; m->end += size) {
            size = ig_utf8_next(&c, text + m->end, n - m->end);
            if (!size || !ig_is_blank(c)) break;
        }
}

ig_added_match ig_added_find(const ig_added_trie *t, const char *text, size_t n, size_t from,
                             bool with_special)
{
    for (size_t i = from; i < n; i++) {
        if (!t->begins[(unsigned char)text[i]]) continue;
        ig_added_match m = {.begin = i};
        m.token = longest(&m.end, t, text, n, i, with_special);
        if (!m.token) continue;
        take_blanks(&m, text, n, from);
        return m;
    }
    return (ig_added_match){n, n, NULL};
}
