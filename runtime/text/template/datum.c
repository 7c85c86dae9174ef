/* datum.c - see datum.h. */
#include "runtime/text/template/datum.h"
#include "runtime/base/utf8.h"

const char *ig_datum_kind_name(ig_datum d)
{
    static const char *const names[] = {"undefined", "None",  "bool",     "int",   "float",
                                        "str",       "list",  "tuple",    "dict",  "namespace",
                                        "loop",      "macro", "function", "method"};
    return names[d.kind];
}

bool ig_datum_true(ig_datum d)
{
    switch (d.kind) {
    case IG_UNDEFINED:
    case IG_NONE:
        return false;
    case IG_BOOL:
        return d.b;
    case IG_INT:
        return d.i != 0;
    case IG_REAL:
        return d.f != 0;
    case IG_TEXT:
        return d.text.n != 0;
    case IG_LIST:
    case IG_TUPLE:
        return d.list->n != 0;
    case IG_DICT:
        return d.dict->n != 0;
    default:
        return true;
    }
}

static bool lists_equal(const ig_list *a, const ig_list *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!ig_datum_equal(a->v[i], b->v[i])) return false;
    return true;
}

static bool dicts_equal(const ig_dict *a, const ig_dict *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const ig_datum *other = ig_dict_find(b, a->v[i].key);
        if (!other || !ig_datum_equal(a->v[i].value, *other)) return false;
    }
    return true;
}

bool ig_datum_equal(ig_datum a, ig_datum b)
{
    if (ig_is_numeric(a) && ig_is_numeric(b)) {
        if (a.kind == IG_REAL || b.kind == IG_REAL) return ig_as_real(a) == ig_as_real(b);
        return ig_as_int(a) == ig_as_int(b);
    }
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case IG_UNDEFINED:
    case IG_NONE:
        return true;
    case IG_TEXT:
        return ig_str_equal(a.text, b.text);
    case IG_LIST:
    case IG_TUPLE:
        return lists_equal(a.list, b.list);
    case IG_DICT:
        return dicts_equal(a.dict, b.dict);
    case IG_FUNCTION:
        return a.i == b.i;
    default:
        return a.dict == b.dict;
    }
}

static int order_of_texts(ingot_str a, ingot_str b)
{
    const int c = memcmp(a.p, b.p, IG_MIN(a.n, b.n));
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

bool ig_datum_order(int *out, ig_datum a, ig_datum b)
{
    if (ig_is_numeric(a) && ig_is_numeric(b)) {
        const double x = ig_as_real(a), y = ig_as_real(b);
        const bool whole = a.kind != IG_REAL && b.kind != IG_REAL;
        *out = whole ? (ig_as_int(a) > ig_as_int(b)) - (ig_as_int(a) < ig_as_int(b))
                     : (x > y) - (x < y);
        return true;
    }
    if (a.kind == IG_TEXT && b.kind == IG_TEXT) {
        *out = order_of_texts(a.text, b.text);
        return true;
    }
    if (!ig_is_list(a) || a.kind != b.kind) return false;
    for (size_t i = 0; i < a.list->n && i < b.list->n; i++) {
        if (ig_datum_equal(a.list->v[i], b.list->v[i])) continue;
        return ig_datum_order(out, a.list->v[i], b.list->v[i]);
    }
    *out = a.list->n < b.list->n ? -1 : a.list->n > b.list->n;
    return true;
}

/* ---- lists and dicts ---- */

/* Room for one more of n elements. */
static bool grow(ig_arena *a, void **v, size_t n, size_t *cap, size_t each)
{
    if (n < *cap) return true;
    const size_t more = *cap ? 2 * *cap : 8;
    void *p = ig_arena_array(a, more, each);
    if (!p) return false;
    if (n) memcpy(p, *v, n * each);
    *v = p;
    *cap = more;
    return true;
}

size_t ig_datum_weight(ig_datum d)
{
    return 1 + (ig_is_list(d) ? d.list->weight : d.kind == IG_DICT ? d.dict->weight : 0);
}

static void grow_heavier(size_t *weight, size_t *depth, ig_datum d)
{
    if (!ig_add_ok(*weight, ig_datum_weight(d), weight)) *weight = SIZE_MAX / 2;
    const size_t below = ig_is_list(d) ? d.list->depth : d.kind == IG_DICT ? d.dict->depth : 0;
    *depth = IG_MAX(*depth, below + 1);
}

ig_list *ig_list_new(ig_arena *a) { return ig_new(a, ig_list); }

bool ig_list_add(ig_arena *a, ig_list *l, ig_datum d)
{
    void *v = l->v;
    if (!grow(a, &v, l->n, &l->cap, sizeof d)) return false;
    l->v = v;
    l->v[l->n++] = d;
    grow_heavier(&l->weight, &l->depth, d);
    return true;
}

ig_dict *ig_dict_new(ig_arena *a) { return ig_new(a, ig_dict); }

const ig_datum *ig_dict_find(const ig_dict *d, ig_datum key)
{
    for (size_t i = 0; i < d->n; i++)
        if (ig_datum_equal(d->v[i].key, key)) return &d->v[i].value;
    return NULL;
}

bool ig_dict_set(ig_arena *a, ig_dict *d, ig_datum key, ig_datum value)
{
    for (size_t i = 0; i < d->n; i++)
        if (ig_datum_equal(d->v[i].key, key)) {
            d->v[i].value = value;
            grow_heavier(&d->weight, &d->depth, value);
            return true;
        }
    void *v = d->v;
    if (!grow(a, &v, d->n, &d->cap, sizeof *d->v)) return false;
    d->v = v;
    d->v[d->n++] = (ig_pair){key, value};
    grow_heavier(&d->weight, &d->depth, value);
    return true;
}

/* ---- characters ---- */

static size_t size_at(ingot_str s, size_t at)
{
    uint32_t c;
    const size_t size = ig_utf8_next(&c, s.p + at, s.n - at);
    return size ? size : 1;
}

size_t ig_text_length(ingot_str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.n; at += size_at(s, at)) n++;
    return n;
}

size_t ig_text_at(ingot_str s, size_t i)
{
    size_t at = 0;
    while (i-- && at < s.n) at += size_at(s, at);
    return at;
}
