/* normalize.c - see normalize.h. The steps are those of Hugging Face's normalizers; Unicode forms
 * by utf8proc, past a quick test: nothing below U+0300 changes in NFC, nothing below U+00A0 in
 * NFKC. */
#include "runtime/text/normalize.h"
#include "runtime/text/charsmap.h"
#include "runtime/text/unicode.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *p;
    size_t n, at;
    uint32_t c;
    size_t size; /* bytes of c */
} walk;

static bool step(walk *w)
{
    w->at += w->size;
    if (w->at >= w->n) return false;
    w->size = ig_utf8_next(&w->c, w->p + w->at, w->n - w->at);
    if (!w->size) w->size = 1;
    return true;
}

static void put_char(ig_bytes *to, uint32_t c)
{
    char raw[4];
    ig_put(to, raw, ig_utf8_put(raw, c));
}

static uint32_t highest(const ig_bytes *b)
{
    uint32_t most = 0;
    walk w = {.p = (const char *)b->p, .n = b->n};
    while (step(&w)) most = w.c > most ? w.c : most;
    return most;
}

/* Marks behind a letter stand in order of their combining class. Sorted here by counting, run by
 * run: the library's own sort of neighbours takes quadratic time on a run without end. */
static void order_marks(utf8proc_int32_t *c, utf8proc_int32_t *sorted, size_t n)
{
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t at[257] = {0};
        for (end = begin; end < n && utf8proc_get_property(c[end])->combining_class; end++)
            at[utf8proc_get_property(c[end])->combining_class + 1]++;
        if (end == begin) {
            end++;
            continue;
        }
        for (size_t k = 1; k < 257; k++) at[k] += at[k - 1];
        for (size_t i = begin; i < end; i++)
            sorted[at[utf8proc_get_property(c[i])->combining_class]++] = c[i];
        memcpy(c + begin, sorted, (end - begin) * sizeof *c);
    }
}

/* Every character taken apart; the most that one becomes is 18. out NULL: only count. */
static size_t decompose(utf8proc_int32_t *out, size_t room, const ig_bytes *from,
                        utf8proc_option_t options)
{
    size_t n = 0;
    int boundary = 0;
    walk w = {.p = (const char *)from->p, .n = from->n};
    while (step(&w)) {
        const utf8proc_ssize_t k =
            utf8proc_decompose_char((utf8proc_int32_t)w.c, out ? out + n : NULL,
                                    out ? (utf8proc_ssize_t)(room - n) : 0, options, &boundary);
        if (k > 0) n += (size_t)k;
    }
    return n;
}

static ingot_status unicode_form(ig_bytes *to, const ig_bytes *from, int form, uint32_t quiet_below,
                                 ingot_error *err)
{
    if (highest(from) < quiet_below) {
        ig_put(to, from->p, from->n);
        return INGOT_OK;
    }
    const utf8proc_option_t options = (utf8proc_option_t)(UTF8PROC_STABLE | form);
    const size_t n = decompose(NULL, 0, from, options);
    /* One more: the library ends its text with a zero. */
    utf8proc_int32_t *c = n < SIZE_MAX / 16 ? malloc((2 * n + 1) * sizeof *c) : NULL;
    if (!c) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for %zu bytes", from->n);
    decompose(c, n, from, options);
    order_marks(c, c + n, n);
    const utf8proc_ssize_t bytes = utf8proc_reencode(c, (utf8proc_ssize_t)n, options);
    if (bytes > 0) ig_put(to, c, (size_t)bytes);
    free(c);
    if (bytes >= 0) return INGOT_OK;
    return ig_fail(err, INGOT_E_DATA, "tokenizer: normalising %zu bytes: %s", from->n,
                   utf8proc_errmsg(bytes));
}

static void lowercase(ig_bytes *to, walk w)
{
    while (step(&w)) {
        if (w.c == 0x130) /* the one letter whose lower case is two characters */
            ig_put(to, "i\xcc\x87", 3);
        else
            put_char(to, w.c < 0x80 ? (w.c >= 'A' && w.c <= 'Z' ? w.c + 32 : w.c)
                                    : (uint32_t)utf8proc_tolower((utf8proc_int32_t)w.c));
    }
}

static void clean(ig_bytes *to, walk w)
{
    while (step(&w)) {
        if (!w.c || w.c == 0xfffd || ig_is_control(w.c)) continue;
        put_char(to, ig_is_blank(w.c) ? ' ' : w.c);
    }
}

static void space_cjk(ig_bytes *to, walk w)
{
    while (step(&w)) {
        const bool is_cjk = ig_is_cjk(w.c);
        if (is_cjk) ig_put_u8(to, ' ');
        put_char(to, w.c);
        if (is_cjk) ig_put_u8(to, ' ');
    }
}

static void strip_accents(ig_bytes *to, walk w, bool nonspacing_only)
{
    while (step(&w))
        if (!ig_is_mark(w.c, nonspacing_only)) put_char(to, w.c);
}

static void replace(ig_bytes *to, walk w, const ig_step *s)
{
    const char *end = w.p + w.n, *p = w.p;
    while (p < end) {
        const char *hit = s->n_text ? memmem(p, (size_t)(end - p), s->text, s->n_text) : NULL;
        if (!hit) break;
        ig_put(to, p, (size_t)(hit - p));
        ig_put(to, s->with, s->n_with);
        p = hit + s->n_text;
    }
    ig_put(to, p, (size_t)(end - p));
}

static ingot_status replace_pattern(ig_bytes *to, walk w, const ig_step *s, const ig_pattern *p,
                                    ig_matcher *m, ingot_error *err)
{
    size_t at = 0;
    for (ig_match hit;; at = hit.end) {
        IG_TRY(ig_pattern_find(&hit, p, m, w.p, w.n, at, err));
        if (hit.begin == SIZE_MAX) break;
        ig_put(to, w.p + at, hit.begin - at);
        ig_put(to, s->with, s->n_with);
    }
    ig_put(to, w.p + at, w.n - at);
    return INGOT_OK;
}

static void strip(ig_bytes *to, walk w, unsigned flags)
{
    size_t begin = w.n, end = 0;
    walk all = w;
    while (step(&all))
        if (!ig_is_blank(all.c)) {
            begin = begin == w.n ? all.at : begin;
            end = all.at + all.size;
        }
    if (!(flags & IG_STEP_LEFT)) begin = 0;
    if (!(flags & IG_STEP_RIGHT)) end = w.n;
    if (end > begin) ig_put(to, w.p + begin, end - begin);
}

static void squeeze(ig_bytes *to, walk w, unsigned flags)
{
    size_t end = w.n;
    while (flags & IG_STEP_RIGHT && end && w.p[end - 1] == ' ') end--;
    for (size_t i = 0; i < end; i++) {
        const bool again = i ? w.p[i - 1] == ' ' : (flags & IG_STEP_LEFT) != 0;
        if (w.p[i] != ' ' || !again) ig_put(to, w.p + i, 1);
    }
}

static ingot_status apply(ig_bytes *to, const ig_bytes *from, const ig_step *s, const ig_pattern *p,
                          ig_matcher *m, ingot_error *err)
{
    const walk w = {.p = (const char *)from->p, .n = from->n};
    switch ((ig_step_kind)s->kind) {
    case IG_STEP_NFC:
        return unicode_form(to, from, UTF8PROC_COMPOSE, 0x300, err);
    case IG_STEP_NFD:
        return unicode_form(to, from, UTF8PROC_DECOMPOSE, 0xc0, err);
    case IG_STEP_NFKC:
        return unicode_form(to, from, UTF8PROC_COMPOSE | UTF8PROC_COMPAT, 0xa0, err);
    case IG_STEP_NFKD:
        return unicode_form(to, from, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, 0xa0, err);
    case IG_STEP_LOWERCASE:
        lowercase(to, w);
        break;
    case IG_STEP_STRIP_ACCENTS:
        strip_accents(to, w, s->a == 0);
        break;
    case IG_STEP_CLEAN:
        clean(to, w);
        break;
    case IG_STEP_SPACE_CJK:
        space_cjk(to, w);
        break;
    case IG_STEP_REPLACE:
        replace(to, w, s);
        break;
    case IG_STEP_REPLACE_RE:
        return replace_pattern(to, w, s, p, m, err);
    case IG_STEP_PREPEND:
        if (from->n) ig_put(to, s->text, s->n_text);
        ig_put(to, from->p, from->n);
        break;
    case IG_STEP_STRIP:
        strip(to, w, s->flags);
        break;
    case IG_STEP_SQUEEZE:
        squeeze(to, w, s->flags);
        break;
    case IG_STEP_CHARSMAP:
        return ig_charsmap_apply(to, from->p, from->n, s, err);
    default:
        return ig_fail(err, INGOT_E_FORMAT, "tokenizer: step %u does not normalise", s->kind);
    }
    return INGOT_OK;
}

ingot_status ig_normalize(ig_bytes *text, ig_bytes *spare, const ig_steps *steps,
                          ig_pattern *const *patterns, ig_matcher *m, ingot_error *err)
{
    for (size_t i = 0; i < steps->n; i++) {
        spare->n = 0;
        IG_TRY(apply(spare, text, &steps->v[i], patterns[i], m, err));
        if (spare->failed) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the text");
        const ig_bytes swap = *text;
        *text = *spare;
        *spare = swap;
    }
    return INGOT_OK;
}
