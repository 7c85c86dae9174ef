/* datum_text.c - values as text: Python's str() and repr(), JSON; and values from JSON. */
#include "runtime/text/template/chat.h"
#include "runtime/text/template/datum.h"
#include "runtime/base/json_read.h"
#include "runtime/base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put(ig_bytes *to, const char *text) { ig_put(to, text, strlen(text)); }

static void put_int(ig_bytes *to, int64_t i)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)i);
    put(to, text);
}

/* The fewest digits that read back to the same number; as an exponent from 1e16 on and below 1e-4.
 */
void ig_put_real(ig_bytes *to, double f)
{
    char digits[40], text[64];
    int precision = 1;
    if (isnan(f) || isinf(f)) {
        put(to, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    for (; precision < 17; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision - 1, f);
        if (strtod(digits, NULL) == f) break;
    }
    snprintf(digits, sizeof digits, "%.*e", precision - 1, f);
    const int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        char *e = strchr(digits, 'e');
        *e = 0;
        snprintf(text, sizeof text, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        const int places = precision - 1 - exponent;
        snprintf(text, sizeof text, "%.*f%s", places > 0 ? places : 0, f, places > 0 ? "" : ".0");
    }
    put(to, text);
}

/* ---- Python ---- */

static void repr_text(ig_bytes *to, ingot_str s)
{
    const bool single = s.n && memchr(s.p, '\'', s.n), twice = s.n && memchr(s.p, '"', s.n);
    const char quote = single && !twice ? '"' : '\'';
    static const char named[] = "\n\r\t\\", letters[] = "nrt\\";
    ig_put_u8(to, (unsigned char)quote);
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        const char *known = c ? memchr(named, c, sizeof named - 1) : NULL;
        char hex[8];
        if (known || c == (unsigned char)quote) {
            ig_put_u8(to, '\\');
            ig_put_u8(to, known ? (unsigned char)letters[known - named] : c);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(hex, sizeof hex, "\\x%02x", c);
            put(to, hex);
        } else {
            ig_put_u8(to, c);
        }
    }
    ig_put_u8(to, (unsigned char)quote);
}

static void repr_list(ig_bytes *to, ig_datum d)
{
    const bool tuple = d.kind == IG_TUPLE;
    put(to, tuple ? "(" : "[");
    for (size_t i = 0; i < d.list->n; i++) {
        if (i) put(to, ", ");
        ig_datum_repr(to, d.list->v[i]);
    }
    put(to, tuple ? d.list->n == 1 ? ",)" : ")" : "]");
}

static void repr_dict(ig_bytes *to, const ig_dict *d)
{
    put(to, "{");
    for (size_t i = 0; i < d->n; i++) {
        if (i) put(to, ", ");
        ig_datum_repr(to, d->v[i].key);
        put(to, ": ");
        ig_datum_repr(to, d->v[i].value);
    }
    put(to, "}");
}

void ig_datum_repr(ig_bytes *to, ig_datum d)
{
    if (to->failed) return;
    switch (d.kind) {
    case IG_UNDEFINED:
        put(to, "Undefined");
        break;
    case IG_NONE:
        put(to, "None");
        break;
    case IG_BOOL:
        put(to, d.b ? "True" : "False");
        break;
    case IG_INT:
        put_int(to, d.i);
        break;
    case IG_REAL:
        ig_put_real(to, d.f);
        break;
    case IG_TEXT:
        repr_text(to, d.text);
        break;
    case IG_LIST:
    case IG_TUPLE:
        repr_list(to, d);
        break;
    case IG_DICT:
        repr_dict(to, d.dict);
        break;
    default:
        put(to, "<");
        put(to, ig_datum_kind_name(d));
        put(to, ">");
    }
}

void ig_datum_print(ig_bytes *to, ig_datum d)
{
    if (d.kind == IG_TEXT)
        ig_put(to, d.text.p, d.text.n);
    else if (d.kind != IG_UNDEFINED)
        ig_datum_repr(to, d);
}

/* ---- JSON ---- */

void ig_put_json_text(ig_bytes *to, const char *text, size_t n)
{
    const ingot_str s = {text, n};
    static const char named[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";
    ig_put_u8(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        const char *known = c ? memchr(named, c, sizeof named - 1) : NULL;
        char hex[8];
        if (known) {
            ig_put_u8(to, '\\');
            ig_put_u8(to, (unsigned char)letters[known - named]);
        } else if (c < 0x20) {
            snprintf(hex, sizeof hex, "\\u%04x", c);
            put(to, hex);
        } else {
            ig_put_u8(to, c);
        }
    }
    ig_put_u8(to, '"');
}

static void new_line(ig_bytes *to, int indent, int level)
{
    if (indent < 0) return;
    ig_put_u8(to, '\n');
    for (int i = 0; i < indent * level; i++) ig_put_u8(to, ' ');
}

static bool json_members(ig_bytes *to, ig_datum d, int indent, int level)
{
    const bool list = ig_is_list(d);
    const size_t n = list ? d.list->n : d.dict->n;
    put(to, list ? "[" : "{");
    for (size_t i = 0; i < n; i++) {
        if (i) put(to, indent < 0 ? ", " : ",");
        new_line(to, indent, level + 1);
        if (!list) {
            const ig_datum key = d.dict->v[i].key;
            if (key.kind == IG_TEXT) {
                ig_put_json_text(to, key.text.p, key.text.n);
            } else {
                ig_put_u8(to, '"');
                if (!ig_datum_json(to, key, -1, 0)) return false;
                ig_put_u8(to, '"');
            }
            put(to, ": ");
        }
        if (!ig_datum_json(to, list ? d.list->v[i] : d.dict->v[i].value, indent, level + 1))
            return false;
    }
    if (n) new_line(to, indent, level);
    put(to, list ? "]" : "}");
    return true;
}

bool ig_datum_json(ig_bytes *to, ig_datum d, int indent, int level)
{
    if (to->failed) return true; /* who asks for the text sees it */
    switch (d.kind) {
    case IG_NONE:
        put(to, "null");
        return true;
    case IG_BOOL:
        put(to, d.b ? "true" : "false");
        return true;
    case IG_INT:
        put_int(to, d.i);
        return true;
    case IG_REAL:
        if (isnan(d.f) || isinf(d.f))
            put(to, isnan(d.f) ? "NaN" : d.f < 0 ? "-Infinity" : "Infinity");
        else
            ig_put_real(to, d.f);
        return true;
    case IG_TEXT:
        ig_put_json_text(to, d.text.p, d.text.n);
        return true;
    case IG_LIST:
    case IG_TUPLE:
    case IG_DICT:
        return json_members(to, d, indent, level);
    default:
        return false;
    }
}

static ig_datum number(const ig_json_value *v)
{
    char *end;
    if (strpbrk(v->text, ".eE")) return ig_real(v->number);
    errno = 0;
    const long long i = strtoll(v->text, &end, 10);
    return errno ? ig_real(v->number) : ig_int(i);
}

enum { MEMBERS_MOST = 10000 /* of an object: they are looked for one by one */ };

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "JSON: no memory for its values");
}

static ingot_status convert(ig_datum *out, ig_arena *a, const ig_json_value *v, ingot_error *err);

static ingot_status convert_list(ig_list *l, ig_arena *a, const ig_json_value *v, ingot_error *err)
{
    ig_datum item;
    if (!l) return no_memory(err);
    for (const ig_json_value *m = v->first; m; m = m->next) {
        IG_TRY(convert(&item, a, m, err));
        if (!ig_list_add(a, l, item)) return no_memory(err);
    }
    return INGOT_OK;
}

static ingot_status convert_dict(ig_dict *d, ig_arena *a, const ig_json_value *v, ingot_error *err)
{
    ig_datum item;
    if (!d) return no_memory(err);
    for (const ig_json_value *m = v->first; m; m = m->next) {
        if (d->n == MEMBERS_MOST)
            return ig_fail(err, INGOT_E_FULL, "JSON: an object of more than %d members",
                           MEMBERS_MOST);
        IG_TRY(convert(&item, a, m, err));
        if (!ig_dict_set(a, d, ig_text(m->key, strlen(m->key)), item)) return no_memory(err);
    }
    return INGOT_OK;
}

static ingot_status convert(ig_datum *out, ig_arena *a, const ig_json_value *v, ingot_error *err)
{
    switch (v->kind) {
    case IG_JSON_NULL:
        *out = ig_none();
        return INGOT_OK;
    case IG_JSON_BOOL:
        *out = ig_bool(v->number != 0);
        return INGOT_OK;
    case IG_JSON_NUMBER:
        *out = number(v);
        return INGOT_OK;
    case IG_JSON_TEXT:
        *out = ig_text(v->text, strlen(v->text));
        return INGOT_OK;
    case IG_JSON_ARRAY:
        *out = (ig_datum){.kind = IG_LIST, .list = ig_list_new(a)};
        return convert_list(out->list, a, v, err);
    case IG_JSON_OBJECT:
        break;
    }
    *out = (ig_datum){.kind = IG_DICT, .dict = ig_dict_new(a)};
    return convert_dict(out->dict, a, v, err);
}

ingot_status ig_datum_from_json(ig_datum *out, ig_arena *a, const char *text, size_t n,
                                ingot_error *err)
{
    const ig_json_value *v;
    uint32_t c;
    for (size_t at = 0, size; at < n; at += size)
        if (!(size = ig_utf8_next(&c, text + at, n - at)))
            return ig_fail(err, INGOT_E_DATA, "JSON: byte %zu is not UTF-8", at);
    IG_TRY(ig_json_read(&v, text, n, a, err));
    return convert(out, a, v, err);
}
