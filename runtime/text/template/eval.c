/* eval.c - expressions. */
#include "runtime/text/template/chat_template.h"
#include "runtime/text/template/render.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { DATA_DEPTH_MOST = 128, DATA_WEIGHT_MOST = 4 << 20 };

ig_datum ig_render_fail(ig_render *r, ingot_status status, size_t at, const char *format, ...)
{
    char text[360];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ig_fault_at(&r->fault, status, at, "%s", text);
    return ig_undefined((ingot_str){"", 0});
}

ig_datum ig_render_no_memory(ig_render *r)
{
    if (!r->fault.status && *r->over)
        r->fault.status = ig_fail(r->fault.err, INGOT_E_FULL,
                                  "chat template: it takes too much memory (more than %d MiB)",
                                  IG_TEMPLATE_MEMORY_MOST >> 20);
    else if (!r->fault.status)
        r->fault.status = ig_fail(r->fault.err, INGOT_E_NOMEM, "chat template: no memory");
    return ig_undefined((ingot_str){"", 0});
}

/* ---- names ---- */

void ig_scope_set(ig_render *r, ig_scope *s, ingot_str name, ig_datum value)
{
    for (ig_binding *b = s->first; b; b = b->next)
        if (ig_str_equal(b->name, name)) {
            b->value = value;
            return;
        }
    ig_binding *b = ig_new(&r->arena, ig_binding);
    if (!b) {
        ig_render_no_memory(r);
        return;
    }
    *b = (ig_binding){name, value, s->first};
    s->first = b;
}

static ig_datum lookup(ig_render *r, ingot_str name)
{
    ig_datum d;
    for (const ig_scope *s = r->scope; s; s = s->outer)
        for (const ig_binding *b = s->first; b; b = b->next)
            if (ig_str_equal(b->name, name)) return b->value;
    return ig_function_named(&d, name) ? d : ig_undefined(name);
}

/* ---- members ---- */

static ig_datum bind_method(ig_render *r, ig_datum self, ingot_str name)
{
    ig_method *m = ig_new(&r->arena, ig_method);
    if (!m) return ig_render_no_memory(r);
    *m = (ig_method){self, name};
    return (ig_datum){.kind = IG_METHOD, .method = m};
}

static ig_datum loop_member(ig_render *r, const ig_loop *l, ingot_str name)
{
    const int64_t i = (int64_t)l->i, n = (int64_t)l->n;
    if (ig_str_is(name, "index")) return ig_int(i + 1);
    if (ig_str_is(name, "index0")) return ig_int(i);
    if (ig_str_is(name, "first")) return ig_bool(i == 0);
    if (ig_str_is(name, "last")) return ig_bool(i == n - 1);
    if (ig_str_is(name, "length")) return ig_int(n);
    if (ig_str_is(name, "revindex")) return ig_int(n - i);
    if (ig_str_is(name, "revindex0")) return ig_int(n - i - 1);
    if (ig_str_is(name, "depth")) return ig_int(1); /* of recursion */
    if (ig_str_is(name, "depth0")) return ig_int(0);
    if (ig_str_is(name, "previtem")) return i ? l->items[i - 1] : ig_undefined(name);
    if (ig_str_is(name, "nextitem")) return i + 1 < n ? l->items[i + 1] : ig_undefined(name);
    if (ig_str_is(name, "cycle"))
        return bind_method(r, (ig_datum){.kind = IG_LOOP, .loop = (ig_loop *)(uintptr_t)l}, name);
    return ig_undefined(name);
}

ig_datum ig_member(ig_render *r, ig_datum x, ingot_str name, size_t at)
{
    const ig_datum *d;
    if (x.kind == IG_UNDEFINED)
        return ig_render_fail(r, INGOT_E_DATA, at, "`%.*s` is undefined, so it has no `%.*s`",
                              (int)IG_MIN(x.text.n, (size_t)60), x.text.p,
                              (int)IG_MIN(name.n, (size_t)60), name.p);
    if (x.kind == IG_LOOP) return loop_member(r, x.loop, name);
    if (x.kind != IG_NAMESPACE && ig_is_method(x, name)) return bind_method(r, x, name);
    if (ig_is_dict(x) && (d = ig_dict_get(x.dict, name))) return *d;
    return ig_undefined(name);
}

static ig_datum nth(ig_render *r, ig_datum x, int64_t i)
{
    const int64_t n = x.kind == IG_TEXT ? (int64_t)ig_text_length(x.text) : (int64_t)x.list->n;
    (void)r;
    if (i < 0) i += n;
    if (i < 0 || i >= n) return ig_undefined((ingot_str){"an index past the end", 21});
    if (x.kind != IG_TEXT) return x.list->v[i];
    const size_t from = ig_text_at(x.text, (size_t)i);
    const ingot_str rest = {x.text.p + from, x.text.n - from};
    return ig_text(rest.p, ig_text_at(rest, 1));
}

ig_datum ig_item(ig_render *r, ig_datum x, ig_datum key, size_t at)
{
    const ig_datum *d;
    const bool sequence = x.kind == IG_TEXT || ig_is_list(x);
    if (sequence && (key.kind == IG_INT || key.kind == IG_BOOL)) {
        ig_render_step(r, x.kind == IG_TEXT ? x.text.n / 16 : 0, at);
        return nth(r, x, ig_as_int(key));
    }
    if (x.kind == IG_DICT && (d = ig_dict_find(x.dict, key))) return *d;
    if (key.kind == IG_TEXT) return ig_member(r, x, key.text, at);
    if (x.kind == IG_UNDEFINED)
        return ig_render_fail(r, INGOT_E_DATA, at, "`%.*s` is undefined, so it has no items",
                              (int)IG_MIN(x.text.n, (size_t)60), x.text.p);
    return ig_undefined((ingot_str){"an item", 7});
}

/* ---- slices ---- */

static bool slice_part(ig_render *r, const ig_node *n, int64_t *out, bool *given)
{
    *given = false;
    if (!n) return true;
    const ig_datum d = ig_eval(r, n);
    if (d.kind == IG_NONE) return true;
    if (d.kind != IG_INT && d.kind != IG_BOOL) {
        ig_render_fail(r, INGOT_E_DATA, n->at, "a part of a slice is %s, no int",
                       ig_datum_kind_name(d));
        return false;
    }
    *given = true;
    *out = ig_as_int(d);
    return true;
}

static int64_t clamp(int64_t i, int64_t n, int64_t low, int64_t high)
{
    if (i < 0) i = i < -n ? -1 - n : i;
    if (i < 0) i += n;
    return i < low ? low : i > high ? high : i;
}

static ig_datum slice(ig_render *r, const ig_node *node)
{
    const ig_datum x = ig_eval(r, node->a);
    int64_t from = 0, until = 0, step = 1;
    bool has_from, has_until, has_step;
    if (r->fault.status) return x;
    if (x.kind != IG_TEXT && !ig_is_list(x))
        return ig_render_fail(r, INGOT_E_DATA, node->at, "%s has no slices", ig_datum_kind_name(x));
    if (!slice_part(r, node->items[0], &from, &has_from) ||
        !slice_part(r, node->items[1], &until, &has_until) ||
        !slice_part(r, node->items[2], &step, &has_step))
        return x;
    if (!step) return ig_render_fail(r, INGOT_E_DATA, node->at, "a slice with the step 0");
    const int64_t n = x.kind == IG_TEXT ? (int64_t)ig_text_length(x.text) : (int64_t)x.list->n;
    const bool up = step > 0;
    from = has_from ? clamp(from, n, up ? 0 : -1, up ? n : n - 1) : up ? 0 : n - 1;
    until = has_until ? clamp(until, n, up ? 0 : -1, up ? n : n - 1) : up ? n : -1;
    if (!ig_render_step(r, (size_t)n / 8 + 1, node->at)) return x;
    if (x.kind == IG_TEXT && step == 1) {
        if (from >= until) return ig_text("", 0);
        const size_t begin = ig_text_at(x.text, (size_t)from),
                     end = ig_text_at(x.text, (size_t)until);
        return ig_text(x.text.p + begin, end - begin);
    }
    ig_list *l = ig_list_new(&r->arena);
    const ig_list *all = ig_items(r, x, node->at);
    for (int64_t i = from; l && all && (up ? i < until : i > until);) {
        if (!ig_list_add(&r->arena, l, all->v[i])) return ig_render_no_memory(r);
        if (!ig_add_ok(i, step, &i)) break;
    }
    if (!l || !all) return ig_render_no_memory(r);
    if (x.kind != IG_TEXT) return (ig_datum){.kind = x.kind, .list = l};
    ig_bytes b;
    ig_bytes_init(&b, r->heap);
    for (size_t i = 0; i < l->n; i++) ig_put(&b, l->v[i].text.p, l->v[i].text.n);
    return ig_take_text(r, &b);
}

/* ---- calls ---- */

static bool arguments(ig_render *r, const ig_node *n, ig_arguments *out, ig_datum **v,
                      ingot_str **names)
{
    *v = ig_new_n(&r->arena, ig_datum, n->n_items + 1);
    *names = ig_new_n(&r->arena, ingot_str, n->n_items + 1);
    if (!*v || !*names) {
        ig_render_no_memory(r);
        return false;
    }
    for (size_t i = 0; i < n->n_items; i++) {
        (*v)[i] = ig_eval(r, n->items[i]->a);
        (*names)[i] = n->items[i]->text;
        if (r->fault.status) return false;
    }
    *out = (ig_arguments){*v, *names, n->n_items, n->at, n->text};
    return true;
}

static ig_datum eval_call(ig_render *r, const ig_node *n)
{
    ig_arguments a;
    ig_datum *v;
    ingot_str *names;
    const ig_datum callee = ig_eval(r, n->a);
    if (r->fault.status || !arguments(r, n, &a, &v, &names)) return callee;
    a.callee = n->a->text;
    if (callee.kind == IG_UNDEFINED && n->a->kind == IG_NODE_MEMBER)
        return ig_render_fail(r, INGOT_E_UNSUPPORTED, n->a->at,
                              "the method `%.*s` is not understood here",
                              (int)IG_MIN(a.callee.n, (size_t)60), a.callee.p);
    return ig_call(r, callee, &a);
}

ig_datum ig_eval_filter(ig_render *r, const ig_node *n, ig_datum input)
{
    ig_arguments a;
    ig_datum *v;
    ingot_str *names;
    const ig_datum x =
        n->a ? n->a->kind == IG_NODE_FILTER ? ig_eval_filter(r, n->a, input) : ig_eval(r, n->a)
             : input;
    if (r->fault.status || !arguments(r, n, &a, &v, &names)) return x;
    return ig_filter(r, n->text, x, &a);
}

static ig_datum eval_test(ig_render *r, const ig_node *n)
{
    ig_arguments a;
    ig_datum *v;
    ingot_str *names;
    const ig_datum x = ig_eval(r, n->a);
    if (r->fault.status || !arguments(r, n, &a, &v, &names)) return x;
    return ig_bool(ig_test(r, n->text, x, &a) != n->negated);
}

/* ---- operators ---- */

static bool compare(ig_render *r, ingot_str sign, ig_datum a, ig_datum b, size_t at)
{
    int order = 0;
    if (!ig_render_step(r, IG_MIN(ig_datum_weight(a), ig_datum_weight(b)) / 8, at)) return false;
    if (ig_str_is(sign, "==")) return ig_datum_equal(a, b);
    if (ig_str_is(sign, "!=")) return !ig_datum_equal(a, b);
    if (ig_str_is(sign, "in")) return ig_contains(r, b, a, at);
    if (ig_str_is(sign, "not in")) return !ig_contains(r, b, a, at);
    if (!ig_datum_order(&order, a, b))
        ig_render_fail(r, INGOT_E_DATA, at, "`%.*s` between %s and %s", (int)sign.n, sign.p,
                       ig_datum_kind_name(a), ig_datum_kind_name(b));
    return *sign.p == '<' ? order < 0 || (sign.n == 2 && !order)
                          : order > 0 || (sign.n == 2 && !order);
}

static ig_datum eval_compare(ig_render *r, const ig_node *n)
{
    ig_datum a = ig_eval(r, n->a);
    for (size_t i = 0; i < n->n_items && !r->fault.status; i++) {
        const ig_datum b = ig_eval(r, n->items[i]->a);
        if (r->fault.status || !compare(r, n->items[i]->text, a, b, n->items[i]->at))
            return ig_bool(false);
        a = b;
    }
    return ig_bool(true);
}

static ig_datum eval_unary(ig_render *r, const ig_node *n)
{
    const ig_datum a = ig_eval(r, n->a);
    if (r->fault.status) return a;
    if (*n->text.p == 'n') return ig_bool(!ig_datum_true(a));
    if (!ig_is_numeric(a))
        return ig_render_fail(r, INGOT_E_DATA, n->at, "`%.*s` of %s", (int)n->text.n, n->text.p,
                              ig_datum_kind_name(a));
    if (*n->text.p == '+') return a;
    if (a.kind == IG_REAL) return ig_real(-a.f);
    return ig_int((int64_t)(0 - (uint64_t)ig_as_int(a)));
}

static ig_datum eval_binary(ig_render *r, const ig_node *n)
{
    const ig_datum a = ig_eval(r, n->a);
    if (r->fault.status) return a;
    if (ig_str_is(n->text, "and")) return ig_datum_true(a) ? ig_eval(r, n->b) : a;
    if (ig_str_is(n->text, "or")) return ig_datum_true(a) ? a : ig_eval(r, n->b);
    const ig_datum b = ig_eval(r, n->b);
    return r->fault.status ? b : ig_binary(r, n->text, a, b, n->at);
}

/* ---- the whole ---- */

ig_datum ig_render_bounded(ig_render *r, ig_datum d, size_t at)
{
    const size_t depth = ig_is_list(d) ? d.list->depth : d.dict->depth;
    if (depth > DATA_DEPTH_MOST || ig_datum_weight(d) > DATA_WEIGHT_MOST)
        return ig_render_fail(r, INGOT_E_FULL, at, "its values are nested too deeply or too often");
    return d;
}

static ig_datum eval_list(ig_render *r, const ig_node *n)
{
    ig_list *l = ig_list_new(&r->arena);
    for (size_t i = 0; i < n->n_items && l && !r->fault.status; i++)
        if (!ig_list_add(&r->arena, l, ig_eval(r, n->items[i]))) l = NULL;
    if (!l) return ig_render_no_memory(r);
    return ig_render_bounded(
        r, (ig_datum){.kind = n->kind == IG_NODE_TUPLE ? IG_TUPLE : IG_LIST, .list = l}, n->at);
}

static ig_datum eval_dict(ig_render *r, const ig_node *n)
{
    ig_dict *d = ig_dict_new(&r->arena);
    for (size_t i = 0; i + 1 < n->n_items && d && !r->fault.status; i += 2) {
        const ig_datum key = ig_eval(r, n->items[i]), value = ig_eval(r, n->items[i + 1]);
        if (!ig_dict_set(&r->arena, d, key, value)) d = NULL;
    }
    return d ? ig_render_bounded(r, (ig_datum){.kind = IG_DICT, .dict = d}, n->at)
             : ig_render_no_memory(r);
}

static ig_datum eval_choice(ig_render *r, const ig_node *n)
{
    const ig_datum b = ig_eval(r, n->b);
    if (r->fault.status) return b;
    if (ig_datum_true(b)) return ig_eval(r, n->a);
    return n->c ? ig_eval(r, n->c) : ig_undefined((ingot_str){"an if without else", 18});
}

static ig_datum eval_item(ig_render *r, const ig_node *n)
{
    const ig_datum x = ig_eval(r, n->a);
    if (r->fault.status) return x;
    const ig_datum key = ig_eval(r, n->b);
    return r->fault.status ? key : ig_item(r, x, key, n->at);
}

static ig_datum eval_member(ig_render *r, const ig_node *n)
{
    const ig_datum x = ig_eval(r, n->a);
    return r->fault.status ? x : ig_member(r, x, n->text, n->at);
}

static ig_datum eval(ig_render *r, const ig_node *n)
{
    switch (n->kind) {
    case IG_NODE_VALUE:
        return n->value;
    case IG_NODE_NAME:
        return lookup(r, n->text);
    case IG_NODE_LIST:
    case IG_NODE_TUPLE:
        return eval_list(r, n);
    case IG_NODE_DICT:
        return eval_dict(r, n);
    case IG_NODE_MEMBER:
        return eval_member(r, n);
    case IG_NODE_INDEX:
        return eval_item(r, n);
    case IG_NODE_SLICE:
        return slice(r, n);
    case IG_NODE_CALL:
        return eval_call(r, n);
    case IG_NODE_FILTER:
        return ig_eval_filter(r, n, ig_none());
    case IG_NODE_TEST:
        return eval_test(r, n);
    case IG_NODE_UNARY:
        return eval_unary(r, n);
    case IG_NODE_BINARY:
        return eval_binary(r, n);
    case IG_NODE_COMPARE:
        return eval_compare(r, n);
    case IG_NODE_CHOICE:
        return eval_choice(r, n);
    default:
        return ig_none();
    }
}

bool ig_render_step(ig_render *r, size_t n, size_t at)
{
    r->steps += n;
    if (r->steps > IG_TEMPLATE_STEPS_MOST)
        ig_render_fail(r, INGOT_E_FULL, at, "it takes too long (more than %d steps)",
                       IG_TEMPLATE_STEPS_MOST);
    return !r->fault.status;
}

ig_datum ig_eval(ig_render *r, const ig_node *n)
{
    if (!ig_render_step(r, 1, n->at)) return ig_none();
    if (++r->depth > 4 * IG_TEMPLATE_DEPTH_MOST)
        ig_render_fail(r, INGOT_E_FULL, n->at, "calls are nested too deeply");
    const ig_datum d = r->fault.status ? ig_none() : eval(r, n);
    r->depth--;
    return d;
}
