/* filter_list.c - filters of lists and dicts. */
#include "runtime/text/template/render.h"

/* `a.b.0` of an item; a number without points too. */
static ig_datum attribute(ig_render *r, ig_datum x, ig_datum path, size_t at)
{
    if (path.kind != IG_TEXT) return ig_item(r, x, path, at);
    ingot_str rest = path.text;
    while (rest.n && !r->fault.status) {
        const char *point = memchr(rest.p, '.', rest.n);
        const ingot_str name = {rest.p, point ? (size_t)(point - rest.p) : rest.n};
        const bool number = name.n && name.p[0] >= '0' && name.p[0] <= '9' && name.n < 9;
        int64_t i = 0;
        for (size_t k = 0; number && k < name.n; k++) i = i * 10 + (name.p[k] - '0');
        if (x.kind == IG_UNDEFINED) break;
        x = number ? ig_item(r, x, ig_int(i), at) : ig_item(r, x, ig_text(name.p, name.n), at);
        rest.p += name.n + (point != NULL);
        rest.n -= name.n + (point != NULL);
    }
    return x;
}

/* An item, or with the argument `attribute` that of it. */
static ig_datum keyed(ig_render *r, ig_datum x, const ig_arguments *a, size_t place)
{
    const ig_datum *path = ig_arguments_find(a, place, "attribute");
    return path && path->kind != IG_NONE ? attribute(r, x, *path, a->at) : x;
}

static ig_arguments rest_of(const ig_arguments *a, size_t from)
{
    ig_arguments b = *a;
    from = IG_MIN(from, a->n);
    b.v += from;
    b.names += from;
    b.n -= from;
    return b;
}

/* map("upper"), map(attribute="name", default=x) */
static ig_datum map(ig_render *r, const ig_list *l, const ig_arguments *a)
{
    ig_list *out = ig_list_new(&r->arena);
    const ig_datum *path = ig_arguments_find(a, SIZE_MAX, "attribute"),
                   *other = ig_arguments_find(a, SIZE_MAX, "default");
    const ig_arguments rest = rest_of(a, 1);
    if (!path && (!a->n || a->v[0].kind != IG_TEXT))
        return ig_render_fail(r, INGOT_E_DATA, a->at, "map() needs a filter's name or attribute=");
    for (size_t i = 0; i < l->n && out && !r->fault.status; i++) {
        ig_datum x =
            path ? attribute(r, l->v[i], *path, a->at) : ig_filter(r, a->v[0].text, l->v[i], &rest);
        if (path && x.kind == IG_UNDEFINED && other) x = *other;
        if (!ig_list_add(&r->arena, out, x)) out = NULL;
    }
    return out ? ig_list_of(out) : ig_render_no_memory(r);
}

/* select, reject: by a test of the item; selectattr, rejectattr: of its attribute. */
static ig_datum select_items(ig_render *r, const ig_list *l, const ig_arguments *a,
                             bool by_attribute, bool keep)
{
    ig_list *out = ig_list_new(&r->arena);
    const size_t at = by_attribute;
    const ig_arguments rest = rest_of(a, at + 1);
    if (by_attribute && !a->n)
        return ig_render_fail(r, INGOT_E_DATA, a->at, "an attribute's name is missing");
    if (a->n > at && a->v[at].kind != IG_TEXT)
        return ig_render_fail(r, INGOT_E_DATA, a->at, "a test's name is missing");
    for (size_t i = 0; i < l->n && out && !r->fault.status; i++) {
        const ig_datum x = by_attribute ? attribute(r, l->v[i], a->v[0], a->at) : l->v[i];
        const bool yes = a->n > at ? ig_test(r, a->v[at].text, x, &rest) : ig_datum_true(x);
        if (yes == keep && !ig_list_add(&r->arena, out, l->v[i])) out = NULL;
    }
    return out ? ig_list_of(out) : ig_render_no_memory(r);
}

static ig_datum join(ig_render *r, const ig_list *l, const ig_arguments *a)
{
    ig_bytes b;
    const ingot_str by = ig_arguments_text(r, a, 0, "d", "");
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < l->n && !r->fault.status; i++) {
        if (i) ig_put(&b, by.p, by.n);
        ig_datum_print(&b, keyed(r, l->v[i], a, 1));
    }
    return ig_take_text(r, &b);
}

static ig_datum sum(ig_render *r, const ig_list *l, const ig_arguments *a)
{
    const ig_datum *start = ig_arguments_find(a, 1, "start");
    ig_datum total = start ? *start : ig_int(0);
    for (size_t i = 0; i < l->n && !r->fault.status; i++)
        total = ig_binary(r, (ingot_str){"+", 1}, total, keyed(r, l->v[i], a, 0), a->at);
    return total;
}

/* ---- order ---- */

typedef struct {
    ig_datum key, item;
} sortable;

/* Texts without regard to case unless asked. */
static ig_datum sort_key(ig_render *r, ig_datum x, bool sensitive)
{
    return x.kind == IG_TEXT && !sensitive ? ig_text_case(r, x.text, IG_CASE_LOWER) : x;
}

/* Stable, by merging; of what has no order the two are named. */
static bool merge_sort(ig_render *r, sortable *v, sortable *spare, size_t n, bool down, size_t at)
{
    if (n < 2) return true;
    const size_t half = n / 2;
    if (!merge_sort(r, v, spare, half, down, at) ||
        !merge_sort(r, v + half, spare, n - half, down, at))
        return false;
    memcpy(spare, v, half * sizeof *v);
    size_t i = 0, j = half, k = 0;
    while (i < half && j < n) {
        int order = 0;
        if (!ig_datum_order(&order, spare[i].key, v[j].key)) {
            ig_render_fail(r, INGOT_E_DATA, at, "sort: %s and %s have no order",
                           ig_datum_kind_name(spare[i].key), ig_datum_kind_name(v[j].key));
            return false;
        }
        if (down) order = -order;
        v[k++] = order <= 0 ? spare[i++] : v[j++];
    }
    while (i < half) v[k++] = spare[i++];
    return ig_render_step(r, n, at);
}

static ig_list *sorted(ig_render *r, const ig_list *l, const ig_datum *keys, bool down, size_t at)
{
    sortable *v = ig_new_n(&r->arena, sortable, l->n + 1);
    sortable *spare = ig_new_n(&r->arena, sortable, l->n + 1);
    ig_list *out = ig_list_new(&r->arena);
    if (!v || !spare || !out) {
        ig_render_no_memory(r);
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++) v[i] = (sortable){keys[i], l->v[i]};
    if (!merge_sort(r, v, spare, l->n, down, at)) return NULL;
    for (size_t i = 0; i < l->n; i++)
        if (!ig_list_add(&r->arena, out, v[i].item)) {
            ig_render_no_memory(r);
            return NULL;
        }
    return out;
}

static ig_datum sort(ig_render *r, const ig_list *l, const ig_arguments *a)
{
    const bool down = ig_arguments_true(a, 0, "reverse", false);
    const bool sensitive = ig_arguments_true(a, 1, "case_sensitive", false);
    ig_datum *keys = ig_new_n(&r->arena, ig_datum, l->n + 1);
    if (!keys) return ig_render_no_memory(r);
    for (size_t i = 0; i < l->n; i++) keys[i] = sort_key(r, keyed(r, l->v[i], a, 2), sensitive);
    ig_list *out = r->fault.status ? NULL : sorted(r, l, keys, down, a->at);
    return out ? ig_list_of(out) : ig_none();
}

static ig_datum pairs(ig_render *r, ig_datum x, size_t at)
{
    if (x.kind == IG_UNDEFINED) return ig_list_of(ig_items(r, x, at));
    if (!ig_is_dict(x))
        return ig_render_fail(r, INGOT_E_DATA, at, "the items of %s", ig_datum_kind_name(x));
    const ig_method items = {(ig_datum){.kind = IG_DICT, .dict = x.dict}, {"items", 5}};
    return ig_call_method(r, &items, &(ig_arguments){.at = at});
}

static ig_datum dict_sort(ig_render *r, ig_datum x, const ig_arguments *a)
{
    const bool sensitive = ig_arguments_true(a, 0, "case_sensitive", false);
    const ingot_str by = ig_arguments_text(r, a, 1, "by", "key");
    const bool down = ig_arguments_true(a, 2, "reverse", false);
    const ig_datum all = pairs(r, x, a->at);
    if (r->fault.status) return all;
    ig_datum *keys = ig_new_n(&r->arena, ig_datum, all.list->n + 1);
    if (!keys) return ig_render_no_memory(r);
    for (size_t i = 0; i < all.list->n; i++)
        keys[i] = sort_key(r, all.list->v[i].list->v[ig_str_is(by, "value")], sensitive);
    ig_list *out = r->fault.status ? NULL : sorted(r, all.list, keys, down, a->at);
    return out ? ig_list_of(out) : ig_none();
}

static ig_datum unique(ig_render *r, const ig_list *l, const ig_arguments *a)
{
    const bool sensitive = ig_arguments_true(a, 0, "case_sensitive", false);
    ig_list *out = ig_list_new(&r->arena), *keys = ig_list_new(&r->arena);
    for (size_t i = 0; i < l->n && out && keys && ig_render_step(r, 1 + i / 8, a->at); i++) {
        const ig_datum key = sort_key(r, keyed(r, l->v[i], a, 1), sensitive);
        bool seen = false;
        for (size_t k = 0; k < keys->n && !seen; k++) seen = ig_datum_equal(keys->v[k], key);
        if (!seen && (!ig_list_add(&r->arena, keys, key) || !ig_list_add(&r->arena, out, l->v[i])))
            out = NULL;
    }
    return out && keys ? ig_list_of(out) : ig_render_no_memory(r);
}

static ig_datum extreme(ig_render *r, const ig_list *l, const ig_arguments *a, int sign)
{
    const bool sensitive = ig_arguments_true(a, 0, "case_sensitive", false);
    ig_datum best = ig_undefined((ingot_str){"the extreme of nothing", 22}), best_key = best;
    for (size_t i = 0; i < l->n && !r->fault.status; i++) {
        const ig_datum key = sort_key(r, keyed(r, l->v[i], a, 1), sensitive);
        int order = sign;
        if (i && !ig_datum_order(&order, key, best_key))
            ig_render_fail(r, INGOT_E_DATA, a->at, "%s and %s have no order",
                           ig_datum_kind_name(key), ig_datum_kind_name(best_key));
        if (i ? order * sign > 0 : true) best = l->v[i], best_key = key;
    }
    return best;
}

static ig_datum reversed(ig_render *r, ig_datum x, size_t at)
{
    const ig_list *l = ig_items(r, x, at);
    ig_list *out = ig_list_new(&r->arena);
    for (size_t i = l ? l->n : 0; i-- && out;)
        if (!ig_list_add(&r->arena, out, l->v[i])) out = NULL;
    if (!l || !out) return ig_render_no_memory(r);
    if (x.kind != IG_TEXT) return ig_list_of(out);
    return join(r, out, &(ig_arguments){.at = at});
}

static ig_datum length(ig_render *r, ig_datum x, size_t at)
{
    if (x.kind == IG_TEXT) return ig_int((int64_t)ig_text_length(x.text));
    if (ig_is_list(x)) return ig_int((int64_t)x.list->n);
    if (ig_is_dict(x)) return ig_int((int64_t)x.dict->n);
    if (x.kind == IG_UNDEFINED) return ig_int(0);
    return ig_render_fail(r, INGOT_E_DATA, at, "%s has no length", ig_datum_kind_name(x));
}

/* ---- the table ---- */

static bool of_items(ig_datum *out, ig_render *r, ingot_str name, const ig_list *l,
                     const ig_arguments *a)
{
#define IS(text) ig_str_is(name, text)
    if (IS("join"))
        *out = join(r, l, a);
    else if (IS("first"))
        *out = l->n ? l->v[0] : ig_undefined((ingot_str){"the first of nothing", 20});
    else if (IS("last"))
        *out = l->n ? l->v[l->n - 1] : ig_undefined((ingot_str){"the last of nothing", 19});
    else if (IS("map"))
        *out = map(r, l, a);
    else if (IS("select") || IS("reject"))
        *out = select_items(r, l, a, false, *name.p == 's');
    else if (IS("selectattr") || IS("rejectattr"))
        *out = select_items(r, l, a, true, *name.p == 's');
    else if (IS("sort"))
        *out = sort(r, l, a);
    else if (IS("sum"))
        *out = sum(r, l, a);
    else if (IS("unique"))
        *out = unique(r, l, a);
    else if (IS("min") || IS("max"))
        *out = extreme(r, l, a, name.p[1] == 'i' ? -1 : 1);
    else if (IS("list"))
        *out = ig_list_of((ig_list *)(uintptr_t)l);
    else
        return false;
    return true;
}

bool ig_filter_list(ig_datum *out, ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a)
{
    static const char *const names[] = {"join",   "first",      "last",       "map",  "select",
                                        "reject", "selectattr", "rejectattr", "sort", "sum",
                                        "unique", "min",        "max",        "list"};
    if (IS("length") || IS("count"))
        *out = length(r, x, a->at);
    else if (IS("items"))
        *out = pairs(r, x, a->at);
    else if (IS("dictsort"))
        *out = dict_sort(r, x, a);
    else if (IS("reverse"))
        *out = reversed(r, x, a->at);
    else {
        for (size_t i = 0; i < IG_LEN(names); i++) {
            if (!IS(names[i])) continue;
            const ig_list *l = ig_items(r, x, a->at);
            return l ? of_items(out, r, name, l, a) : true;
        }
        return false;
    }
#undef IS
    return true;
}
