/* call.c - arguments, the functions of the environment, and methods of values. */
#include "runtime/text/template/render.h"

#include <time.h>

/* ---- arguments ---- */

const ig_datum *ig_arguments_find(const ig_arguments *a, size_t place, const char *name)
{
    if (place < a->n && !a->names[place].n) return &a->v[place];
    for (size_t i = 0; i < a->n && name; i++)
        if (a->names[i].n && ig_str_is(a->names[i], name)) return &a->v[i];
    return NULL;
}

int64_t ig_arguments_int(ig_render *r, const ig_arguments *a, size_t place, const char *name,
                         int64_t other)
{
    const ig_datum *d = ig_arguments_find(a, place, name);
    if (!d || d->kind == IG_NONE) return other;
    if (d->kind == IG_INT || d->kind == IG_BOOL) return ig_as_int(*d);
    ig_render_fail(r, INGOT_E_DATA, a->at, "`%.*s`: argument %zu is %s, no int", (int)a->callee.n,
                   a->callee.p, place + 1, ig_datum_kind_name(*d));
    return other;
}

ingot_str ig_arguments_text(ig_render *r, const ig_arguments *a, size_t place, const char *name,
                            const char *other)
{
    const ig_datum *d = ig_arguments_find(a, place, name);
    if (d && d->kind == IG_TEXT) return d->text;
    if (!d && other) return (ingot_str){other, strlen(other)};
    ig_render_fail(r, INGOT_E_DATA, a->at, "`%.*s`: argument %zu is %s, no str", (int)a->callee.n,
                   a->callee.p, place + 1, d ? ig_datum_kind_name(*d) : "missing");
    return (ingot_str){"", 0};
}

bool ig_arguments_true(const ig_arguments *a, size_t place, const char *name, bool other)
{
    const ig_datum *d = ig_arguments_find(a, place, name);
    return d ? ig_datum_true(*d) : other;
}

/* ---- functions ---- */

enum { RANGE, NAMESPACE, DICT, RAISE, STRFTIME };

static const char *const functions[] = {"range", "namespace", "dict", "raise_exception",
                                        "strftime_now"};

bool ig_function_named(ig_datum *out, ingot_str name)
{
    for (size_t i = 0; i < IG_LEN(functions); i++)
        if (ig_str_is(name, functions[i])) {
            *out = (ig_datum){.kind = IG_FUNCTION, .i = (int64_t)i};
            return true;
        }
    return false;
}

static ig_datum range(ig_render *r, const ig_arguments *a)
{
    enum { MOST = 100000 }; /* as Jinja's sandbox */
    int64_t from = 0, until = ig_arguments_int(r, a, 0, NULL, 0);
    if (a->n > 1) {
        from = until;
        until = ig_arguments_int(r, a, 1, NULL, 0);
    }
    const int64_t step = ig_arguments_int(r, a, 2, NULL, 1);
    ig_list *l = ig_list_new(&r->arena);
    bool ok = l != NULL;
    if (!a->n || !step)
        return ig_render_fail(r, INGOT_E_DATA, a->at, "range() of nothing, or with the step 0");
    for (int64_t i = from; ok && !r->fault.status && (step > 0 ? i < until : i > until);) {
        if (l->n == MOST)
            return ig_render_fail(r, INGOT_E_FULL, a->at, "a range of more than %d numbers", MOST);
        ok = ig_list_add(&r->arena, l, ig_int(i));
        if (!ig_add_ok(i, step, &i)) break;
    }
    return ok ? ig_list_of(l) : ig_render_no_memory(r);
}

/* namespace(a=1), dict(a=1), and either of them with a dict before. */
static ig_datum new_dict(ig_render *r, const ig_arguments *a, ig_datum_kind kind)
{
    ig_dict *d = ig_dict_new(&r->arena);
    bool ok = d != NULL;
    for (size_t i = 0; i < a->n && ok; i++) {
        if (a->names[i].n) {
            ok = ig_dict_set(&r->arena, d, ig_text(a->names[i].p, a->names[i].n), a->v[i]);
            continue;
        }
        if (!ig_is_dict(a->v[i]))
            return ig_render_fail(r, INGOT_E_DATA, a->at, "%s() of %s",
                                  kind == IG_DICT ? "dict" : "namespace",
                                  ig_datum_kind_name(a->v[i]));
        const ig_dict *from = a->v[i].dict;
        for (size_t k = 0; k < from->n && ok; k++)
            ok = ig_dict_set(&r->arena, d, from->v[k].key, from->v[k].value);
    }
    return ok ? ig_render_bounded(r, (ig_datum){.kind = kind, .dict = d}, a->at)
              : ig_render_no_memory(r);
}

static ig_datum strftime_now(ig_render *r, const ig_arguments *a)
{
    char format[200], text[400];
    struct tm tm;
    const ingot_str s = ig_arguments_text(r, a, 0, "format", NULL);
    const time_t now = r->now ? (time_t)r->now : time(NULL);
    if (r->fault.status) return ig_none();
    if (s.n >= sizeof format)
        return ig_render_fail(r, INGOT_E_FULL, a->at, "strftime_now() of %zu bytes", s.n);
    memcpy(format, s.p, s.n);
    format[s.n] = 0;
    if (!(r->now ? gmtime_r(&now, &tm) : localtime_r(&now, &tm))) memset(&tm, 0, sizeof tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const size_t n = strftime(text, sizeof text, format, &tm);
#pragma GCC diagnostic pop
    char *copy = ig_arena_copy(&r->arena, text, n + !n);
    return copy ? ig_text(copy, n) : ig_render_no_memory(r);
}

ig_datum ig_call_function(ig_render *r, int64_t which, const ig_arguments *a)
{
    switch (which) {
    case RANGE:
        return range(r, a);
    case NAMESPACE:
        return new_dict(r, a, IG_NAMESPACE);
    case DICT:
        return new_dict(r, a, IG_DICT);
    case STRFTIME:
        return strftime_now(r, a);
    default:
        break;
    }
    const ig_datum *message = ig_arguments_find(a, 0, "message");
    const ingot_str s = message ? ig_as_text(r, *message) : (ingot_str){"", 0};
    return ig_render_fail(r, INGOT_E_DATA, a->at, "the template says: %.*s",
                          (int)IG_MIN(s.n, (size_t)250), s.p);
}

ig_datum ig_call(ig_render *r, ig_datum callee, const ig_arguments *a)
{
    switch (callee.kind) {
    case IG_MACRO:
        return ig_call_macro(r, callee.macro, a, NULL);
    case IG_FUNCTION:
        return ig_call_function(r, callee.i, a);
    case IG_METHOD:
        return ig_call_method(r, callee.method, a);
    case IG_UNDEFINED:
        return ig_render_fail(r, INGOT_E_DATA, a->at, "`%.*s` is undefined, so it cannot be called",
                              (int)IG_MIN(callee.text.n, (size_t)60), callee.text.p);
    default:
        return ig_render_fail(r, INGOT_E_DATA, a->at, "%s cannot be called",
                              ig_datum_kind_name(callee));
    }
}

/* ---- methods ---- */

static const char *const text_methods[] = {
    "split",   "rsplit",  "strip",   "lstrip",     "rstrip",       "startswith",   "endswith",
    "upper",   "lower",   "title",   "replace",    "find",         "rfind",        "index",
    "count",   "join",    "format",  "splitlines", "capitalize",   "isdigit",      "isalpha",
    "isspace", "isupper", "islower", "isalnum",    "removeprefix", "removesuffix", NULL};
static const char *const list_methods[] = {"index", "count", NULL};
static const char *const dict_methods[] = {"items", "keys", "values", "get", "copy", NULL};

bool ig_is_method(ig_datum self, ingot_str name)
{
    const char *const *names = self.kind == IG_TEXT   ? text_methods
                               : ig_is_list(self)     ? list_methods
                               : self.kind == IG_DICT ? dict_methods
                                                      : NULL;
    for (; names && *names; names++)
        if (ig_str_is(name, *names)) return true;
    return false;
}

static ig_datum dict_view(ig_render *r, const ig_dict *d, char which)
{
    ig_list *l = ig_list_new(&r->arena);
    bool ok = l != NULL;
    for (size_t i = 0; i < d->n && ok; i++) {
        ig_datum item = which == 'k' ? d->v[i].key : d->v[i].value;
        if (which == 'i') {
            ig_list *pair = ig_list_new(&r->arena);
            ok = pair && ig_list_add(&r->arena, pair, d->v[i].key) &&
                 ig_list_add(&r->arena, pair, d->v[i].value);
            item = (ig_datum){.kind = IG_TUPLE, .list = pair};
        }
        ok = ok && ig_list_add(&r->arena, l, item);
    }
    return ok ? ig_list_of(l) : ig_render_no_memory(r);
}

static ig_datum dict_method(ig_render *r, const ig_method *m, const ig_arguments *a)
{
    const ig_dict *d = m->self.dict;
    if (ig_str_is(m->name, "copy")) return m->self;
    if (!ig_str_is(m->name, "get")) return dict_view(r, d, *m->name.p);
    const ig_datum *key = ig_arguments_find(a, 0, NULL),
                   *other = ig_arguments_find(a, 1, "default");
    if (!key) return ig_render_fail(r, INGOT_E_DATA, a->at, "get() without a key");
    const ig_datum *found = ig_dict_find(d, *key);
    return found ? *found : other ? *other : ig_none();
}

static ig_datum list_method(ig_render *r, const ig_method *m, const ig_arguments *a)
{
    const ig_datum *x = ig_arguments_find(a, 0, NULL);
    int64_t n = 0;
    if (!x)
        return ig_render_fail(r, INGOT_E_DATA, a->at, "`%.*s` needs a value", (int)m->name.n,
                              m->name.p);
    for (size_t i = 0; i < m->self.list->n; i++) {
        if (!ig_datum_equal(m->self.list->v[i], *x)) continue;
        if (ig_str_is(m->name, "index")) return ig_int((int64_t)i);
        n++;
    }
    if (ig_str_is(m->name, "count")) return ig_int(n);
    return ig_render_fail(r, INGOT_E_DATA, a->at, "index(): the list has no such item");
}

static ig_datum loop_cycle(ig_render *r, const ig_loop *l, const ig_arguments *a)
{
    if (!a->n) return ig_render_fail(r, INGOT_E_DATA, a->at, "cycle() of nothing");
    return a->v[l->i % a->n];
}

ig_datum ig_call_method(ig_render *r, const ig_method *m, const ig_arguments *a)
{
    if (m->self.kind == IG_TEXT) return ig_call_text_method(r, m, a);
    if (m->self.kind == IG_LOOP) return loop_cycle(r, m->self.loop, a);
    return m->self.kind == IG_DICT ? dict_method(r, m, a) : list_method(r, m, a);
}
