/* text.c - texts: letters of either case, blanks, replacing, splitting, formats; and their methods.
 */
#include "runtime/text/template/render.h"
#include "runtime/base/utf8.h"
#include "runtime/text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

ig_datum ig_take_text(ig_render *r, ig_bytes *b)
{
    const size_t n = b->n;
    char *copy = b->failed ? NULL : ig_arena_copy(&r->arena, n ? (const char *)b->p : "", n + !n);
    ig_bytes_clear(b);
    ig_render_step(r, n / 64, 0);
    return copy ? ig_text(copy, n) : ig_render_no_memory(r);
}

ingot_str ig_as_text(ig_render *r, ig_datum d)
{
    ig_bytes b;
    if (d.kind == IG_TEXT) return d.text;
    ig_bytes_init(&b, r->heap);
    ig_datum_print(&b, d);
    return ig_take_text(r, &b).text;
}

/* White space, as Python sees it. */
static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* ---- case ---- */

static bool is_letter(uint32_t c)
{
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

static uint32_t cased(uint32_t c, int how, bool first)
{
    const bool upper = how == IG_CASE_UPPER || (how != IG_CASE_LOWER && first);
    return (uint32_t)(upper ? utf8proc_toupper((utf8proc_int32_t)c)
                            : utf8proc_tolower((utf8proc_int32_t)c));
}

ig_datum ig_text_case(ig_render *r, ingot_str s, int how)
{
    ig_bytes b;
    bool first = true;
    ig_bytes_init(&b, r->heap);
    for (size_t at = 0; at < s.n;) {
        uint32_t c;
        char out[4];
        const size_t size = ig_utf8_next(&c, s.p + at, s.n - at);
        if (!size) {
            ig_put_u8(&b, (unsigned char)s.p[at++]);
            continue;
        }
        if (c == 0xdf && how == IG_CASE_UPPER)
            ig_put(&b, "SS", 2); /* the one letter in use that grows */
        else
            ig_put(&b, out, ig_utf8_put(out, cased(c, how, first)));
        first = how == IG_CASE_TITLE   ? !is_letter(c)
                : how == IG_CASE_WORDS ? is_blank(c) || (c < 0x80 && c && strchr("-({[<", (int)c))
                                       : false;
        at += size;
    }
    return ig_take_text(r, &b);
}

/* ---- blanks ---- */

/* Does the character at p belong to what is stripped? chars NULL: blanks. */
static bool stripped(const char *p, size_t size, const ingot_str *chars)
{
    uint32_t c;
    if (!chars) return ig_utf8_next(&c, p, size) && is_blank(c);
    for (size_t at = 0; at < chars->n;) {
        const size_t n = ig_text_at((ingot_str){chars->p + at, chars->n - at}, 1);
        if (n == size && !memcmp(chars->p + at, p, n)) return true;
        at += n;
    }
    return false;
}

ig_datum ig_text_strip(ingot_str s, const ingot_str *chars, bool left, bool right)
{
    while (left && s.n) {
        const size_t size = ig_text_at(s, 1);
        if (!stripped(s.p, size, chars)) break;
        s.p += size;
        s.n -= size;
    }
    while (right && s.n) {
        size_t size = 1;
        while (size < s.n && size < 4 && (s.p[s.n - size] & 0xc0) == 0x80) size++;
        if (!stripped(s.p + s.n - size, size, chars)) break;
        s.n -= size;
    }
    return ig_text(s.p, s.n);
}

ig_datum ig_text_replace(ig_render *r, ingot_str s, ingot_str old, ingot_str fresh, int64_t most)
{
    ig_bytes b;
    ig_bytes_init(&b, r->heap);
    size_t at = 0;
    for (int64_t k = 0; k != most; k++) {
        if (!old.n) { /* between all characters */
            ig_put(&b, fresh.p, fresh.n);
            if (at == s.n) break;
            const size_t size = ig_text_at((ingot_str){s.p + at, s.n - at}, 1);
            ig_put(&b, s.p + at, size);
            at += size;
            continue;
        }
        const char *hit = memmem(s.p + at, s.n - at, old.p, old.n);
        if (!hit) break;
        const size_t until = (size_t)(hit - s.p);
        ig_put(&b, s.p + at, until - at);
        ig_put(&b, fresh.p, fresh.n);
        at = until + old.n;
    }
    ig_put(&b, s.p + at, s.n - at);
    return ig_take_text(r, &b);
}

/* ---- formats ---- */

/* One %d, %s, %.2f of C's kind; *p is behind the percent sign. */
static bool format_one(ig_bytes *b, ig_render *r, const char **p, const char *end, ig_datum d)
{
    char spec[16] = "%", text[400];
    size_t n = 1;
    while (*p < end && n < 10 && strchr("-+ #0123456789.", **p) && **p) spec[n++] = *(*p)++;
    if (*p == end) return false;
    const char kind = *(*p)++;
    if (kind == 's' || kind == 'r') {
        ig_bytes whole;
        if (n == 1) {
            kind == 's' ? ig_datum_print(b, d) : ig_datum_repr(b, d);
            return true;
        }
        ig_bytes_init(&whole, r->heap);
        kind == 's' ? ig_datum_print(&whole, d) : ig_datum_repr(&whole, d);
        const int wide = atoi(spec + 1),
                  size = (int)ig_text_length((ingot_str){(char *)whole.p, whole.n});
        for (int i = size; i < wide && i < 1000; i++) ig_put_u8(b, ' ');
        ig_put(b, whole.p, whole.n);
        for (int i = size; i < -wide && i < 1000; i++) ig_put_u8(b, ' ');
        ig_bytes_clear(&whole);
        return true;
    }
    if (!strchr("dixXofFeEgG", kind) || !ig_is_numeric(d)) return false;
    for (const char *q = spec + 1; *q; q++)
        if (atoi(q) > 99) return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (strchr("fFeEgG", kind)) {
        spec[n] = kind;
        snprintf(text, sizeof text, spec, ig_as_real(d));
    } else {
        const char whole[] = {'l', 'l', kind == 'i' ? 'd' : kind, 0};
        memcpy(spec + n, whole, 4);
        snprintf(text, sizeof text, spec,
                 (long long)(d.kind == IG_REAL ? (int64_t)IG_MAX(IG_MIN(d.f, 9e18), -9e18)
                                               : ig_as_int(d)));
    }
#pragma GCC diagnostic pop
    ig_put(b, text, strlen(text));
    return true;
}

ig_datum ig_format(ig_render *r, ingot_str format, const ig_datum *v, size_t n, size_t at)
{
    ig_bytes b;
    size_t used = 0;
    bool ok = true;
    ig_bytes_init(&b, r->heap);
    const char *p = format.p, *const end = p + format.n;
    while (p < end && ok) {
        if (*p != '%') {
            ig_put_u8(&b, (unsigned char)*p++);
        } else if (p + 1 < end && p[1] == '%') {
            ig_put_u8(&b, '%');
            p += 2;
        } else {
            p++;
            ok = used < n && format_one(&b, r, &p, end, v[used++]);
        }
    }
    if (ok && used == n) return ig_take_text(r, &b);
    ig_bytes_clear(&b);
    return ig_render_fail(r, INGOT_E_DATA, at,
                          "a format with %%: the values do not fit, or it has "
                          "more than %%s %%d %%x %%f %%g and their widths");
}

/* "{}", "{0}", "{name}" */
static ig_datum format_braces(ig_render *r, ingot_str s, const ig_arguments *a)
{
    ig_bytes b;
    size_t next = 0;
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < s.n;) {
        const bool brace = s.p[i] == '{' || s.p[i] == '}';
        if (!brace || (i + 1 < s.n && s.p[i + 1] == s.p[i])) {
            ig_put_u8(&b, (unsigned char)s.p[i]);
            i += 1 + brace;
            continue;
        }
        const char *close = memchr(s.p + i, '}', s.n - i);
        const size_t n = close ? (size_t)(close - s.p) - i - 1 : 0;
        char name[64] = "";
        const ig_datum *d = NULL;
        if (close && n < sizeof name && s.p[i] == '{') {
            memcpy(name, s.p + i + 1, n);
            const bool digit = *name >= '0' && *name <= '9';
            d = !n      ? ig_arguments_find(a, next++, NULL)
                : digit ? ig_arguments_find(a, (size_t)atoi(name), NULL)
                        : ig_arguments_find(a, SIZE_MAX, name);
        }
        if (!d) {
            ig_bytes_clear(&b);
            return ig_render_fail(r, INGOT_E_UNSUPPORTED, a->at,
                                  "format(): only {}, {0} and {name} are understood");
        }
        ig_datum_print(&b, *d);
        i += n + 2;
    }
    return ig_take_text(r, &b);
}

/* ---- methods ---- */

static bool add_part(ig_render *r, ig_list *l, const char *from, const char *end)
{
    if (ig_list_add(&r->arena, l, ig_text(from, (size_t)(end - from)))) return true;
    ig_render_no_memory(r);
    return false;
}

/* At runs of blanks; most < 0: all of them. */
static ig_datum split_blanks(ig_render *r, ingot_str s, int64_t most)
{
    ig_list *l = ig_list_new(&r->arena);
    for (int64_t k = 0; l; k++) {
        s = ig_text_strip(s, NULL, true, false).text;
        if (!s.n) break;
        if (k == most) {
            add_part(r, l, s.p, s.p + s.n);
            break;
        }
        size_t at = 0;
        while (at < s.n) {
            const size_t size = ig_text_at((ingot_str){s.p + at, s.n - at}, 1);
            if (stripped(s.p + at, size, NULL)) break;
            at += size;
        }
        if (!add_part(r, l, s.p, s.p + at)) break;
        s = (ingot_str){s.p + at, s.n - at};
    }
    return l ? ig_list_of(l) : ig_render_no_memory(r);
}

static ig_datum split(ig_render *r, ingot_str s, ingot_str by, int64_t most)
{
    ig_list *l = ig_list_new(&r->arena);
    const char *from = s.p, *const end = s.p + s.n, *hit;
    for (int64_t k = 0; l && k != most; k++) {
        if (!(hit = memmem(from, (size_t)(end - from), by.p, by.n))) break;
        if (!add_part(r, l, from, hit)) break;
        from = hit + by.n;
    }
    if (l) add_part(r, l, from, end);
    return l ? ig_list_of(l) : ig_render_no_memory(r);
}

/* The last `most` places only. */
static ig_datum rsplit(ig_render *r, ingot_str s, ingot_str by, int64_t most)
{
    const ig_datum all = split(r, s, by, -1);
    if (r->fault.status || most < 0 || (int64_t)all.list->n <= most + 1) return all;
    const size_t n = all.list->n, joined = n - (size_t)most;
    ig_list *l = ig_list_new(&r->arena);
    const ingot_str last = all.list->v[joined - 1].text;
    if (!l || !add_part(r, l, s.p, last.p + last.n)) return ig_render_no_memory(r);
    for (size_t i = joined; i < n; i++)
        add_part(r, l, all.list->v[i].text.p, all.list->v[i].text.p + all.list->v[i].text.n);
    return ig_list_of(l);
}

static ig_datum split_method(ig_render *r, ingot_str s, bool right, const ig_arguments *a)
{
    const ig_datum *by = ig_arguments_find(a, 0, "sep");
    const int64_t most = ig_arguments_int(r, a, 1, "maxsplit", -1);
    if (!by || by->kind == IG_NONE) {
        if (right && most >= 0)
            return ig_render_fail(r, INGOT_E_UNSUPPORTED, a->at, "rsplit() at blanks with a count");
        return split_blanks(r, s, most);
    }
    if (by->kind != IG_TEXT || !by->text.n)
        return ig_render_fail(r, INGOT_E_DATA, a->at, "split() at %s",
                              by->kind == IG_TEXT ? "an empty str" : ig_datum_kind_name(*by));
    return right ? rsplit(r, s, by->text, most) : split(r, s, by->text, most);
}

static ig_datum split_lines(ig_render *r, ingot_str s, bool keep)
{
    ig_list *l = ig_list_new(&r->arena);
    const char *from = s.p, *const end = s.p + s.n;
    while (l && from < end) {
        const char *p = from;
        while (p < end && *p != '\n' && *p != '\r') p++;
        const char *const line = p;
        if (p < end) p += 1 + (*p == '\r' && p + 1 < end && p[1] == '\n');
        if (!add_part(r, l, from, keep ? p : line)) break;
        from = p;
    }
    return l ? ig_list_of(l) : ig_render_no_memory(r);
}

/* startswith and endswith: one text, or a tuple of them. */
static bool has_end(ingot_str s, ig_datum d, bool at_end)
{
    if (d.kind == IG_TEXT)
        return d.text.n <= s.n && !memcmp(at_end ? s.p + s.n - d.text.n : s.p, d.text.p, d.text.n);
    for (size_t i = 0; ig_is_list(d) && i < d.list->n; i++)
        if (d.list->v[i].kind == IG_TEXT && has_end(s, d.list->v[i], at_end)) return true;
    return false;
}

static ig_datum find(ig_render *r, ingot_str s, const ig_arguments *a, ingot_str name)
{
    const ingot_str what = ig_arguments_text(r, a, 0, NULL, NULL);
    const char *hit = NULL, *from = s.p;
    int64_t n = 0;
    for (const char *p; (p = memmem(from, s.n - (size_t)(from - s.p), what.p, what.n));) {
        hit = p;
        n++;
        if (*name.p == 'f' || *name.p == 'i' || !what.n) break;
        from = *name.p == 'c' ? p + what.n : p + 1;
    }
    if (*name.p == 'c') return ig_int(what.n ? n : (int64_t)ig_text_length(s) + 1);
    if (hit) return ig_int((int64_t)ig_text_length((ingot_str){s.p, (size_t)(hit - s.p)}));
    if (*name.p == 'i') ig_render_fail(r, INGOT_E_DATA, a->at, "index(): the text is not in it");
    return ig_int(-1);
}

/* isdigit and so on: all characters, and at least one. */
static bool all_are(ingot_str s, ingot_str name)
{
    bool any = false;
    for (size_t at = 0; at < s.n;) {
        uint32_t c;
        const size_t size = ig_utf8_next(&c, s.p + at, s.n - at);
        if (!size) return false;
        at += size;
        const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
        const bool digit = k == UTF8PROC_CATEGORY_ND;
        if (ig_str_is(name, "isupper") || ig_str_is(name, "islower")) {
            const bool upper = k == UTF8PROC_CATEGORY_LU, lower = k == UTF8PROC_CATEGORY_LL;
            if (name.p[2] == 'u' ? lower : upper) return false;
            any |= upper || lower;
            continue;
        }
        any = true;
        if (!(ig_str_is(name, "isdigit")   ? digit
              : ig_str_is(name, "isalpha") ? is_letter(c)
              : ig_str_is(name, "isspace") ? is_blank(c)
                                           : digit || is_letter(c)))
            return false;
    }
    return any;
}

static ig_datum join_method(ig_render *r, ingot_str by, const ig_arguments *a)
{
    ig_bytes b;
    const ig_datum *x = ig_arguments_find(a, 0, NULL);
    const ig_list *l = x ? ig_items(r, *x, a->at) : NULL;
    if (!l) return ig_render_fail(r, INGOT_E_DATA, a->at, "join() of nothing");
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < l->n; i++) {
        if (i) ig_put(&b, by.p, by.n);
        ig_datum_print(&b, l->v[i]);
    }
    return ig_take_text(r, &b);
}

static ig_datum without(ingot_str s, ingot_str part, bool at_end)
{
    if (!has_end(s, (ig_datum){.kind = IG_TEXT, .text = part}, at_end)) return ig_text(s.p, s.n);
    return ig_text(at_end ? s.p : s.p + part.n, s.n - part.n);
}

ig_datum ig_call_text_method(ig_render *r, const ig_method *m, const ig_arguments *a)
{
    const ingot_str s = m->self.text, name = m->name;
    const ig_datum *first = ig_arguments_find(a, 0, NULL);
    const ingot_str *chars = first && first->kind == IG_TEXT ? &first->text : NULL;
    if (!ig_render_step(r, s.n / 64, a->at)) return ig_none();
#define IS(text) ig_str_is(name, text)
    if (IS("split") || IS("rsplit")) return split_method(r, s, *name.p == 'r', a);
    if (IS("splitlines")) return split_lines(r, s, ig_arguments_true(a, 0, "keepends", false));
    if (IS("strip")) return ig_text_strip(s, chars, true, true);
    if (IS("lstrip")) return ig_text_strip(s, chars, true, false);
    if (IS("rstrip")) return ig_text_strip(s, chars, false, true);
    if (IS("startswith") || IS("endswith"))
        return ig_bool(first && has_end(s, *first, *name.p == 'e'));
    if (IS("upper")) return ig_text_case(r, s, IG_CASE_UPPER);
    if (IS("lower")) return ig_text_case(r, s, IG_CASE_LOWER);
    if (IS("title")) return ig_text_case(r, s, IG_CASE_TITLE);
    if (IS("capitalize")) return ig_text_case(r, s, IG_CASE_CAPITAL);
    if (IS("replace")) {
        const ingot_str old = ig_arguments_text(r, a, 0, "old", NULL);
        const ingot_str fresh = ig_arguments_text(r, a, 1, "new", NULL);
        return ig_text_replace(r, s, old, fresh, ig_arguments_int(r, a, 2, "count", -1));
    }
    if (IS("find") || IS("rfind") || IS("index") || IS("count")) return find(r, s, a, name);
    if (IS("join")) return join_method(r, s, a);
    if (IS("format")) return format_braces(r, s, a);
    if (IS("removeprefix")) return without(s, ig_arguments_text(r, a, 0, NULL, NULL), false);
    if (IS("removesuffix")) return without(s, ig_arguments_text(r, a, 0, NULL, NULL), true);
#undef IS
    return ig_bool(all_are(s, name));
}
