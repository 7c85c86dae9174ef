/* regex.c - patterns of JSON Schema: alternatives, groups, sets, classes \d \w \s and their
 * opposites, . and quantifiers, anchors at the ends of the whole. Look-around, references and word
 * boundaries are not regular, or need more than a grammar says: they are refused.
 *
 * A pattern says what a text must contain, a grammar what it is, so where dialects differ the
 * narrower reading is taken: \d is [0-9], and the opposite of a class is ASCII. */
#include "runtime/llm/grammar/expr.h"
#include "runtime/base/bytes.h"
#include "runtime/base/utf8.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_MOST = 60 };

typedef struct {
    ig_builder *b;
    const char *p, *begin;
    ig_regex_each *each;
    size_t at;
    int depth;
} parser;

static const ig_range digits[] = {{'0', '9'}},
                      word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
                      space[] = {{'\t', '\r'}, {' ', ' '}},
                      line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}},
                      not_digit[] = {{0, '0' - 1}, {'9' + 1, 0x7e}},
                      not_word[] = {{0, '0' - 1},
                                    {'9' + 1, 'A' - 1},
                                    {'Z' + 1, '_' - 1},
                                    {'_' + 1, 'a' - 1},
                                    {'z' + 1, 0x7e}},
                      not_space[] = {{'!', 0x7e}};

static const ig_regex nothing = {&ig_expr_never, 0, 0};

static ig_regex fail(parser *r, ingot_status status, const char *what)
{
    ig_builder_fail_at(r->b, status, r->at, "pattern, at character %zu: %s",
                       (size_t)(r->p - r->begin) + 1, what);
    return nothing;
}

static uint64_t add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t c;
    return ig_mul_ok(a, b, &c) ? c : UINT64_MAX;
}

static ig_regex one_of(parser *r, const ig_range *ranges, size_t n, bool negated)
{
    return (ig_regex){r->each(r->b, ig_expr_set(r->b, ranges, n, negated)), 1, 1};
}

/* ---- characters and sets ---- */

/* The ranges of \d and so on. NULL: no class. */
static const ig_range *class_of(char c, size_t *n)
{
    static const struct {
        char name;
        const ig_range *v;
        size_t n;
    } classes[] = {{'d', digits, 1},    {'w', word, 4},     {'s', space, 2},
                   {'D', not_digit, 2}, {'W', not_word, 5}, {'S', not_space, 1}};
    for (size_t i = 0; i < IG_LEN(classes); i++)
        if (classes[i].name == c) {
            *n = classes[i].n;
            return classes[i].v;
        }
    return NULL;
}

static uint32_t hex(parser *r, int n)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++, r->p++) {
        if (!isxdigit((unsigned char)*r->p)) {
            fail(r, INGOT_E_DATA, "an escape needs hexadecimal digits");
            return 0;
        }
        const int c = tolower((unsigned char)*r->p);
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!ig_utf8_is_scalar(v)) fail(r, INGOT_E_DATA, "an escape that is no character");
    return v;
}

/* Behind a backslash, no class. */
static uint32_t escaped(parser *r)
{
    static const char names[] = "nrtfv0", means[] = "\n\r\t\f\v";
    const char c = *r->p;
    const char *known = c ? memchr(names, c, sizeof names - 1) : NULL;
    if (!c) {
        fail(r, INGOT_E_DATA, "it ends within an escape");
        return 0;
    }
    r->p++;
    if (known) return (unsigned char)means[known - names];
    if (c == 'x') return hex(r, 2);
    if (c == 'u') return hex(r, 4);
    if (isalnum((unsigned char)c)) {
        r->p--;
        fail(r, INGOT_E_UNSUPPORTED,
             "this escape is not understood (\\b, \\B, references and "
             "properties are not)");
    }
    return (unsigned char)c;
}

static uint32_t plain(parser *r)
{
    uint32_t c = 0;
    const size_t size = ig_utf8_next(&c, r->p, strlen(r->p) < 4 ? strlen(r->p) : 4);
    if (!size) fail(r, INGOT_E_DATA, "this is not UTF-8");
    r->p += size ? size : 1;
    return c;
}

/* Behind [. */
static ig_regex set(parser *r)
{
    ig_bytes ranges;
    const bool negated = *r->p == '^';
    ig_bytes_init(&ranges, r->b->arena.heap);
    r->p += negated;
    while (*r->p && *r->p != ']' && !r->b->status) {
        size_t n;
        const bool escape = *r->p == '\\';
        const ig_range *class_ = escape ? class_of(r->p[1], &n) : NULL;
        if (class_) {
            ig_put(&ranges, class_, n * sizeof *class_);
            if (negated) ig_put(&ranges, &(ig_range){0x7f, 0x10ffff}, sizeof(ig_range));
            r->p += 2;
            continue;
        }
        r->p += escape;
        const uint32_t low = escape && *r->p == 'b' ? (r->p++, (uint32_t)'\b')
                             : escape               ? escaped(r)
                                                    : plain(r);
        uint32_t high = low;
        if (*r->p == '-' && r->p[1] && r->p[1] != ']') {
            r->p++;
            if (*r->p == '\\' && class_of(r->p[1], &n))
                fail(r, INGOT_E_DATA, "a class cannot end a range");
            high = *r->p == '\\' ? (r->p++, escaped(r)) : plain(r);
        }
        if (high < low) fail(r, INGOT_E_DATA, "a range goes backwards");
        ig_put(&ranges, &(ig_range){low, high}, sizeof(ig_range));
    }
    if (!*r->p) fail(r, INGOT_E_DATA, "a set without its closing bracket");
    if (ranges.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a pattern");
    const ig_regex x = r->b->status ? nothing
                                    : one_of(r, (const ig_range *)(const void *)ranges.p,
                                             ranges.n / sizeof(ig_range), negated);
    ig_bytes_clear(&ranges);
    r->p += !r->b->status;
    return x;
}

/* ---- expressions ---- */

static ig_regex alternatives(parser *r);

static ig_regex group(parser *r) /* behind ( */
{
    if (++r->depth > DEPTH_MOST) return fail(r, INGOT_E_FULL, "groups are nested too deeply");
    if (*r->p == '?') {
        if (r->p[1] != ':')
            return fail(r, INGOT_E_UNSUPPORTED,
                        "look-around, names and flags of groups are not "
                        "understood; only (...) and (?:...) are");
        r->p += 2;
    }
    const ig_regex x = alternatives(r);
    r->depth--;
    if (*r->p != ')') return fail(r, INGOT_E_DATA, "a group without its closing parenthesis");
    r->p++;
    return x;
}

static ig_regex atom(parser *r)
{
    size_t n;
    const ig_range *class_;
    const char c = *r->p;
    switch (c) {
    case '(':
        r->p++;
        return group(r);
    case '[':
        r->p++;
        return set(r);
    case '.':
        r->p++;
        return one_of(r, line_ends, IG_LEN(line_ends), true);
    case '^':
    case '$':
        return fail(r, INGOT_E_UNSUPPORTED,
                    "anchors are understood only at the very beginning and "
                    "the very end");
    case '*':
    case '+':
    case '?':
        return fail(r, INGOT_E_DATA, "a quantifier with nothing before it");
    case '\\':
        r->p++;
        if ((class_ = class_of(*r->p, &n))) {
            r->p++;
            return one_of(r, class_, n, false);
        }
        break;
    default:
        break;
    }
    const uint32_t v = c == '\\' ? escaped(r) : plain(r);
    return one_of(r, &(ig_range){v, v}, 1, false);
}

static uint32_t number(parser *r)
{
    uint64_t v = 0;
    for (; isdigit((unsigned char)*r->p); r->p++)
        v = IG_MIN(v * 10 + (uint64_t)(*r->p - '0'), (uint64_t)UINT32_MAX - 1);
    return (uint32_t)v;
}

/* false: no quantifier is here. */
static bool quantifier(parser *r, uint32_t *least, uint32_t *most)
{
    const char *const from = r->p;
    *least = *r->p == '+';
    *most = *r->p == '?' ? 1 : IG_REPEAT_FOREVER;
    if (*r->p == '*' || *r->p == '+' || *r->p == '?') {
        r->p++;
    } else if (*r->p == '{' && isdigit((unsigned char)r->p[1])) {
        r->p++;
        *least = *most = number(r);
        if (*r->p == ',') {
            r->p++;
            *most = isdigit((unsigned char)*r->p) ? number(r) : IG_REPEAT_FOREVER;
        }
        if (*r->p != '}') {
            r->p = from;
            return false; /* then it is text */
        }
        r->p++;
    } else {
        return false;
    }
    r->p += *r->p == '?'; /* lazy: the same texts */
    return true;
}

static ig_regex repeated(parser *r, ig_regex x)
{
    uint32_t least, most;
    while (!r->b->status && quantifier(r, &least, &most)) {
        if (least > most)
            return fail(r, INGOT_E_DATA, "a quantifier whose least is above its most");
        x.expr = ig_expr_repeat(r->b, x.expr, least, most, r->at);
        x.least = times(x.least, least);
        x.most = most == IG_REPEAT_FOREVER && x.most ? UINT64_MAX : times(x.most, most);
    }
    return x;
}

/* Anchors count where a sequence is one of the whole pattern's alternatives. */
static ig_regex sequence(parser *r)
{
    ig_regex x = {&ig_expr_empty, 0, 0};
    const bool outer = !r->depth;
    const ig_regex any = {
        ig_expr_repeat(r->b, one_of(r, NULL, 0, true).expr, 0, IG_REPEAT_FOREVER, r->at), 0,
        UINT64_MAX};
    ig_bytes items;
    ig_bytes_init(&items, r->b->arena.heap);
    if (outer && *r->p == '^')
        r->p++;
    else if (outer)
        ig_put(&items, &any.expr, sizeof any.expr), x.most = UINT64_MAX;
    while (*r->p && *r->p != '|' && *r->p != ')' && !r->b->status) {
        if (outer && *r->p == '$' && (!r->p[1] || r->p[1] == '|')) break;
        const ig_regex y = repeated(r, atom(r));
        ig_put(&items, &y.expr, sizeof y.expr);
        x.least = add(x.least, y.least);
        x.most = add(x.most, y.most);
    }
    if (outer && *r->p == '$')
        r->p++;
    else if (outer)
        ig_put(&items, &any.expr, sizeof any.expr), x.most = UINT64_MAX;
    if (items.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a pattern");
    x.expr = r->b->status ? &ig_expr_never
                          : ig_expr_seq(r->b, (const ig_expr *const *)(const void *)items.p,
                                        items.n / sizeof x.expr);
    ig_bytes_clear(&items);
    return x;
}

static ig_regex alternatives(parser *r)
{
    ig_regex x = {&ig_expr_never, UINT64_MAX, 0};
    ig_bytes items;
    ig_bytes_init(&items, r->b->arena.heap);
    for (bool more = true; more && !r->b->status;) {
        const ig_regex y = sequence(r);
        ig_put(&items, &y.expr, sizeof y.expr);
        x.least = IG_MIN(x.least, y.least);
        x.most = IG_MAX(x.most, y.most);
        more = *r->p == '|';
        r->p += more;
    }
    if (items.failed) ig_builder_fail(r->b, INGOT_E_NOMEM, "no memory for a pattern");
    x.expr = r->b->status ? &ig_expr_never
                          : ig_expr_alt(r->b, (const ig_expr *const *)(const void *)items.p,
                                        items.n / sizeof x.expr);
    ig_bytes_clear(&items);
    return x;
}

ig_regex ig_regex_expr(ig_builder *b, const char *pattern, ig_regex_each *each, size_t at)
{
    parser r = {b, pattern, pattern, each, at, 0};
    const ig_regex x = alternatives(&r);
    if (!b->status && *r.p) return fail(&r, INGOT_E_DATA, "a `)` that closes nothing");
    return b->status ? nothing : x;
}
