/* schema_text.c - strings of JSON: lengths, patterns, formats; and constants as they are written.
 */
#include "runtime/llm/grammar/schema.h"
#include "runtime/base/bytes.h"

#include <string.h>

/* ---- how characters are written ---- */

static const ig_range unescaped[] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x10ffff}};

/* The escape of a control character, a quote or a backslash. */
static size_t escape(char out[8], uint32_t c)
{
    static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\",
                      hex[] = "0123456789abcdef";
    const char *p = c ? memchr(named, (int)c, sizeof named - 1) : NULL;
    out[0] = '\\';
    if (p) {
        out[1] = letters[p - named];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4 & 15];
    out[5] = hex[c & 15];
    return 6;
}

static bool is_escaped(uint32_t c) { return c < 0x20 || c == '"' || c == '\\'; }

const ig_expr *ig_schema_characters(ig_builder *b, const ig_expr *set)
{
    const ig_expr *items[36];
    ig_range *plain;
    size_t n = 0, m = 0;
    if (set->kind != IG_EXPR_SET) return set;
    if (!(plain = ig_new_n(&b->arena, ig_range, 3 * (size_t)set->n)))
        return ig_builder_fail(b, INGOT_E_NOMEM, "no memory for a schema");
    for (uint32_t i = 0; i < set->n; i++) {
        const ig_range r = set->ranges[i];
        for (size_t k = 0; k < IG_LEN(unescaped); k++) {
            const ig_range both = {IG_MAX(r.low, unescaped[k].low),
                                   IG_MIN(r.high, unescaped[k].high)};
            if (both.low <= both.high) plain[m++] = both;
        }
        for (uint32_t c = r.low; c <= IG_MIN(r.high, (uint32_t)'\\'); c++) {
            char text[8];
            if (is_escaped(c)) items[n++] = ig_expr_text(b, text, escape(text, c));
        }
    }
    items[n++] = ig_expr_set(b, plain, m, false);
    return ig_expr_alt(b, items, n);
}

static const ig_expr *set_of(ig_builder *b, const char *chars)
{
    ig_range r[64];
    size_t n = 0;
    for (; chars[n]; n++) r[n] = (ig_range){(unsigned char)chars[n], (unsigned char)chars[n]};
    return ig_expr_set(b, r, n, false);
}

/* One character in every way that JSON has to write it. */
static const ig_expr *character(ig_builder *b)
{
    const ig_expr *hex = set_of(b, "0123456789abcdefABCDEF"),
                  *not_d = set_of(b, "0123456789abcefABCEF"), *d = set_of(b, "dD"),
                  *digit7 = set_of(b, "01234567"), *u = ig_expr_str(b, "\\u");
    const ig_expr *low = IG_SEQ(b, u, d, set_of(b, "cdefCDEF"), hex, hex);
    const ig_expr *high = IG_SEQ(b, u, d, set_of(b, "89abAB"), hex, hex, low);
    return IG_ALT(b, ig_expr_set(b, unescaped, IG_LEN(unescaped), false),
                  IG_SEQ(b, ig_expr_str(b, "\\"), set_of(b, "\"\\/bfnrt")),
                  IG_SEQ(b, u, not_d, hex, hex, hex), IG_SEQ(b, u, d, digit7, hex, hex), high);
}

static const ig_expr *quoted(ig_builder *b, const ig_expr *content)
{
    const ig_expr *quote = ig_expr_str(b, "\"");
    return IG_SEQ(b, quote, content, quote);
}

/* ---- constants ---- */

static void put_string(ig_bytes *to, const char *text)
{
    char out[8];
    ig_put_u8(to, '"');
    for (; *text; text++)
        if (is_escaped((unsigned char)*text))
            ig_put(to, out, escape(out, (unsigned char)*text));
        else
            ig_put_u8(to, (unsigned char)*text);
    ig_put_u8(to, '"');
}

static void put_value(ig_bytes *to, const ig_json_value *v)
{
    const char *word = v->number != 0 ? "true" : "false", *comma = "";
    switch (v->kind) {
    case IG_JSON_NULL:
        ig_put(to, "null", 4);
        break;
    case IG_JSON_BOOL:
        ig_put(to, word, strlen(word));
        break;
    case IG_JSON_NUMBER:
        ig_put(to, v->text, strlen(v->text));
        break;
    case IG_JSON_TEXT:
        put_string(to, v->text);
        break;
    case IG_JSON_ARRAY:
    case IG_JSON_OBJECT:
        ig_put_u8(to, v->kind == IG_JSON_ARRAY ? '[' : '{');
        for (const ig_json_value *m = v->first; m; m = m->next, comma = ",") {
            ig_put(to, comma, strlen(comma));
            if (m->key) put_string(to, m->key), ig_put_u8(to, ':');
            put_value(to, m);
        }
        ig_put_u8(to, v->kind == IG_JSON_ARRAY ? ']' : '}');
    }
}

static const ig_expr *written(ig_schema *s, ig_bytes *text)
{
    const ig_expr *e = text->failed ? ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema")
                                    : ig_expr_text(s->b, (const char *)text->p, text->n);
    ig_bytes_clear(text);
    return e;
}

const ig_expr *ig_schema_literal(ig_schema *s, const ig_json_value *v)
{
    ig_bytes text;
    ig_bytes_init(&text, s->b->arena.heap);
    put_value(&text, v);
    return written(s, &text);
}

const ig_expr *ig_schema_quoted(ig_schema *s, const char *string)
{
    ig_bytes text;
    ig_bytes_init(&text, s->b->arena.heap);
    put_string(&text, string);
    return written(s, &text);
}

/* ---- strings ---- */

#define DATE                                                                             \
    "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12]" \
    "[0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])))"
#define CLOCK "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?"
#define ZONE  "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define BYTE  "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define HEX   "[0-9a-f]"

static const struct {
    const char *name, *pattern;
} formats[] = {
    {"date", "^" DATE "$"},
    {"time", "^" CLOCK ZONE "$"},
    {"date-time", "^" DATE "T" CLOCK ZONE "$"},
    {"duration", "^P([0-9]{1,4}W|[0-9]{1,4}D(T[0-9]{1,4}[HMS])?|T[0-9]{1,4}[HMS])$"},
    {"uuid", "^" HEX "{8}-" HEX "{4}-" HEX "{4}-" HEX "{4}-" HEX "{12}$"},
    {"ipv4", "^" BYTE "\\." BYTE "\\." BYTE "\\." BYTE "$"},
    {"email", "^[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?(\\.[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?){0,3}@"
              "([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\\.){1,4}[a-z]{2,12}$"},
    {"hostname", "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?(\\.[a-z]([a-z0-9-]{0,30}[a-z0-9])?){0,4}$"},
    {"uri", "^https?://([a-z]([a-z0-9-]{0,30}[a-z0-9])?\\.){1,4}[a-z]{2,12}(/[A-Za-z0-9._~-]*)*$"},
};

static ig_regex of_format(ig_schema *s, const ig_json_value *f)
{
    for (size_t i = 0; i < IG_LEN(formats) && f->kind == IG_JSON_TEXT; i++)
        if (!strcmp(formats[i].name, f->text))
            return ig_regex_expr(s->b, formats[i].pattern, ig_schema_characters, f->at);
    ig_schema_fail(s, INGOT_E_UNSUPPORTED, f,
                   "this format is not understood (date, time, date-time, duration, uuid, ipv4, "
                   "email, hostname and uri are)");
    return (ig_regex){&ig_expr_never, 0, 0};
}

/* pattern or format. NULL expr: neither. */
static ig_regex shaped(ig_schema *s, ig_schema_set set)
{
    ig_regex x = {0};
    size_t n = 0;
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *p = ig_json_find(set.v[i].v, "pattern"),
                            *f = ig_json_find(set.v[i].v, "format");
        if (p && p->kind != IG_JSON_TEXT) ig_schema_fail(s, INGOT_E_DATA, p, "pattern is no text");
        if (s->b->status) break;
        if (p) x = ig_regex_expr(s->b, p->text, ig_schema_characters, p->at);
        if (f) x = of_format(s, f);
        n += (size_t)(p != NULL) + (size_t)(f != NULL);
        if (n > 1)
            ig_schema_fail(s, INGOT_E_UNSUPPORTED, p ? p : f,
                           "a text has to satisfy two patterns or formats at once: a grammar takes "
                           "only one");
    }
    return x;
}

const ig_expr *ig_schema_string(ig_schema *s, ig_schema_set set)
{
    uint32_t least = 0, most = IG_REPEAT_FOREVER;
    if (!ig_schema_count(s, set, "minLength", true, &least) ||
        !ig_schema_count(s, set, "maxLength", false, &most))
        return &ig_expr_never;
    const ig_regex x = shaped(s, set);
    if (s->b->status) return &ig_expr_never;
    if (!x.expr) {
        if (!least && most == IG_REPEAT_FOREVER) return ig_schema_common(s, IG_COMMON_STRING);
        return quoted(s->b, ig_expr_repeat(s->b, ig_schema_common(s, IG_COMMON_CHARACTER), least,
                                           most, set.v[0].v->at));
    }
    const uint64_t limit = most == IG_REPEAT_FOREVER ? UINT64_MAX : most;
    if (x.most < least || x.least > limit) return &ig_expr_never;
    if (x.least < least || x.most > limit)
        return ig_schema_fail(s, INGOT_E_UNSUPPORTED, set.v[0].v,
                              "minLength and maxLength beside a pattern or format: write the "
                              "lengths into the pattern");
    return quoted(s->b, x.expr);
}

/* ---- what many places use ---- */

/* Nothing, a space, or a new line with some indentation. */
static const ig_expr *blanks(ig_builder *b)
{
    return IG_ALT(
        b, &ig_expr_empty, ig_expr_str(b, " "),
        IG_SEQ(b, ig_expr_str(b, "\n"), ig_expr_repeat(b, ig_expr_str(b, " "), 0, 20, 0)));
}

static const ig_expr *any_value(ig_schema *s)
{
    return IG_ALT(s->b, ig_schema_common(s, IG_COMMON_OBJECT), ig_schema_common(s, IG_COMMON_ARRAY),
                  ig_schema_common(s, IG_COMMON_STRING), ig_schema_common(s, IG_COMMON_NUMBER),
                  ig_expr_str(s->b, "true"), ig_expr_str(s->b, "false"), ig_expr_str(s->b, "null"));
}

const ig_expr *ig_schema_common(ig_schema *s, ig_common which)
{
    static const char *const names[] = {"blanks", "character", "string", "value",
                                        "object", "array",     "number", "integer"};
    const ig_schema_set any = {0};
    const ig_expr *e = NULL;
    if (s->common[which]) return ig_expr_rule(s->b, s->common[which] - 1, 0);
    const uint32_t rule = ig_builder_rule(s->b, names[which], 0);
    if (s->b->status) return &ig_expr_never;
    s->common[which] = rule + 1;
    switch (which) {
    case IG_COMMON_SPACE:
        e = blanks(s->b);
        break;
    case IG_COMMON_CHARACTER:
        e = character(s->b);
        break;
    case IG_COMMON_STRING:
        e = quoted(s->b, ig_expr_repeat(s->b, ig_schema_common(s, IG_COMMON_CHARACTER), 0,
                                        IG_REPEAT_FOREVER, 0));
        break;
    case IG_COMMON_VALUE:
        e = any_value(s);
        break;
    case IG_COMMON_OBJECT:
        e = ig_schema_object(s, any);
        break;
    case IG_COMMON_ARRAY:
        e = ig_schema_array(s, any);
        break;
    case IG_COMMON_NUMBER:
    case IG_COMMON_INTEGER:
    case IG_COMMON_RULES:
        e = ig_schema_number(s, any, which == IG_COMMON_INTEGER);
        break;
    }
    s->b->rules[rule].body = e;
    return ig_expr_rule(s->b, rule, 0);
}
