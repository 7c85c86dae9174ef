/* gbnf.c - grammars in GBNF, the notation that llama.cpp made common:
 *
 *     root   ::= "yes" | "no" | number        # the answer
 *     number ::= "-"? [0-9]+ ("." [0-9]{1,3})?
 *
 * Texts in quotes, sets of characters, . for any character, groups, and * + ? {n} {n,} {n,m} behind
 * them; escapes \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH are code points. A rule goes on until
 * the next `name ::=`. */
#include "runtime/llm/grammar/expr.h"
#include "runtime/base/bytes.h"
#include "runtime/base/utf8.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_MOST = 100, SLOTS = 1 << 17 };

typedef struct {
    ig_builder *b;
    const char *p, *end;
    uint32_t *slots; /* [SLOTS] rules by name: index + 1 */
    int depth;
} parser;

static size_t at(const parser *r) { return (size_t)(r->p - r->b->source); }

static const ig_expr *wrong(parser *r, const char *what)
{
    return ig_builder_fail_at(r->b, INGOT_E_DATA, at(r), "%s", what);
}

static void skip(parser *r)
{
    while (r->p < r->end && (isspace((unsigned char)*r->p) || *r->p == '#')) {
        if (*r->p == '#')
            while (r->p < r->end && *r->p != '\n') r->p++;
        else
            r->p++;
    }
}

static bool take(parser *r, const char *text)
{
    const size_t n = strlen(text);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n)) return false;
    r->p += n;
    return true;
}

/* ---- names ---- */

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '-' || c == '_'; }

static size_t name_size(const parser *r)
{
    const char *p = r->p;
    while (p < r->end && is_name(*p)) p++;
    return (size_t)(p - r->p);
}

/* Is here the head of the next rule? */
static bool at_head(const parser *r)
{
    parser look = *r;
    look.p += name_size(r);
    if (look.p == r->p) return false;
    skip(&look);
    return take(&look, "::=");
}

static uint32_t rule_named(parser *r, const char *name, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)name[i]) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(h >> 40) % SLOTS;
    for (; r->slots[i]; i = (i + 1) % SLOTS) {
        const char *known = r->b->rules[r->slots[i] - 1].name;
        if (strlen(known) == n && !memcmp(known, name, n)) return r->slots[i] - 1;
    }
    const char *copy = ig_arena_text(&r->b->arena, name, n);
    if (!copy) return 0;
    const uint32_t rule = ig_builder_rule(r->b, copy, at(r));
    if (!r->b->status) r->slots[i] = rule + 1;
    return rule;
}

/* ---- characters ---- */

static uint32_t hex(parser *r, int digits)
{
    uint32_t v = 0;
    for (int i = 0; i < digits; i++, r->p++) {
        if (r->p == r->end || !isxdigit((unsigned char)*r->p)) {
            wrong(r, "an escape needs hexadecimal digits");
            return 0;
        }
        const int c = tolower((unsigned char)*r->p);
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!ig_utf8_is_scalar(v)) wrong(r, "an escape that is no character");
    return ig_utf8_is_scalar(v) ? v : 0;
}

/* One character, escaped or not. */
static uint32_t character(parser *r)
{
    static const char names[] = "nrt\\\"[]-", means[] = "\n\r\t\\\"[]-";
    uint32_t c = 0;
    if (*r->p != '\\') {
        r->p += ig_utf8_next(&c, r->p, (size_t)(r->end - r->p));
        return c;
    }
    if (++r->p == r->end) {
        wrong(r, "the text ends within an escape");
        return 0;
    }
    const char *known = memchr(names, *r->p, sizeof names - 1);
    const int digits = *r->p == 'x' ? 2 : *r->p == 'u' ? 4 : *r->p == 'U' ? 8 : 0;
    if (!known && !digits) {
        wrong(r, "an unknown escape (known: \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\xHH \\uHHHH "
                 "\\UHHHHHHHH)");
        return 0;
    }
    r->p++;
    return known ? (unsigned char)means[known - names] : hex(r, digits);
}

static const ig_expr *literal(parser *r)
{
    const char *const open = r->p++;
    const ig_expr *e = &ig_expr_never;
    ig_bytes text;
    ig_bytes_init(&text, r->b->arena.heap);
    while (r->p < r->end && *r->p != '"' && !r->b->status) {
        char utf8[4];
        ig_put(&text, utf8, ig_utf8_put(utf8, character(r)));
    }
    if (text.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a grammar");
    if (!r->b->status && r->p == r->end) {
        r->p = open;
        wrong(r, "a text without its closing quote");
    }
    if (!r->b->status) e = ig_expr_text(r->b, (const char *)text.p, text.n);
    ig_bytes_clear(&text);
    r->p += !r->b->status;
    return e;
}

static const ig_expr *set(parser *r)
{
    const char *const open = r->p++;
    const bool negated = take(r, "^");
    ig_bytes ranges;
    ig_bytes_init(&ranges, r->b->arena.heap);
    while (r->p < r->end && *r->p != ']' && !r->b->status) {
        const uint32_t low = character(r);
        uint32_t high = low;
        if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']') {
            r->p++;
            high = character(r);
        }
        if (high < low) wrong(r, "a range of characters goes backwards");
        ig_put(&ranges, &(ig_range){low, high}, sizeof(ig_range));
    }
    const ig_expr *e = &ig_expr_never;
    if (ranges.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a grammar");
    if (!r->b->status && r->p == r->end) {
        r->p = open;
        wrong(r, "a set without its closing bracket");
    }
    if (!r->b->status)
        e = ig_expr_set(r->b, (const ig_range *)(const void *)ranges.p, ranges.n / sizeof(ig_range),
                        negated);
    ig_bytes_clear(&ranges);
    r->p += !r->b->status;
    return e;
}

/* ---- expressions ---- */

static const ig_expr *alternatives(parser *r);

static const ig_expr *group(parser *r)
{
    const char *const open = r->p++;
    if (++r->depth > DEPTH_MOST) return wrong(r, "groups are nested too deeply");
    const ig_expr *e = alternatives(r);
    r->depth--;
    if (r->b->status) return e;
    if (take(r, ")")) return e;
    r->p = open;
    return wrong(r, "a group without its closing parenthesis");
}

static bool count(parser *r, uint32_t *out)
{
    uint64_t v = 0;
    skip(r);
    if (r->p == r->end || !isdigit((unsigned char)*r->p)) return false;
    for (; r->p < r->end && isdigit((unsigned char)*r->p); r->p++)
        v = IG_MIN(v * 10 + (uint64_t)(*r->p - '0'), (uint64_t)UINT32_MAX);
    if (v >= UINT32_MAX) wrong(r, "a count that is too large");
    *out = (uint32_t)v;
    return true;
}

static const ig_expr *braces(parser *r, const ig_expr *e, size_t from)
{
    uint32_t least = 0, most;
    const bool has_least = count(r, &least);
    most = least;
    skip(r);
    if (take(r, ",")) {
        most = IG_REPEAT_FOREVER;
        count(r, &most);
        skip(r);
    } else if (!has_least) {
        return wrong(r, "a repetition is {n}, {n,}, {,m} or {n,m}");
    }
    if (!take(r, "}")) return wrong(r, "a repetition is {n}, {n,}, {,m} or {n,m}");
    if (least > most) return wrong(r, "a repetition whose least is above its most");
    return ig_expr_repeat(r->b, e, least, most, from);
}

static const ig_expr *repeated(parser *r, const ig_expr *e)
{
    while (!r->b->status) {
        skip(r);
        const size_t from = at(r);
        if (take(r, "*"))
            e = ig_expr_repeat(r->b, e, 0, IG_REPEAT_FOREVER, from);
        else if (take(r, "+"))
            e = ig_expr_repeat(r->b, e, 1, IG_REPEAT_FOREVER, from);
        else if (take(r, "?"))
            e = ig_expr_repeat(r->b, e, 0, 1, from);
        else if (take(r, "{"))
            e = braces(r, e, from);
        else
            break;
    }
    return e;
}

/* NULL: nothing that belongs to a sequence. */
static const ig_expr *item(parser *r)
{
    skip(r);
    if (r->p == r->end || *r->p == '|' || *r->p == ')' || at_head(r)) return NULL;
    if (*r->p == '"') return literal(r);
    if (*r->p == '[') return set(r);
    if (*r->p == '(') return group(r);
    if (take(r, ".")) return ig_expr_set(r->b, NULL, 0, true);
    const size_t n = name_size(r);
    if (!n) return wrong(r, "expected a text in quotes, a set, a group or a rule's name");
    const ig_expr *e = ig_expr_rule(r->b, rule_named(r, r->p, n), at(r));
    r->p += n;
    return e;
}

/* Items until the sequence ends, gathered in `to`. */
static const ig_expr *sequence(parser *r)
{
    const ig_expr *e;
    ig_bytes items;
    ig_bytes_init(&items, r->b->arena.heap);
    while (!r->b->status && (e = item(r))) {
        e = repeated(r, e);
        ig_put(&items, &e, sizeof e);
    }
    if (items.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a grammar");
    e = r->b->status
            ? &ig_expr_never
            : ig_expr_seq(r->b, (const ig_expr *const *)(const void *)items.p, items.n / sizeof e);
    ig_bytes_clear(&items);
    return e;
}

static const ig_expr *alternatives(parser *r)
{
    const ig_expr *e;
    ig_bytes items;
    ig_bytes_init(&items, r->b->arena.heap);
    do {
        e = sequence(r);
        ig_put(&items, &e, sizeof e);
        skip(r);
    } while (!r->b->status && take(r, "|"));
    if (items.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a grammar");
    e = r->b->status
            ? &ig_expr_never
            : ig_expr_alt(r->b, (const ig_expr *const *)(const void *)items.p, items.n / sizeof e);
    ig_bytes_clear(&items);
    return e;
}

static void rule(parser *r)
{
    const size_t n = name_size(r);
    if (!at_head(r)) {
        wrong(r, n ? "expected `::=` behind the rule's name" : "expected a rule: `name ::= ...`");
        return;
    }
    const size_t from = at(r);
    const uint32_t i = rule_named(r, r->p, n);
    if (r->b->status) return;
    if (r->b->rules[i].body) {
        ig_builder_fail_at(r->b, INGOT_E_DATA, from, "rule `%s` is defined twice",
                           r->b->rules[i].name);
        return;
    }
    r->p += n;
    skip(r);
    r->p += 3;
    const ig_expr *body = alternatives(r);
    r->b->rules[i].body = body;
    r->b->rules[i].at = from;
    if (!r->b->status && r->p < r->end && *r->p == ')') wrong(r, "a `)` that closes nothing");
}

static void parse(ig_builder *b, const char *text, size_t n)
{
    parser r = {.b = b, .p = text, .end = text + n};
    uint32_t c;
    for (size_t i = 0, size; i < n; i += size)
        if (!(size = ig_utf8_next(&c, text + i, n - i))) {
            ig_builder_fail_at(b, INGOT_E_DATA, i, "this byte is not UTF-8");
            return;
        }
    r.slots = ig_new_n(&b->arena, uint32_t, SLOTS);
    if (!r.slots) {
        ig_builder_fail(b, INGOT_E_NOMEM, "no memory for a grammar");
        return;
    }
    rule_named(&r, "root", 4);
    for (skip(&r); r.p < r.end && !b->status; skip(&r)) rule(&r);
    if (!b->status && !b->rules[0].body)
        ig_builder_fail(b, INGOT_E_DATA, "grammar: it has no rule `root`, the one to begin with");
}

ingot_status ig_grammar_from_gbnf(ig_grammar **out, ig_heap *heap, const char *text, size_t n,
                                  ingot_error *err)
{
    ig_builder b;
    *out = NULL;
    if (n > IG_GRAMMAR_TEXT_MOST)
        return ig_fail(err, INGOT_E_FULL, "grammar: %zu bytes; at most %d", n,
                       IG_GRAMMAR_TEXT_MOST);
    ig_builder_init(&b, heap, err);
    b.what = "grammar";
    b.source = text;
    b.source_bytes = n;
    parse(&b, text, n);
    return ig_builder_finish(out, &b, heap, true);
}
