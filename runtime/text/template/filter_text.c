/* filter_text.c - filters that make texts and numbers. */
#include "runtime/text/template/render.h"

#include <math.h>
#include <stdlib.h>

static ig_datum to_json(ig_render *r, ig_datum x, const ig_arguments *a)
{
    ig_bytes b;
    const int64_t indent = ig_arguments_int(r, a, SIZE_MAX, "indent", -1);
    ig_bytes_init(&b, r->heap);
    if (ig_arguments_find(a, SIZE_MAX, "separators") ||
        ig_arguments_true(a, SIZE_MAX, "sort_keys", false) ||
        ig_arguments_true(a, 0, "ensure_ascii", false))
        return ig_render_fail(r, INGOT_E_UNSUPPORTED, a->at,
                              "tojson: of its arguments only `indent` is understood");
    if (ig_datum_json(&b, x, (int)IG_MIN(IG_MAX(indent, -1), (int64_t)40), 0))
        return ig_take_text(r, &b);
    ig_bytes_clear(&b);
    return ig_render_fail(r, INGOT_E_DATA, a->at, "tojson: %s within it is no JSON%s",
                          x.kind == IG_UNDEFINED ? "undefined" : "a value",
                          x.kind == IG_UNDEFINED ? " (is the variable missing?)" : "");
}

/* Each line but the first, those that are empty only when asked. */
static ig_datum indent(ig_render *r, ig_datum x, const ig_arguments *a)
{
    ig_bytes b;
    const ig_datum *width = ig_arguments_find(a, 0, "width");
    const bool first = ig_arguments_true(a, 1, "first", false);
    const bool blank = ig_arguments_true(a, 2, "blank", false);
    const ingot_str s = ig_as_text(r, x);
    const int64_t n = width && width->kind == IG_TEXT ? 0 : ig_arguments_int(r, a, 0, "width", 4);
    bool start = true;
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < s.n; i++) {
        if (start && (i ? blank || s.p[i] != '\n' : first)) {
            if (width && width->kind == IG_TEXT) ig_put(&b, width->text.p, width->text.n);
            for (int64_t k = 0; k < n && k < 1000; k++) ig_put_u8(&b, ' ');
        }
        ig_put_u8(&b, (unsigned char)s.p[i]);
        start = s.p[i] == '\n';
    }
    return ig_take_text(r, &b);
}

static ig_datum escape(ig_render *r, ingot_str s)
{
    static const char special[] = "&<>'\"";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    ig_bytes b;
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < s.n; i++) {
        const char *p = s.p[i] ? strchr(special, s.p[i]) : NULL;
        if (p)
            ig_put(&b, names[p - special], strlen(names[p - special]));
        else
            ig_put_u8(&b, (unsigned char)s.p[i]);
    }
    return ig_take_text(r, &b);
}

/* ---- numbers ---- */

static bool parse_number(double *out, ingot_str s)
{
    char text[64], *end;
    s = ig_text_strip(s, NULL, true, true).text;
    if (!s.n || s.n >= sizeof text) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    *out = strtod(text, &end);
    return !*end && !strpbrk(text, "xXpP");
}

static ig_datum to_int(ig_render *r, ig_datum x, const ig_arguments *a)
{
    const ig_datum other = ig_int(ig_arguments_int(r, a, 0, "default", 0));
    double f;
    if (x.kind == IG_INT || x.kind == IG_BOOL) return ig_int(ig_as_int(x));
    if (x.kind == IG_REAL)
        f = x.f;
    else if (x.kind != IG_TEXT || !parse_number(&f, x.text))
        return other;
    return fabs(f) < 9e18 ? ig_int((int64_t)f) : other;
}

static ig_datum to_real(ig_datum x, const ig_arguments *a)
{
    const ig_datum *other = ig_arguments_find(a, 0, "default");
    double f;
    if (ig_is_numeric(x)) return ig_real(ig_as_real(x));
    if (x.kind == IG_TEXT && parse_number(&f, x.text)) return ig_real(f);
    return other ? *other : ig_real(0);
}

static ig_datum round_off(ig_render *r, ig_datum x, const ig_arguments *a)
{
    const int64_t places = ig_arguments_int(r, a, 0, "precision", 0);
    const ingot_str how = ig_arguments_text(r, a, 1, "method", "common");
    if (!ig_is_numeric(x))
        return ig_render_fail(r, INGOT_E_DATA, a->at, "round of %s", ig_datum_kind_name(x));
    const double scale = pow(10, (double)IG_MAX(IG_MIN(places, (int64_t)15), (int64_t)-15));
    const double v = ig_as_real(x) * scale;
    return ig_real((ig_str_is(how, "ceil")    ? ceil(v)
                    : ig_str_is(how, "floor") ? floor(v)
                                              : rint(v)) /
                   scale);
}

static ig_datum absolute(ig_render *r, ig_datum x, size_t at)
{
    if (x.kind == IG_REAL) return ig_real(fabs(x.f));
    if (!ig_is_numeric(x))
        return ig_render_fail(r, INGOT_E_DATA, at, "abs of %s", ig_datum_kind_name(x));
    const int64_t i = ig_as_int(x);
    return ig_int(i < 0 ? (int64_t)(0 - (uint64_t)i) : i);
}

static ig_datum count_words(ingot_str s)
{
    int64_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < s.n; i++) {
        const bool letter = (s.p[i] & 0x80) || s.p[i] == '_' || (s.p[i] >= '0' && s.p[i] <= '9') ||
                            ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z');
        n += letter && !inside;
        inside = letter;
    }
    return ig_int(n);
}

/* ---- the table ---- */

bool ig_filter_text(ig_datum *out, ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a)
{
#define IS(text) ig_str_is(name, text)
    if (IS("tojson"))
        *out = to_json(r, x, a);
    else if (IS("trim")) {
        const ig_datum *chars = ig_arguments_find(a, 0, "chars");
        *out = ig_text_strip(ig_as_text(r, x),
                             chars && chars->kind == IG_TEXT ? &chars->text : NULL, true, true);
    } else if (IS("string")) {
        const ingot_str s = ig_as_text(r, x);
        *out = ig_text(s.p, s.n);
    } else if (IS("upper"))
        *out = ig_text_case(r, ig_as_text(r, x), IG_CASE_UPPER);
    else if (IS("lower"))
        *out = ig_text_case(r, ig_as_text(r, x), IG_CASE_LOWER);
    else if (IS("title"))
        *out = ig_text_case(r, ig_as_text(r, x), IG_CASE_WORDS);
    else if (IS("capitalize"))
        *out = ig_text_case(r, ig_as_text(r, x), IG_CASE_CAPITAL);
    else if (IS("indent"))
        *out = indent(r, x, a);
    else if (IS("replace")) {
        const ingot_str old = ig_arguments_text(r, a, 0, "old", NULL);
        const ingot_str fresh = ig_arguments_text(r, a, 1, "new", NULL);
        *out = ig_text_replace(r, ig_as_text(r, x), old, fresh,
                               ig_arguments_int(r, a, 2, "count", -1));
    } else if (IS("format"))
        *out = ig_format(r, ig_as_text(r, x), a->v, a->n, a->at);
    else if (IS("safe"))
        *out = x;
    else if (IS("escape") || IS("e"))
        *out = escape(r, ig_as_text(r, x));
    else if (IS("int"))
        *out = to_int(r, x, a);
    else if (IS("float"))
        *out = to_real(x, a);
    else if (IS("round"))
        *out = round_off(r, x, a);
    else if (IS("abs"))
        *out = absolute(r, x, a->at);
    else if (IS("wordcount"))
        *out = count_words(ig_as_text(r, x));
    else
        return false;
#undef IS
    return true;
}
