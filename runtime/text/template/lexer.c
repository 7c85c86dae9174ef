/* lexer.c - a template as tokens: tags, what stands between them, and which blanks around tags
 * belong to nobody.
 *
 * As transformers sets Jinja up: a newline behind %} and #} is dropped (trim_blocks), and so are
 * blanks before {% and {# that begin a line (lstrip_blocks); a minus inside a tag drops all white
 * space on its side, a plus keeps it. */
#include "runtime/text/template/syntax.h"
#include "runtime/base/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void ig_fault_at(ig_fault *f, ingot_status status, size_t at, const char *format, ...)
{
    char text[360];
    size_t line = 1, column = 1;
    va_list args;
    if (f->status) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < at && i < f->source.n; i++) {
        column = f->source.p[i] == '\n' ? 1 : column + ((f->source.p[i] & 0xc0) != 0x80);
        line += f->source.p[i] == '\n';
    }
    f->status =
        ig_fail(f->err, status, "chat template, line %zu, column %zu: %s", line, column, text);
}

typedef struct {
    ig_arena *arena;
    ig_fault *f;
    const char *p, *begin, *end;
    ig_token *v;
    size_t n, cap;
    bool line_start; /* what was read last ended with a newline */
} lexer;

static size_t where(const lexer *x, const char *p) { return (size_t)(p - x->begin); }

static void add(lexer *x, ig_token_kind kind, const char *p, size_t n)
{
    if (x->n == x->cap) {
        const size_t cap = x->cap ? 2 * x->cap : 256;
        ig_token *v = ig_new_n(x->arena, ig_token, cap);
        if (!v) {
            ig_fault_at(x->f, INGOT_E_NOMEM, 0, "no memory for its tokens");
            return;
        }
        if (x->n) memcpy(v, x->v, x->n * sizeof *v);
        x->v = v;
        x->cap = cap;
    }
    x->v[x->n++] = (ig_token){kind, {p, n}, where(x, x->p)};
}

static bool ahead(const lexer *x, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(x->end - x->p) >= n && !memcmp(x->p, text, n);
}

/* ---- text between tags ---- */

/* The text up to the tag at `tag`, whose sign (- or +) is behind its two characters. */
static void add_data(lexer *x, const char *from, const char *tag)
{
    const char *end = tag;
    const char kind = tag < x->end ? tag[1] : 0, sign = tag + 2 < x->end ? tag[2] : 0;
    if (kind && sign == '-') {
        while (end > from && isspace((unsigned char)end[-1])) end--;
    } else if (kind && kind != '{' && sign != '+') {
        const char *line = end;
        while (line > from && (line[-1] == ' ' || line[-1] == '\t')) line--;
        if (line > from ? line[-1] == '\n' : x->line_start) end = line;
    }
    if (end > from) add(x, IG_TOKEN_DATA, from, (size_t)(end - from));
}

/* Behind a tag: what the sign before its end and trim_blocks drop. */
static void after_tag(lexer *x, char sign, bool block)
{
    const char *const from = x->p;
    if (sign == '-')
        while (x->p < x->end && isspace((unsigned char)*x->p)) x->p++;
    else if (block && sign != '+' && x->p < x->end && *x->p == '\n')
        x->p++;
    x->line_start = x->p > from && x->p[-1] == '\n';
}

static const char *next_tag(const lexer *x)
{
    const char *p = x->p;
    while ((p = memchr(p, '{', (size_t)(x->end - p))))
        if (p + 1 < x->end && (p[1] == '{' || p[1] == '%' || p[1] == '#'))
            return p;
        else
            p++;
    return x->end;
}

static void comment(lexer *x)
{
    const char *p = memmem(x->p + 2, (size_t)(x->end - x->p - 2), "#}", 2);
    if (!p) {
        ig_fault_at(x->f, INGOT_E_DATA, where(x, x->p), "a comment without its end");
        return;
    }
    const char sign = p > x->p + 2 ? p[-1] : 0;
    x->p = p + 2;
    after_tag(x, sign == '-' || sign == '+' ? sign : 0, true);
}

/* Is here `{% word %}`? Then *behind is what follows, *sign the one before its end. */
static bool lone_tag(const lexer *x, const char *p, const char *word, const char **behind,
                     char *sign)
{
    const size_t n = strlen(word);
    if (x->end - p < 2 || p[0] != '{' || p[1] != '%') return false;
    p += 2;
    if (p < x->end && (*p == '-' || *p == '+')) p++;
    while (p < x->end && isspace((unsigned char)*p)) p++;
    if ((size_t)(x->end - p) < n || memcmp(p, word, n)) return false;
    p += n;
    while (p < x->end && isspace((unsigned char)*p)) p++;
    *sign = p < x->end && (*p == '-' || *p == '+') ? *p++ : 0;
    if (x->end - p < 2 || memcmp(p, "%}", 2)) return false;
    *behind = p + 2;
    return true;
}

static bool raw(lexer *x)
{
    const char *from, *behind;
    char sign;
    if (!lone_tag(x, x->p, "raw", &from, &sign)) return false;
    if (sign == '-')
        while (from < x->end && isspace((unsigned char)*from)) from++;
    for (const char *p = from; (p = memmem(p, (size_t)(x->end - p), "{%", 2)); p++) {
        if (!lone_tag(x, p, "endraw", &behind, &sign)) continue;
        x->line_start = false;
        add_data(x, from, p);
        x->p = behind;
        after_tag(x, sign, true);
        return true;
    }
    ig_fault_at(x->f, INGOT_E_DATA, where(x, x->p), "raw without its endraw");
    return true;
}

/* ---- inside tags ---- */

static unsigned hex(const char *p, size_t n)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) {
        const int c = tolower((unsigned char)p[i]);
        v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return v;
}

/* Behind a backslash; writes what it means. */
static size_t escape(char *out, const char **p, const char *end)
{
    static const char names[] = "nrtbfav\\'\"0", means[] = "\n\r\t\b\f\a\v\\'\"";
    const char c = **p;
    const char *known = c ? memchr(names, c, sizeof names - 1) : NULL;
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    size_t ok = 0;
    (*p)++;
    if (known) {
        *out = means[known - names];
        return 1;
    }
    if (c == '\n') return 0;
    while (ok < digits && *p + ok < end && isxdigit((unsigned char)(*p)[ok])) ok++;
    if (digits && ok == digits && ig_utf8_is_scalar(hex(*p, digits))) {
        const size_t n = ig_utf8_put(out, hex(*p, digits));
        *p += digits;
        return n;
    }
    out[0] = '\\';
    out[1] = c;
    return 2;
}

static void string(lexer *x)
{
    const char quote = *x->p, *p = x->p + 1;
    while (p < x->end && *p != quote) p += 1 + (*p == '\\');
    if (p >= x->end) {
        ig_fault_at(x->f, INGOT_E_DATA, where(x, x->p), "a text without its closing quote");
        return;
    }
    const char *const close = p;
    char *text = ig_arena_take(x->arena, 2 * (size_t)(close - x->p) + 8);
    size_t n = 0;
    if (!text) {
        ig_fault_at(x->f, INGOT_E_NOMEM, 0, "no memory for its tokens");
        return;
    }
    for (p = x->p + 1; p < close;) {
        if (*p == '\\') {
            p++;
            n += escape(text + n, &p, close);
        } else {
            text[n++] = *p++;
        }
    }
    add(x, IG_TOKEN_STRING, text, n);
    x->p = close + 1;
}

static void number(lexer *x)
{
    const char *p = x->p;
    while (p < x->end && (isdigit((unsigned char)*p) || *p == '_')) p++;
    if (p + 1 < x->end && *p == '.' && isdigit((unsigned char)p[1])) {
        p++;
        while (p < x->end && (isdigit((unsigned char)*p) || *p == '_')) p++;
    }
    if (p + 1 < x->end && (*p == 'e' || *p == 'E')) {
        const char *e = p + 1 + (p[1] == '-' || p[1] == '+');
        if (e < x->end && isdigit((unsigned char)*e)) {
            p = e;
            while (p < x->end && isdigit((unsigned char)*p)) p++;
        }
    }
    add(x, IG_TOKEN_NUMBER, x->p, (size_t)(p - x->p));
    x->p = p;
}

static void sign(lexer *x)
{
    static const char *const two[] = {"//", "**", "==", "!=", "<=", ">="};
    static const char one[] = "+-*/%~<>=()[]{}.,:|";
    for (size_t i = 0; i < IG_LEN(two); i++)
        if (ahead(x, two[i])) {
            add(x, IG_TOKEN_SIGN, x->p, 2);
            x->p += 2;
            return;
        }
    if (!*x->p || !strchr(one, *x->p)) {
        ig_fault_at(x->f, INGOT_E_DATA, where(x, x->p), "`%.*s` means nothing here",
                    isprint((unsigned char)*x->p) ? 1 : 0, x->p);
        return;
    }
    add(x, IG_TOKEN_SIGN, x->p, 1);
    x->p++;
}

/* The end of the tag, not inside brackets. */
static bool close_tag(lexer *x, const char *close, bool block)
{
    const bool signs = *x->p == '-' || (*x->p == '+' && block);
    const char s = signs ? *x->p : 0;
    if ((size_t)(x->end - x->p) < 2u + signs || memcmp(x->p + signs, close, 2)) return false;
    add(x, IG_TOKEN_CLOSE, x->p + signs, 2);
    x->p += 2 + signs;
    after_tag(x, s, block);
    return true;
}

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_' || (c & 0x80); }

static void tag(lexer *x, bool block)
{
    const char *const open = x->p;
    int brackets = 0;
    add(x, block ? IG_TOKEN_BLOCK : IG_TOKEN_PRINT, x->p, 2);
    x->p += 2;
    if (x->p < x->end && (*x->p == '-' || (*x->p == '+' && block))) x->p++;
    while (!x->f->status) {
        while (x->p < x->end && isspace((unsigned char)*x->p)) x->p++;
        if (x->p == x->end) {
            ig_fault_at(x->f, INGOT_E_DATA, where(x, open), "a tag without its end");
            return;
        }
        if (!brackets && close_tag(x, block ? "%}" : "}}", block)) return;
        const char c = *x->p;
        if (c == '\'' || c == '"') {
            string(x);
        } else if (isdigit((unsigned char)c)) {
            number(x);
        } else if (is_name(c)) {
            const char *p = x->p;
            while (p < x->end && is_name(*p)) p++;
            add(x, IG_TOKEN_NAME, x->p, (size_t)(p - x->p));
            x->p = p;
        } else {
            brackets += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
            if (brackets < 0) brackets = 0;
            sign(x);
        }
    }
}

const ig_token *ig_template_tokens(ig_arena *a, ig_fault *f)
{
    lexer x = {.arena = a,
               .f = f,
               .p = f->source.p,
               .begin = f->source.p,
               .end = f->source.p + f->source.n,
               .line_start = true};
    while (x.p < x.end && !f->status) {
        const char *const from = x.p, *const at = next_tag(&x);
        x.p = at;
        add_data(&x, from, at);
        if (at == x.end) break;
        if (at[1] == '#')
            comment(&x);
        else if (at[1] == '{' || !raw(&x))
            tag(&x, at[1] == '%');
    }
    add(&x, IG_TOKEN_END, "", 0);
    return f->status ? NULL : x.v;
}
