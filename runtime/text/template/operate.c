/* operate.c - operators on values, as Python defines them. */
#include "runtime/text/template/render.h"

#include <math.h>
#include <stdio.h>

ig_list *ig_items(ig_render *r, ig_datum x, size_t at)
{
    if (ig_is_list(x)) return x.list;
    ig_list *l = ig_list_new(&r->arena);
    bool ok = l != NULL;
    if (ig_is_dict(x)) {
        for (size_t i = 0; i < x.dict->n && ok; i++)
            ok = ig_list_add(&r->arena, l, x.dict->v[i].key);
    } else if (x.kind == IG_TEXT) {
        if (!ig_render_step(r, x.text.n, at)) return NULL;
        for (size_t from = 0, size; from < x.text.n && ok; from += size) {
            const ingot_str rest = {x.text.p + from, x.text.n - from};
            size = ig_text_at(rest, 1);
            ok = ig_list_add(&r->arena, l, ig_text(rest.p, size));
        }
    } else if (x.kind != IG_UNDEFINED) {
        ig_render_fail(r, INGOT_E_DATA, at, "%s has no items to go through", ig_datum_kind_name(x));
        return NULL;
    }
    if (ok) return l;
    ig_render_no_memory(r);
    return NULL;
}

ig_datum ig_list_of(ig_list *l) { return (ig_datum){.kind = IG_LIST, .list = l}; }

bool ig_contains(ig_render *r, ig_datum x, ig_datum item, size_t at)
{
    if (x.kind == IG_TEXT) {
        if (item.kind != IG_TEXT)
            ig_render_fail(r, INGOT_E_DATA, at, "`in` a str looks for a str, not for %s",
                           ig_datum_kind_name(item));
        else if (ig_render_step(r, x.text.n / 64, at))
            return !item.text.n || memmem(x.text.p, x.text.n, item.text.p, item.text.n);
        return false;
    }
    if (ig_is_dict(x))
        return ig_render_step(r, x.dict->n / 8, at) && ig_dict_find(x.dict, item) != NULL;
    if (x.kind == IG_UNDEFINED) return false;
    if (!ig_is_list(x)) {
        ig_render_fail(r, INGOT_E_DATA, at, "`in` %s", ig_datum_kind_name(x));
        return false;
    }
    if (!ig_render_step(r, x.list->weight / 8, at)) return false;
    for (size_t i = 0; i < x.list->n; i++)
        if (ig_datum_equal(x.list->v[i], item)) return true;
    return false;
}

/* ---- numbers ---- */

static ig_datum no_such(ig_render *r, ingot_str sign, ig_datum a, ig_datum b, size_t at)
{
    const ig_datum u = a.kind == IG_UNDEFINED ? a : b;
    if (u.kind == IG_UNDEFINED)
        return ig_render_fail(r, INGOT_E_DATA, at, "`%.*s` is undefined, in `%.*s`",
                              (int)IG_MIN(u.text.n, (size_t)60), u.text.p, (int)sign.n, sign.p);
    return ig_render_fail(r, INGOT_E_DATA, at, "`%.*s` between %s and %s", (int)sign.n, sign.p,
                          ig_datum_kind_name(a), ig_datum_kind_name(b));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static bool whole(int64_t *out, char sign, bool twice, int64_t x, int64_t y)
{
    switch (sign) {
    case '+':
        return ig_add_ok(x, y, out);
    case '-':
        return ig_sub_ok(x, y, out);
    case '/':
        if (y == -1) return ig_sub_ok((int64_t)0, x, out);
        *out = floor_div(x, y);
        return true;
    case '%':
        *out = y == -1 ? 0 : x - floor_div(x, y) * y;
        return true;
    default:
        break;
    }
    if (!twice) return ig_mul_ok(x, y, out);
    *out = 1;
    if (x >= -1 && x <= 1) y = x ? y & 1 : y != 0; /* the same power, but of -1: odd or even */
    for (int64_t i = 0; i < y; i++)
        if (!ig_mul_ok(*out, x, out)) return false;
    return true;
}

static ig_datum arithmetic(ig_render *r, ingot_str sign, ig_datum a, ig_datum b, size_t at)
{
    const bool twice = sign.n == 2;
    const bool divides = *sign.p == '/' || *sign.p == '%';
    const bool real = a.kind == IG_REAL || b.kind == IG_REAL || (*sign.p == '/' && !twice) ||
                      (*sign.p == '*' && twice && ig_as_real(b) < 0);
    const double x = ig_as_real(a), y = ig_as_real(b);
    int64_t i;
    if (divides && y == 0) return ig_render_fail(r, INGOT_E_DATA, at, "a division by zero");
    if (!real) {
        if (whole(&i, *sign.p, twice, ig_as_int(a), ig_as_int(b))) return ig_int(i);
        return ig_render_fail(r, INGOT_E_DATA, at, "the result of `%.*s` takes more than 64 bits",
                              (int)sign.n, sign.p);
    }
    switch (*sign.p) {
    case '+':
        return ig_real(x + y);
    case '-':
        return ig_real(x - y);
    case '*':
        return ig_real(twice ? pow(x, y) : x * y);
    case '/':
        return ig_real(twice ? floor(x / y) : x / y);
    default:
        return ig_real(x - floor(x / y) * y);
    }
}

/* ---- texts and lists ---- */

static ig_datum joined(ig_render *r, ig_datum a, ig_datum b)
{
    ig_bytes out;
    ig_bytes_init(&out, r->heap);
    ig_datum_print(&out, a);
    ig_datum_print(&out, b);
    return ig_take_text(r, &out);
}

static ig_datum lists_joined(ig_render *r, ig_datum a, ig_datum b)
{
    ig_list *l = ig_list_new(&r->arena);
    bool ok = l != NULL;
    for (size_t i = 0; i < a.list->n && ok; i++) ok = ig_list_add(&r->arena, l, a.list->v[i]);
    for (size_t i = 0; i < b.list->n && ok; i++) ok = ig_list_add(&r->arena, l, b.list->v[i]);
    return ok ? (ig_datum){.kind = a.kind, .list = l} : ig_render_no_memory(r);
}

static ig_datum repeated(ig_render *r, ig_datum x, int64_t times, size_t at)
{
    const size_t each = x.kind == IG_TEXT ? x.text.n : x.list->n;
    size_t n = 0;
    ig_bytes out;
    if (times < 0) times = 0;
    if (!ig_mul_ok(each, (size_t)times, &n) || !ig_render_step(r, n / 16 + 1, at))
        return ig_render_fail(r, INGOT_E_FULL, at, "a repetition that is too long");
    if (!each) times = 0;
    if (x.kind == IG_TEXT) {
        ig_bytes_init(&out, r->heap);
        for (int64_t i = 0; i < times; i++) ig_put(&out, x.text.p, x.text.n);
        return ig_take_text(r, &out);
    }
    ig_list *l = ig_list_new(&r->arena);
    bool ok = l != NULL;
    for (int64_t k = 0; k < times; k++)
        for (size_t i = 0; i < each && ok; i++) ok = ig_list_add(&r->arena, l, x.list->v[i]);
    return ok ? (ig_datum){.kind = x.kind, .list = l} : ig_render_no_memory(r);
}

ig_datum ig_binary(ig_render *r, ingot_str sign, ig_datum a, ig_datum b, size_t at)
{
    const bool whole_a = a.kind == IG_INT || a.kind == IG_BOOL;
    const bool whole_b = b.kind == IG_INT || b.kind == IG_BOOL;
    if (*sign.p == '~') return joined(r, a, b);
    if (ig_is_numeric(a) && ig_is_numeric(b)) return arithmetic(r, sign, a, b, at);
    if (*sign.p == '+' && a.kind == IG_TEXT && b.kind == IG_TEXT) return joined(r, a, b);
    if (*sign.p == '+' && ig_is_list(a) && a.kind == b.kind) return lists_joined(r, a, b);
    if (*sign.p == '*' && sign.n == 1) {
        if ((a.kind == IG_TEXT || ig_is_list(a)) && whole_b)
            return repeated(r, a, ig_as_int(b), at);
        if ((b.kind == IG_TEXT || ig_is_list(b)) && whole_a)
            return repeated(r, b, ig_as_int(a), at);
    }
    if (*sign.p == '%' && a.kind == IG_TEXT)
        return b.kind == IG_TUPLE ? ig_format(r, a.text, b.list->v, b.list->n, at)
                                  : ig_format(r, a.text, &b, 1, at);
    return no_such(r, sign, a, b, at);
}
