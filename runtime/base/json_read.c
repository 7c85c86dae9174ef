/* json_read.c - see json_read.h. Recursive descent; a level is a function call, so depth is
 * bounded. */
#include "runtime/base/json_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *begin, *at, *end;
    ig_arena *arena;
    ingot_error *err;
    int depth;
} reader;

static ingot_status wrong(const reader *r, const char *what)
{
    size_t line = 1;
    for (const char *p = r->begin; p < r->at; p++) line += *p == '\n';
    return ig_fail(r->err, INGOT_E_DATA, "JSON: %s in line %zu", what, line);
}

static ingot_status no_memory(const reader *r)
{
    return ig_fail(r->err, INGOT_E_NOMEM, "JSON: no memory for %zu bytes of text",
                   (size_t)(r->end - r->begin));
}

static void skip_space(reader *r)
{
    while (r->at < r->end && memchr(" \t\r\n", *r->at, 4)) r->at++;
}

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

/* ---- texts
 * --------------------------------------------------------------------------------------- */

static bool hex4(reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end || !isxdigit((unsigned char)*r->at)) return false;
        const int c = tolower((unsigned char)*r->at);
        *out = *out << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* One code point as UTF-8; half of a surrogate pair and NUL become U+FFFD. */
static char *put_point(char *to, uint32_t c)
{
    if (c == 0 || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(lead[more] | c >> 6 * more);
    for (int i = more - 1; i >= 0; i--) *to++ = (char)(0x80 | (c >> 6 * i & 0x3f));
    return to;
}

/* Behind "\u". */
static bool read_point(reader *r, char **to)
{
    uint32_t c, low;
    if (!hex4(r, &c)) return false;
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        const char *const here = r->at;
        r->at += 2;
        if (!hex4(r, &low)) return false;
        if (low >= 0xdc00 && low < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
        else
            r->at = here;
    }
    *to = put_point(*to, c);
    return true;
}

/* Behind the first quote. A text is never longer than what stands for it. */
static ingot_status read_text(reader *r, const char **out)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *close = r->at;
    while (close < r->end && *close != '"') close += 1 + (*close == '\\');
    if (close >= r->end) return wrong(r, "a text without an end");
    char *text = ig_arena_take(r->arena, (size_t)(close - r->at) + 1), *to = text;
    if (!text) return no_memory(r);
    while (r->at < close) {
        const char c = *r->at++;
        if ((unsigned char)c < ' ') return wrong(r, "a control character in a text");
        if (c != '\\') {
            *to++ = c;
            continue;
        }
        const char *const known = memchr(names, *r->at, sizeof names - 1);
        const bool point = *r->at++ == 'u';
        if (known)
            *to++ = means[known - names];
        else if (!point || !read_point(r, &to))
            return wrong(r, "an unknown escape in a text");
    }
    r->at = close + 1;
    *out = text;
    return INGOT_OK;
}

/* ---- values
 * -------------------------------------------------------------------------------------- */

static ingot_status read_value(reader *r, ig_json_value *v);

static ingot_status read_word(reader *r, ig_json_value *v, const char *word, ig_json_kind kind)
{
    const size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return wrong(r, "an unknown word");
    r->at += n;
    v->kind = kind;
    v->number = *word == 't';
    return INGOT_OK;
}

/* strtod reads more than JSON allows (hex, infinity, a leading plus), so the form is looked at
 * first; it needs an end, which the map of a file does not have. */
static ingot_status read_number(reader *r, ig_json_value *v)
{
    char text[64], *end;
    size_t n = 0;
    const char *const p = r->at;
    while (p + n < r->end && n < sizeof text - 1 && p[n] && strchr("+-.0123456789eE", p[n])) n++;
    memcpy(text, p, n);
    text[n] = 0;
    const char *digits = text + (*text == '-');
    const bool form =
        isdigit((unsigned char)*digits) && !(digits[0] == '0' && isdigit((unsigned char)digits[1]));
    v->kind = IG_JSON_NUMBER;
    v->number = strtod(text, &end);
    if (!form || *end || end[-1] == '.') return wrong(r, "a malformed number");
    v->text = ig_arena_text(r->arena, text, n);
    r->at += n;
    return v->text ? INGOT_OK : no_memory(r);
}

static ingot_status read_members(reader *r, ig_json_value *v, char close)
{
    const ig_json_value **link = &v->first;
    v->kind = close == '}' ? IG_JSON_OBJECT : IG_JSON_ARRAY;
    skip_space(r);
    if (take(r, close)) return INGOT_OK;
    if (++r->depth > IG_JSON_READ_DEPTH) return wrong(r, "too many levels");
    do {
        ig_json_value *member = ig_new(r->arena, ig_json_value);
        if (!member) return no_memory(r);
        skip_space(r);
        if (close == '}') {
            if (!take(r, '"')) return wrong(r, "a member without a name");
            IG_TRY(read_text(r, &member->key));
            skip_space(r);
            if (!take(r, ':')) return wrong(r, "a name without a colon");
        }
        IG_TRY(read_value(r, member));
        *link = member;
        link = &member->next;
        skip_space(r);
    } while (take(r, ','));
    r->depth--;
    return take(r, close) ? INGOT_OK : wrong(r, "a missing comma or bracket");
}

static ingot_status read_value(reader *r, ig_json_value *v)
{
    skip_space(r);
    v->at = (size_t)(r->at - r->begin);
    if (take(r, '{')) return read_members(r, v, '}');
    if (take(r, '[')) return read_members(r, v, ']');
    if (take(r, '"')) {
        v->kind = IG_JSON_TEXT;
        return read_text(r, &v->text);
    }
    if (r->at == r->end) return wrong(r, "an end too early");
    if (*r->at == 't') return read_word(r, v, "true", IG_JSON_BOOL);
    if (*r->at == 'f') return read_word(r, v, "false", IG_JSON_BOOL);
    if (*r->at == 'n') return read_word(r, v, "null", IG_JSON_NULL);
    return read_number(r, v);
}

ingot_status ig_json_read(const ig_json_value **out, const char *text, size_t n, ig_arena *arena,
                          ingot_error *err)
{
    reader r = {text, text, text + n, arena, err, 0};
    ig_json_value *v = ig_new(arena, ig_json_value);
    if (!v) return no_memory(&r);
    IG_TRY(read_value(&r, v));
    skip_space(&r);
    if (r.at < r.end) return wrong(&r, "something behind the end");
    *out = v;
    return INGOT_OK;
}

const ig_json_value *ig_json_find(const ig_json_value *v, const char *key)
{
    if (!v || v->kind != IG_JSON_OBJECT) return NULL;
    for (const ig_json_value *m = v->first; m; m = m->next)
        if (!strcmp(m->key, key)) return m;
    return NULL;
}

const char *ig_json_find_text(const ig_json_value *v, const char *key)
{
    const ig_json_value *m = ig_json_find(v, key);
    return m && m->kind == IG_JSON_TEXT ? m->text : NULL;
}

double ig_json_find_number(const ig_json_value *v, const char *key, double other)
{
    const ig_json_value *m = ig_json_find(v, key);
    return m && m->kind == IG_JSON_NUMBER ? m->number : other;
}
