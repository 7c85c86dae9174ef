/* einsum_parse.c - see einsum_parse.h.
 *
 * "ab,bc->ac", "...ij,...jk", "ii": blanks do not matter; without an arrow the result has the
 * ellipsis, then the letters that appear once, in the order of their codes. */
#include "runtime/ops/einsum_parse.h"

#include <ctype.h>
#include <string.h>

static int letter_label(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

/* A term as written: letters, and where the ellipsis stands (-1: none). */
typedef struct {
    int letters[IG_MAX_RANK];
    int n, ellipsis;
} raw_term;

static const char *read_term(raw_term *t, const char **at)
{
    *t = (raw_term){.ellipsis = -1};
    for (; **at && **at != ',' && **at != '-'; (*at)++) {
        const char c = **at;
        if (isspace((unsigned char)c)) continue;
        if (!strncmp(*at, "...", 3)) {
            if (t->ellipsis >= 0) return "two ellipses in one term";
            t->ellipsis = t->n;
            *at += 2;
        } else if (letter_label(c) < 0) {
            return "a character that is neither a letter nor part of an ellipsis";
        } else if (t->n == IG_MAX_RANK) {
            return "more than 8 letters in a term";
        } else {
            t->letters[t->n++] = letter_label(c);
        }
    }
    return NULL;
}

/* The ellipsis stands for `dots` dimensions, right-aligned among the labels behind the letters. */
static const char *place(ig_einsum_term *out, const raw_term *t, int dots)
{
    if (t->n + dots > IG_MAX_RANK) return "a term with more than 8 dimensions";
    out->rank = 0;
    for (int i = 0; i <= t->n; i++) {
        if (i == t->ellipsis)
            for (int d = 0; d < dots; d++) out->label[out->rank++] = IG_EINSUM_LABELS - dots + d;
        if (i < t->n) out->label[out->rank++] = t->letters[i];
    }
    return NULL;
}

static const char *implied_out(ig_einsum *e, const int *count, int dots)
{
    raw_term t = {.ellipsis = 0};
    for (int l = 0; l < IG_EINSUM_LETTERS; l++) {
        if (count[l] != 1) continue;
        if (t.n == IG_MAX_RANK) return "a result with more than 8 dimensions";
        t.letters[t.n++] = l;
    }
    return place(&e->out, &t, dots);
}

static const char *explicit_out(ig_einsum *e, const char *at, const int *count, int dots)
{
    raw_term t;
    const char *why = read_term(&t, &at);
    if (why) return why;
    if (*at) return "something behind the result's term";
    for (int i = 0; i < t.n; i++) {
        if (!count[t.letters[i]]) return "a letter of the result that no input has";
        for (int j = 0; j < i; j++)
            if (t.letters[i] == t.letters[j]) return "a letter twice in the result";
    }
    return place(&e->out, &t, t.ellipsis < 0 ? 0 : dots);
}

static const char *parse(ig_einsum *e, const char *at, const int *ranks, size_t n)
{
    int count[IG_EINSUM_LETTERS] = {0}, dots = 0;
    e->n = n;
    if (n > IG_EINSUM_INPUTS) return "more than 16 inputs";
    for (size_t i = 0; i < n; i++) {
        raw_term t;
        const char *why = read_term(&t, &at);
        if (why) return why;
        const int own = ranks[i] - t.n;
        if (own < 0 || (own > 0 && t.ellipsis < 0))
            return "a term that does not fit its input's rank";
        if ((why = place(&e->in[i], &t, own))) return why;
        for (int k = 0; k < t.n; k++) count[t.letters[k]]++;
        if (t.ellipsis >= 0 && own > dots) dots = own;
        if ((i + 1 < n) != (*at == ',')) return "a number of terms that is not that of the inputs";
        at += i + 1 < n;
    }
    if (!*at) return implied_out(e, count, dots);
    if (at[0] != '-' || at[1] != '>') return "a '-' that is not an arrow";
    return explicit_out(e, at + 2, count, dots);
}

bool ig_einsum_parse(ig_einsum *e, const char *equation, const int *ranks, size_t n,
                     const char **why)
{
    *why = parse(e, equation, ranks, n);
    return !*why;
}
