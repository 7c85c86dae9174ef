/* test.c - tests (`is ...`), and what finds a filter by its name. */
#include "runtime/text/template/render.h"

static ig_datum by_default(ig_datum x, const ig_arguments *a)
{
    const ig_datum *other = ig_arguments_find(a, 0, "default_value");
    const bool falsy = ig_arguments_true(a, 1, "boolean", false);
    if (x.kind != IG_UNDEFINED && !(falsy && !ig_datum_true(x))) return x;
    return other ? *other : ig_text("", 0);
}

ig_datum ig_filter(ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a)
{
    ig_datum out = ig_none();
    if (!ig_render_step(r, 1, a->at)) return out;
    if (ig_str_is(name, "default") || ig_str_is(name, "d")) return by_default(x, a);
    if (ig_str_is(name, "attr"))
        return ig_member(r, x, ig_arguments_text(r, a, 0, "name", NULL), a->at);
    if (ig_filter_text(&out, r, name, x, a) || ig_filter_list(&out, r, name, x, a)) return out;
    return ig_render_fail(r, INGOT_E_UNSUPPORTED, a->at, "the filter `%.*s` is not understood",
                          (int)IG_MIN(name.n, (size_t)60), name.p);
}

/* ---- tests ---- */

static bool of_kind(bool *yes, ingot_str name, ig_datum x)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } table[] = {
        {"undefined", 1u << IG_UNDEFINED},
        {"none", 1u << IG_NONE},
        {"string", 1u << IG_TEXT},
        {"mapping", 1u << IG_DICT},
        {"iterable",
         1u << IG_TEXT | 1u << IG_LIST | 1u << IG_TUPLE | 1u << IG_DICT | 1u << IG_UNDEFINED},
        {"sequence",
         1u << IG_TEXT | 1u << IG_LIST | 1u << IG_TUPLE | 1u << IG_DICT | 1u << IG_UNDEFINED},
        {"number", 1u << IG_INT | 1u << IG_REAL | 1u << IG_BOOL},
        {"integer", 1u << IG_INT},
        {"float", 1u << IG_REAL},
        {"boolean", 1u << IG_BOOL},
        {"callable", 1u << IG_MACRO | 1u << IG_FUNCTION | 1u << IG_METHOD},
    };
    for (size_t i = 0; i < IG_LEN(table); i++)
        if (ig_str_is(name, table[i].name)) {
            *yes = table[i].kinds >> x.kind & 1;
            return true;
        }
    return false;
}

/* Tests with an argument that compare; "" as the sign: none of them. */
static const char *sign_of(ingot_str name)
{
    static const char *const table[][2] = {
        {"eq", "=="},         {"equalto", "=="}, {"==", "=="}, {"ne", "!="},      {"gt", ">"},
        {"greaterthan", ">"}, {"ge", ">="},      {"lt", "<"},  {"lessthan", "<"}, {"le", "<="},
    };
    for (size_t i = 0; i < IG_LEN(table); i++)
        if (ig_str_is(name, table[i][0])) return table[i][1];
    return NULL;
}

static bool compares(ig_render *r, const char *sign, ig_datum x, ig_datum y, size_t at)
{
    int order = 0;
    if (sign[0] == '=' || sign[0] == '!') return ig_datum_equal(x, y) == (sign[0] == '=');
    if (!ig_datum_order(&order, x, y))
        ig_render_fail(r, INGOT_E_DATA, at, "`%s` between %s and %s", sign, ig_datum_kind_name(x),
                       ig_datum_kind_name(y));
    return sign[0] == '<' ? order < 0 || (sign[1] && !order) : order > 0 || (sign[1] && !order);
}

static bool divides(ig_render *r, ig_datum x, ig_datum by, size_t at)
{
    const ig_datum rest = ig_binary(r, (ingot_str){"%", 1}, x, by, at);
    return !r->fault.status && ig_is_numeric(rest) && ig_as_real(rest) == 0;
}

static bool identical(ig_datum a, ig_datum b)
{
    return a.kind == b.kind &&
           (a.kind == IG_LIST || ig_is_dict(a) ? a.list == b.list : ig_datum_equal(a, b));
}

static bool of_case(ig_render *r, ingot_str name, ig_datum x)
{
    const ig_method m = {ig_text("", 0), ig_str_is(name, "upper") ? (ingot_str){"isupper", 7}
                                                                  : (ingot_str){"islower", 7}};
    ig_method with = m;
    const ingot_str s = ig_as_text(r, x);
    with.self = ig_text(s.p, s.n);
    return ig_datum_true(ig_call_text_method(r, &with, &(ig_arguments){0}));
}

bool ig_test(ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a)
{
    bool yes = false;
    const ig_datum *y = ig_arguments_find(a, 0, NULL);
    const char *sign = sign_of(name);
    if (!ig_render_step(r, 1, a->at)) return false;
    if (ig_str_is(name, "defined")) return x.kind != IG_UNDEFINED;
    if (of_kind(&yes, name, x)) return yes;
    if (ig_str_is(name, "true")) return x.kind == IG_BOOL && x.b;
    if (ig_str_is(name, "false")) return x.kind == IG_BOOL && !x.b;
    if (ig_str_is(name, "odd")) return !divides(r, x, ig_int(2), a->at);
    if (ig_str_is(name, "even")) return divides(r, x, ig_int(2), a->at);
    if (ig_str_is(name, "upper") || ig_str_is(name, "lower")) return of_case(r, name, x);
    const bool known = sign || ig_str_is(name, "in") || ig_str_is(name, "divisibleby") ||
                       ig_str_is(name, "sameas");
    if (!known)
        ig_render_fail(r, INGOT_E_UNSUPPORTED, a->at, "the test `%.*s` is not understood",
                       (int)IG_MIN(name.n, (size_t)60), name.p);
    else if (!y)
        ig_render_fail(r, INGOT_E_DATA, a->at, "the test `%.*s` needs a value", (int)name.n,
                       name.p);
    else if (sign)
        return compares(r, sign, x, *y, a->at);
    else if (*name.p == 'i')
        return ig_contains(r, *y, x, a->at);
    else
        return *name.p == 'd' ? divides(r, x, *y, a->at) : identical(x, *y);
    return false;
}
