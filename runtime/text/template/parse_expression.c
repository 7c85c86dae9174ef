/* parse_expression.c - expressions, by recursive descent in Jinja's order of precedence:
 *
 *     a if b else c · or · and · not · comparisons, in · + - · ~ · * / // % · ** · - + · . [] () |
 * is */
#include "runtime/text/template/syntax.h"

#include <errno.h>
#include <stdlib.h>

static const ig_node nothing = {.kind = IG_NODE_VALUE};

static const ig_node *or_expression(ig_parser *p);
static const ig_node *unary(ig_parser *p, bool filters);

static bool deeper(ig_parser *p)
{
    if (++p->depth > IG_TEMPLATE_DEPTH_MOST)
        ig_fault_at(p->fault, INGOT_E_FULL, p->t->at, "expressions are nested too deeply");
    return !p->fault->status;
}

static const ig_node *binary(ig_parser *p, ig_token sign, const ig_node *a, const ig_node *b)
{
    ig_node *n = ig_parse_node(p, IG_NODE_BINARY);
    n->at = sign.at;
    n->text = sign.text;
    n->a = a;
    n->b = b;
    return n;
}

/* ---- literals ---- */

static const ig_node *literal(ig_parser *p, ig_datum value)
{
    ig_node *n = ig_parse_node(p, IG_NODE_VALUE);
    n->value = value;
    return n;
}

static const ig_node *number(ig_parser *p)
{
    char text[64];
    size_t n = 0;
    const ingot_str s = p->t->text;
    for (size_t i = 0; i < s.n && n < sizeof text - 1; i++)
        if (s.p[i] != '_') text[n++] = s.p[i];
    text[n] = 0;
    if (n == sizeof text - 1) ig_parse_wrong(p, "a number that is too long");
    errno = 0;
    const ig_datum d =
        strpbrk(text, ".eE") ? ig_real(strtod(text, NULL)) : ig_int(strtoll(text, NULL, 10));
    if (errno) ig_parse_wrong(p, "a number that is too large");
    const ig_node *v = literal(p, d);
    p->t++;
    return v;
}

/* Strings in a row are one. */
static const ig_node *string(ig_parser *p)
{
    ig_node *v = ig_parse_node(p, IG_NODE_VALUE);
    ingot_str whole = p->t->text;
    for (p->t++; p->t->kind == IG_TOKEN_STRING && !p->fault->status; p->t++) {
        char *text = ig_arena_take(p->arena, whole.n + p->t->text.n + 1);
        if (!text) {
            ig_fault_at(p->fault, INGOT_E_NOMEM, 0, "no memory for its tree");
            return v;
        }
        memcpy(text, whole.p, whole.n);
        memcpy(text + whole.n, p->t->text.p, p->t->text.n);
        whole = (ingot_str){text, whole.n + p->t->text.n};
    }
    v->value = ig_text(whole.p, whole.n);
    return v;
}

static const ig_node *name(ig_parser *p)
{
    static const struct {
        const char *name;
        ig_datum value;
    } constants[] = {{"true", {IG_BOOL, {.b = true}}},   {"True", {IG_BOOL, {.b = true}}},
                     {"false", {IG_BOOL, {.b = false}}}, {"False", {IG_BOOL, {.b = false}}},
                     {"none", {IG_NONE, {.i = 0}}},      {"None", {IG_NONE, {.i = 0}}}};
    for (size_t i = 0; i < IG_LEN(constants); i++)
        if (ig_str_is(p->t->text, constants[i].name)) {
            const ig_node *v = literal(p, constants[i].value);
            p->t++;
            return v;
        }
    ig_node *n = ig_parse_node(p, IG_NODE_NAME);
    n->text = p->t++->text;
    return n;
}

/* Behind the opening bracket. */
static const ig_node *members(ig_parser *p, ig_node_kind kind, const char *close)
{
    ig_node *n = ig_parse_node(p, kind);
    size_t cap = 0;
    while (!ig_parse_take(p, close) && !p->fault->status) {
        if (n->n_items) {
            ig_parse_need(p, ",");
            if (ig_parse_take(p, close)) break;
        }
        ig_parse_add(p, n, &cap, ig_parse_expression(p));
        if (kind != IG_NODE_DICT) continue;
        ig_parse_need(p, ":");
        ig_parse_add(p, n, &cap, ig_parse_expression(p));
    }
    return n;
}

/* Behind (: a tuple, or an expression in parentheses. */
static const ig_node *parentheses(ig_parser *p)
{
    if (ig_parse_take(p, ")")) return ig_parse_node(p, IG_NODE_TUPLE);
    const ig_node *n = ig_parse_tuple(p);
    ig_parse_need(p, ")");
    return n;
}

const ig_node *ig_parse_tuple(ig_parser *p)
{
    const ig_node *first = ig_parse_expression(p);
    if (!ig_parse_is(p, ",")) return first;
    ig_node *n = ig_parse_node(p, IG_NODE_TUPLE);
    size_t cap = 0;
    ig_parse_add(p, n, &cap, first);
    while (ig_parse_take(p, ",") && !p->fault->status) {
        if (p->t->kind == IG_TOKEN_CLOSE || ig_parse_is(p, ")") || ig_parse_is(p, "=")) break;
        ig_parse_add(p, n, &cap, ig_parse_expression(p));
    }
    return n;
}

static const ig_node *primary(ig_parser *p)
{
    if (p->t->kind == IG_TOKEN_NUMBER) return number(p);
    if (p->t->kind == IG_TOKEN_STRING) return string(p);
    if (p->t->kind == IG_TOKEN_NAME) return name(p);
    if (ig_parse_take(p, "(")) return parentheses(p);
    if (ig_parse_take(p, "[")) return members(p, IG_NODE_LIST, "]");
    if (ig_parse_take(p, "{")) return members(p, IG_NODE_DICT, "}");
    ig_parse_wrong(p, "expected a value");
    return &nothing;
}

/* ---- what stands behind a value ---- */

void ig_parse_arguments(ig_parser *p, ig_node *to)
{
    size_t cap = to->n_items;
    while (!ig_parse_take(p, ")") && !p->fault->status) {
        if (to->n_items) {
            ig_parse_need(p, ",");
            if (ig_parse_take(p, ")")) break;
        }
        ig_node *n = ig_parse_node(p, IG_NODE_ARGUMENT);
        if (ig_parse_is(p, "*") || ig_parse_is(p, "**"))
            ig_fault_at(p->fault, INGOT_E_UNSUPPORTED, p->t->at,
                        "unpacking arguments with `*` is not understood");
        if (p->t->kind == IG_TOKEN_NAME && p->t[1].kind == IG_TOKEN_SIGN &&
            ig_str_is(p->t[1].text, "=")) {
            n->text = p->t->text;
            p->t += 2;
        }
        n->a = ig_parse_expression(p);
        ig_parse_add(p, to, &cap, n);
    }
}

/* Behind [: an index, or up to three parts of a slice. */
static const ig_node *subscript(ig_parser *p, const ig_node *a)
{
    ig_node *n = ig_parse_node(p, IG_NODE_INDEX);
    const ig_node *parts[3] = {NULL};
    size_t k = 0, cap = 0;
    n->a = a;
    bool slice = false;
    while (!ig_parse_take(p, "]") && !p->fault->status) {
        if (ig_parse_take(p, ":")) {
            slice = true;
            if (++k > 2) ig_parse_wrong(p, "a slice has three parts");
        } else if (parts[k]) {
            ig_parse_need(p, "]");
            break;
        } else {
            parts[k] = slice ? ig_parse_expression(p) : ig_parse_tuple(p);
        }
    }
    if (!slice) {
        if (!parts[0]) ig_parse_wrong(p, "an index is missing");
        n->b = parts[0];
        return n;
    }
    n->kind = IG_NODE_SLICE;
    for (size_t i = 0; i < 3; i++) ig_parse_add(p, n, &cap, parts[i]);
    return n;
}

static const ig_node *member(ig_parser *p, const ig_node *a)
{
    ig_node *n = ig_parse_node(p, IG_NODE_MEMBER);
    n->a = a;
    n->text = p->t->text;
    if (p->t->kind == IG_TOKEN_NUMBER) {
        n->kind = IG_NODE_INDEX;
        n->b = number(p);
    } else if (p->t->kind != IG_TOKEN_NAME) {
        ig_parse_wrong(p, "expected a name behind the point");
    } else {
        p->t++;
    }
    return n;
}

static const ig_node *call(ig_parser *p, const ig_node *a)
{
    ig_node *n = ig_parse_node(p, IG_NODE_CALL);
    n->a = a;
    ig_parse_arguments(p, n);
    return n;
}

static const ig_node *postfix(ig_parser *p, const ig_node *a)
{
    while (!p->fault->status) {
        if (ig_parse_take(p, "."))
            a = member(p, a);
        else if (ig_parse_take(p, "["))
            a = subscript(p, a);
        else if (ig_parse_take(p, "("))
            a = call(p, a);
        else
            break;
    }
    return a;
}

/* Names of filters and tests may have points, as in Ansible's; templates of models have none. */
static ig_node *named(ig_parser *p, ig_node_kind kind, const ig_node *a)
{
    ig_node *n = ig_parse_node(p, kind);
    n->a = a;
    n->text = p->t->text;
    if (p->t->kind != IG_TOKEN_NAME)
        ig_parse_wrong(p, "expected a name");
    else
        p->t++;
    return n;
}

static const ig_node *filter(ig_parser *p, const ig_node *a)
{
    ig_node *n = named(p, IG_NODE_FILTER, a);
    if (ig_parse_take(p, "(")) ig_parse_arguments(p, n);
    return n;
}

const ig_node *ig_parse_filters(ig_parser *p, const ig_node *a)
{
    a = filter(p, a);
    while (ig_parse_take(p, "|") && !p->fault->status) a = filter(p, a);
    return a;
}

/* The one argument of a test may stand without parentheses: `is divisibleby 3`. */
static bool bare_argument(const ig_parser *p)
{
    static const char *const not_names[] = {"else", "or", "and", "is", "in", "not", "if"};
    if (p->t->kind == IG_TOKEN_STRING || p->t->kind == IG_TOKEN_NUMBER) return true;
    if (p->t->kind == IG_TOKEN_SIGN) return ig_parse_is(p, "[") || ig_parse_is(p, "{");
    for (size_t i = 0; i < IG_LEN(not_names); i++)
        if (ig_parse_is(p, not_names[i])) return false;
    return p->t->kind == IG_TOKEN_NAME;
}

static const ig_node *test(ig_parser *p, const ig_node *a)
{
    const bool negated = ig_parse_take(p, "not");
    ig_node *n = named(p, IG_NODE_TEST, a);
    size_t cap = 0;
    n->negated = negated;
    if (ig_parse_take(p, "(")) {
        ig_parse_arguments(p, n);
    } else if (bare_argument(p)) {
        ig_node *argument = ig_parse_node(p, IG_NODE_ARGUMENT);
        argument->a = postfix(p, primary(p));
        ig_parse_add(p, n, &cap, argument);
    }
    return n;
}

static const ig_node *behind(ig_parser *p, const ig_node *a)
{
    while (!p->fault->status) {
        if (ig_parse_take(p, "|"))
            a = filter(p, a);
        else if (ig_parse_take(p, "is"))
            a = test(p, a);
        else if (ig_parse_take(p, "("))
            a = call(p, a);
        else
            break;
    }
    return a;
}

/* ---- operators ---- */

static const ig_node *unary(ig_parser *p, bool filters)
{
    const ig_node *a;
    if (!deeper(p)) return &nothing;
    if (ig_parse_is(p, "-") || ig_parse_is(p, "+")) {
        ig_node *n = ig_parse_node(p, IG_NODE_UNARY);
        n->text = p->t++->text;
        n->a = unary(p, false);
        a = n;
    } else {
        a = primary(p);
    }
    a = postfix(p, a);
    if (filters) a = behind(p, a);
    p->depth--;
    return a;
}

static bool is_any(const ig_parser *p, const char *const *signs)
{
    for (; *signs; signs++)
        if (p->t->kind == IG_TOKEN_SIGN && ig_parse_is(p, *signs)) return true;
    return false;
}

static const ig_node *power(ig_parser *p)
{
    const ig_node *a = unary(p, true);
    while (ig_parse_is(p, "**") && !p->fault->status) {
        const ig_token sign = *p->t++;
        a = binary(p, sign, a, unary(p, true));
    }
    return a;
}

#define LEFT_BINARY(name, below, ...)                           \
    static const ig_node *name(ig_parser *p)                    \
    {                                                           \
        static const char *const signs[] = {__VA_ARGS__, NULL}; \
        const ig_node *a = below(p);                            \
        while (is_any(p, signs) && !p->fault->status) {         \
            const ig_token sign = *p->t++;                      \
            a = binary(p, sign, a, below(p));                   \
        }                                                       \
        return a;                                               \
    }

LEFT_BINARY(product, power, "*", "/", "//", "%")
LEFT_BINARY(joined, product, "~")
LEFT_BINARY(sum, joined, "+", "-")

static const ig_node *comparison(ig_parser *p)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    const ig_node *a = sum(p);
    ig_node *n = NULL;
    size_t cap = 0;
    while (!p->fault->status) {
        const ig_token *const first = p->t;
        ingot_str sign = first->text;
        if (is_any(p, signs) || ig_parse_is(p, "in")) {
            p->t++;
        } else if (ig_parse_is(p, "not") && p->t[1].kind == IG_TOKEN_NAME &&
                   ig_str_is(p->t[1].text, "in")) {
            sign = (ingot_str){"not in", 6};
            p->t += 2;
        } else {
            break;
        }
        ig_node *part = ig_parse_node(p, IG_NODE_ARGUMENT);
        part->text = sign;
        part->at = first->at;
        part->a = sum(p);
        if (!n) {
            n = ig_parse_node(p, IG_NODE_COMPARE);
            n->at = first->at;
            n->a = a;
        }
        ig_parse_add(p, n, &cap, part);
    }
    return n ? n : a;
}

static const ig_node *not_expression(ig_parser *p)
{
    if (!ig_parse_is(p, "not")) return comparison(p);
    if (!deeper(p)) return &nothing;
    ig_node *n = ig_parse_node(p, IG_NODE_UNARY);
    n->text = p->t++->text;
    n->a = not_expression(p);
    p->depth--;
    return n;
}

static const ig_node *and_expression(ig_parser *p)
{
    const ig_node *a = not_expression(p);
    while (ig_parse_is(p, "and") && !p->fault->status) {
        const ig_token sign = *p->t++;
        a = binary(p, sign, a, not_expression(p));
    }
    return a;
}

static const ig_node *or_expression(ig_parser *p)
{
    const ig_node *a = and_expression(p);
    while (ig_parse_is(p, "or") && !p->fault->status) {
        const ig_token sign = *p->t++;
        a = binary(p, sign, a, and_expression(p));
    }
    return a;
}

const ig_node *ig_parse_operand(ig_parser *p) { return or_expression(p); }

const ig_node *ig_parse_expression(ig_parser *p)
{
    if (!deeper(p)) return &nothing;
    const ig_node *a = or_expression(p);
    while (ig_parse_is(p, "if") && !p->fault->status) {
        ig_node *n = ig_parse_node(p, IG_NODE_CHOICE);
        p->t++;
        n->a = a;
        n->b = or_expression(p);
        if (ig_parse_take(p, "else")) n->c = ig_parse_expression(p);
        a = n;
    }
    p->depth--;
    return a;
}
