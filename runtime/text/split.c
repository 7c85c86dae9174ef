/* split.c - see split.h. A step cuts its text into stretches that match and stretches between them,
 * and hands them, joined as its behaviour says, to the next step. */
#include "runtime/text/split.h"
#include "runtime/text/unicode.h"

#include <string.h>

typedef struct {
    const ig_splitter *s;
    size_t k; /* the step whose text this is */
    const char *text;
    size_t n;
    bool is_first;
    ingot_error *err;
} piece;

static ingot_status run(const piece *t);

static ingot_status pass(const piece *t, size_t begin, size_t end)
{
    if (begin == end) return INGOT_OK;
    const piece next = {t->s,  t->k + 1, t->text + begin, end - begin, t->is_first && begin == 0,
                        t->err};
    return run(&next);
}

/* ---- stretches ---- */

typedef struct {
    size_t begin, end;
    bool is_match;
} stretch;

typedef struct {
    const piece *t;
    ig_split_behaviour how;
    stretch held; /* begin == end: nothing */
} joiner;

static ingot_status flush(joiner *j)
{
    const stretch h = j->held;
    j->held.begin = j->held.end;
    if (h.is_match && j->how == IG_SPLIT_REMOVED) return INGOT_OK;
    return pass(j->t, h.begin, h.end);
}

/* Does this stretch join the held one? */
static bool joins(const joiner *j, bool is_match)
{
    const bool held = j->held.is_match;
    switch (j->how) {
    case IG_SPLIT_WITH_PREVIOUS:
        return is_match && !held;
    case IG_SPLIT_WITH_NEXT:
        return held && !is_match;
    case IG_SPLIT_CONTIGUOUS:
        return held == is_match;
    default:
        return false;
    }
}

static ingot_status add(joiner *j, size_t begin, size_t end, bool is_match)
{
    if (begin == end) return INGOT_OK;
    if (j->held.begin != j->held.end) {
        if (joins(j, is_match)) {
            j->held.end = end;
            j->held.is_match = is_match;
            return INGOT_OK;
        }
        IG_TRY(flush(j));
    }
    j->held = (stretch){begin, end, is_match};
    return INGOT_OK;
}

/* ---- what matches ---- */

static bool is_delimiter(uint32_t c, ig_step_kind kind)
{
    return kind == IG_STEP_PUNCTUATION ? ig_is_punctuation(c)
           : kind == IG_STEP_DIGITS    ? ig_is_number(c)
                                       : ig_is_blank(c);
}

static ig_match find_char(const piece *t, size_t from, ig_step_kind kind)
{
    uint32_t c;
    for (size_t at = from, size; at < t->n; at += size) {
        size = ig_utf8_next(&c, t->text + at, t->n - at);
        size += !size;
        if (is_delimiter(c, kind)) return (ig_match){at, at + size};
    }
    return (ig_match){SIZE_MAX, SIZE_MAX};
}

static ig_match find_text(const piece *t, size_t from, const ig_step *step)
{
    const char *hit =
        step->n_text ? memmem(t->text + from, t->n - from, step->text, step->n_text) : NULL;
    const size_t at = hit ? (size_t)(hit - t->text) : SIZE_MAX;
    return (ig_match){at, hit ? at + step->n_text : SIZE_MAX};
}

static ingot_status find(ig_match *m, const piece *t, size_t from, const ig_step *step)
{
    if (step->kind == IG_STEP_SPLIT_RE)
        return ig_pattern_find(m, t->s->patterns[t->k], t->s->matcher, t->text, t->n, from, t->err);
    *m = step->kind == IG_STEP_SPLIT_TEXT || step->kind == IG_STEP_METASPACE
             ? find_text(t, from, step)
             : find_char(t, from, (ig_step_kind)step->kind);
    return INGOT_OK;
}

static ingot_status cut(const piece *t, const ig_step *step, ig_split_behaviour how)
{
    const bool hit = !(step->flags & IG_STEP_INVERT);
    joiner j = {.t = t, .how = how};
    size_t at = 0;
    for (ig_match m; at < t->n; at = m.end) {
        IG_TRY(find(&m, t, at, step));
        if (m.begin == SIZE_MAX) break;
        IG_TRY(add(&j, at, m.begin, !hit));
        IG_TRY(add(&j, m.begin, m.end, hit));
    }
    IG_TRY(add(&j, at, t->n, !hit));
    return flush(&j);
}

/* ---- steps that change the text ---- */

static ingot_status pass_changed(const piece *t, const ig_bytes *to)
{
    if (to->failed) return ig_fail(t->err, INGOT_E_NOMEM, "tokenizer: no memory for the text");
    const piece changed = {t->s, t->k, (const char *)to->p, to->n, t->is_first, t->err};
    const ig_step *step = &t->s->steps->v[t->k];
    if (step->kind == IG_STEP_METASPACE && step->flags & IG_STEP_EACH)
        return cut(&changed, step, IG_SPLIT_WITH_NEXT);
    return pass(&changed, 0, changed.n);
}

static ingot_status leading_space(const piece *t)
{
    if (t->n && t->text[0] == ' ') return pass(t, 0, t->n);
    ig_bytes *to = &t->s->changed[t->k];
    to->n = 0;
    ig_put_u8(to, ' ');
    ig_put(to, t->text, t->n);
    return pass_changed(t, to);
}

static ingot_status metaspace(const piece *t, const ig_step *step)
{
    ig_bytes *to = &t->s->changed[t->k];
    to->n = 0;
    const bool wanted = step->a == IG_PREFIX_ALWAYS || (step->a == IG_PREFIX_FIRST && t->is_first);
    const bool there = (t->n && t->text[0] == ' ') ||
                       (t->n >= step->n_text && !memcmp(t->text, step->text, step->n_text));
    if (wanted && !there) ig_put(to, step->text, step->n_text);
    for (size_t i = 0; i < t->n;) {
        const char *space = memchr(t->text + i, ' ', t->n - i);
        const size_t end = space ? (size_t)(space - t->text) : t->n;
        ig_put(to, t->text + i, end - i);
        if (space) ig_put(to, step->text, step->n_text);
        i = end + 1;
    }
    return pass_changed(t, to);
}

static ingot_status run(const piece *t)
{
    if (t->k == t->s->steps->n) return t->s->word(t->s->ud, t->text, t->n, t->err);
    const ig_step *step = &t->s->steps->v[t->k];
    if (step->kind == IG_STEP_LEADING_SPACE) return leading_space(t);
    if (step->kind == IG_STEP_METASPACE) return metaspace(t, step);
    return cut(t, step, (ig_split_behaviour)step->a);
}

ingot_status ig_split(const ig_splitter *s, const char *text, size_t n, bool is_first,
                      ingot_error *err)
{
    const piece all = {s, 0, text, n, is_first, err};
    return n ? run(&all) : INGOT_OK;
}
