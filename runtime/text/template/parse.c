/* parse.c - statements. */
#include "runtime/text/template/syntax.h"

#include <ctype.h>
#include <stdio.h>

ig_node *ig_parse_node(ig_parser *p, ig_node_kind kind)
{
    ig_node *n = p->fault->status ? NULL : ig_new(p->arena, ig_node);
    if (!n) {
        ig_fault_at(p->fault, INGOT_E_NOMEM, 0, "no memory for its tree");
        n = ig_new(p->arena, ig_node);
        if (!n) n = &p->lost;
    }
    n->kind = kind;
    n->at = p->t->at;
    return n;
}

bool ig_parse_add(ig_parser *p, ig_node *to, size_t *cap, const ig_node *item)
{
    if (p->fault->status) return false;
    if (to->n_items >= *cap) {
        const size_t more = *cap ? 2 * *cap : 4;
        const ig_node **v = ig_new_n(p->arena, const ig_node *, more);
        if (!v) {
            ig_fault_at(p->fault, INGOT_E_NOMEM, 0, "no memory for its tree");
            return false;
        }
        if (to->n_items) memcpy(v, to->items, to->n_items * sizeof *v);
        to->items = v;
        *cap = more;
    }
    to->items[to->n_items++] = item;
    return true;
}

bool ig_parse_is(const ig_parser *p, const char *text)
{
    const bool word = isalpha((unsigned char)*text);
    return p->t->kind == (word ? IG_TOKEN_NAME : IG_TOKEN_SIGN) && ig_str_is(p->t->text, text);
}

bool ig_parse_take(ig_parser *p, const char *sign)
{
    if (!ig_parse_is(p, sign)) return false;
    p->t++;
    return true;
}

void ig_parse_wrong(ig_parser *p, const char *what)
{
    const ig_token *t = p->t;
    if (t->kind == IG_TOKEN_END)
        ig_fault_at(p->fault, INGOT_E_DATA, t->at, "%s, but the template ends", what);
    else
        ig_fault_at(p->fault, INGOT_E_DATA, t->at, "%s, but here is `%.*s`", what,
                    (int)IG_MIN(t->text.n, (size_t)40), t->text.p);
}

void ig_parse_need(ig_parser *p, const char *sign)
{
    char what[40];
    if (ig_parse_take(p, sign)) return;
    snprintf(what, sizeof what, "expected `%s`", sign);
    ig_parse_wrong(p, what);
}

/* ---- pieces of statements ---- */

static const ig_node *body_until(ig_parser *p, const char *const *ends);

static void close_tag(ig_parser *p)
{
    if (p->t->kind == IG_TOKEN_CLOSE)
        p->t++;
    else
        ig_parse_wrong(p, "expected the end of the tag");
}

/* {% word %}, whose word is at the token. */
static void end_block(ig_parser *p)
{
    if (p->fault->status) return;
    p->t++;
    if (p->t->kind == IG_TOKEN_NAME) p->t++; /* {% endmacro name %} */
    close_tag(p);
}

static ingot_str take_name(ig_parser *p)
{
    const ingot_str name = p->t->text;
    if (p->t->kind != IG_TOKEN_NAME)
        ig_parse_wrong(p, "expected a name");
    else
        p->t++;
    return name;
}

enum { NAMES_MOST = 64 };

static void set_names(ig_parser *p, ig_node *n, const ingot_str *names, size_t count)
{
    n->names = ig_arena_copy(p->arena, names, count * sizeof *names + !count);
    n->n_names = count;
    if (!n->names) ig_fault_at(p->fault, INGOT_E_NOMEM, 0, "no memory for its tree");
}

/* a, b, c */
static void take_names(ig_parser *p, ig_node *n)
{
    ingot_str names[NAMES_MOST];
    size_t count = 0;
    const bool brackets = ig_parse_take(p, "(");
    do {
        if (count == NAMES_MOST) ig_parse_wrong(p, "too many names");
        if (p->fault->status) return;
        names[count++] = take_name(p);
    } while (ig_parse_take(p, ","));
    if (brackets) ig_parse_need(p, ")");
    set_names(p, n, names, count);
}

/* (a, b=1): names with their defaults; those without have none. */
static void take_parameters(ig_parser *p, ig_node *n)
{
    ingot_str names[NAMES_MOST];
    size_t count = 0, cap = 0;
    ig_parse_need(p, "(");
    while (!ig_parse_take(p, ")") && !p->fault->status) {
        if (count) ig_parse_need(p, ",");
        if (count == NAMES_MOST) ig_parse_wrong(p, "too many parameters");
        if (p->fault->status) return;
        names[count++] = take_name(p);
        ig_parse_add(p, n, &cap, ig_parse_take(p, "=") ? ig_parse_expression(p) : NULL);
    }
    set_names(p, n, names, count);
}

#define ENDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- statements; the word is taken ---- */

static const ig_node *if_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_IF);
    if (++p->depth > IG_TEMPLATE_DEPTH_MOST) ig_parse_wrong(p, "blocks are nested too deeply");
    n->a = ig_parse_tuple(p);
    close_tag(p);
    n->b = body_until(p, ENDS("elif", "else", "endif"));
    if (ig_parse_take(p, "elif")) {
        n->c = if_statement(p);
    } else if (ig_parse_take(p, "else")) {
        close_tag(p);
        n->c = body_until(p, ENDS("endif"));
        end_block(p);
    } else {
        end_block(p);
    }
    p->depth--;
    return n;
}

static const ig_node *for_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_FOR);
    take_names(p, n);
    ig_parse_need(p, "in");
    n->a = ig_parse_operand(p);
    if (ig_parse_is(p, ",")) ig_parse_wrong(p, "a loop over a tuple needs parentheses");
    if (ig_parse_take(p, "if")) n->b = ig_parse_expression(p);
    if (ig_parse_is(p, "recursive"))
        ig_fault_at(p->fault, INGOT_E_UNSUPPORTED, p->t->at,
                    "`recursive` loops are not understood");
    close_tag(p);
    p->loops++;
    n->c = body_until(p, ENDS("else", "endfor"));
    p->loops--;
    if (ig_parse_take(p, "else")) {
        close_tag(p);
        n->d = body_until(p, ENDS("endfor"));
    }
    end_block(p);
    return n;
}

static const ig_node *set_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_SET);
    take_names(p, n);
    if (ig_parse_take(p, ".")) n->text = take_name(p);
    if (ig_parse_take(p, "=")) {
        n->a = ig_parse_tuple(p);
        close_tag(p);
        return n;
    }
    n->kind = IG_NODE_SET_BLOCK;
    if (ig_parse_take(p, "|")) n->a = ig_parse_filters(p, NULL);
    close_tag(p);
    n->c = body_until(p, ENDS("endset"));
    end_block(p);
    return n;
}

static const ig_node *macro_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_MACRO);
    const int loops = p->loops;
    n->text = take_name(p);
    take_parameters(p, n);
    close_tag(p);
    p->loops = 0;
    n->c = body_until(p, ENDS("endmacro"));
    p->loops = loops;
    end_block(p);
    return n;
}

static const ig_node *call_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_CALL_BLOCK);
    const int loops = p->loops;
    if (ig_parse_is(p, "(")) take_parameters(p, n);
    n->a = ig_parse_expression(p);
    if (n->a->kind != IG_NODE_CALL) ig_parse_wrong(p, "expected the call of a macro");
    close_tag(p);
    p->loops = 0;
    n->c = body_until(p, ENDS("endcall"));
    p->loops = loops;
    end_block(p);
    return n;
}

static const ig_node *filter_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_FILTER_BLOCK);
    n->a = ig_parse_filters(p, NULL);
    close_tag(p);
    n->c = body_until(p, ENDS("endfilter"));
    end_block(p);
    return n;
}

static const ig_node *with_statement(ig_parser *p)
{
    ig_node *n = ig_parse_node(p, IG_NODE_WITH);
    ingot_str names[NAMES_MOST];
    size_t count = 0, cap = 0;
    while (p->t->kind != IG_TOKEN_CLOSE && !p->fault->status) {
        if (count) ig_parse_need(p, ",");
        if (count == NAMES_MOST) ig_parse_wrong(p, "too many names");
        if (p->fault->status) break;
        names[count++] = take_name(p);
        ig_parse_need(p, "=");
        ig_parse_add(p, n, &cap, ig_parse_expression(p));
    }
    set_names(p, n, names, count);
    close_tag(p);
    n->c = body_until(p, ENDS("endwith"));
    end_block(p);
    return n;
}

/* What generation marks is for training: its body is written as it is. */
static const ig_node *generation_statement(ig_parser *p)
{
    close_tag(p);
    const ig_node *n = body_until(p, ENDS("endgeneration"));
    end_block(p);
    return n;
}

static const ig_node *leave_loop(ig_parser *p, ig_node_kind kind)
{
    const ig_node *n = ig_parse_node(p, kind);
    if (!p->loops) ig_parse_wrong(p, "break and continue need a loop around them");
    close_tag(p);
    return n;
}

static const ig_node *statement(ig_parser *p)
{
    const ig_token word = *p->t;
    if (ig_parse_take(p, "if")) return if_statement(p);
    if (ig_parse_take(p, "for")) return for_statement(p);
    if (ig_parse_take(p, "set")) return set_statement(p);
    if (ig_parse_take(p, "macro")) return macro_statement(p);
    if (ig_parse_take(p, "call")) return call_statement(p);
    if (ig_parse_take(p, "filter")) return filter_statement(p);
    if (ig_parse_take(p, "with")) return with_statement(p);
    if (ig_parse_take(p, "generation")) return generation_statement(p);
    if (ig_parse_take(p, "break")) return leave_loop(p, IG_NODE_BREAK);
    if (ig_parse_take(p, "continue")) return leave_loop(p, IG_NODE_CONTINUE);
    if (word.text.n >= 3 && !memcmp(word.text.p, "end", 3))
        ig_fault_at(p->fault, INGOT_E_DATA, word.at, "`%.*s` closes nothing that is open here",
                    (int)IG_MIN(word.text.n, (size_t)40), word.text.p);
    else
        ig_fault_at(p->fault, INGOT_E_UNSUPPORTED, word.at,
                    "the statement `%.*s` is not understood", (int)IG_MIN(word.text.n, (size_t)40),
                    word.text.p);
    return ig_parse_node(p, IG_NODE_BODY);
}

/* Up to {% word of ends; p->t is then at the word. ends NULL: up to the end. */
static const ig_node *body_until(ig_parser *p, const char *const *ends)
{
    ig_node *n = ig_parse_node(p, IG_NODE_BODY);
    size_t cap = 0;
    if (++p->depth > IG_TEMPLATE_DEPTH_MOST) ig_parse_wrong(p, "blocks are nested too deeply");
    while (!p->fault->status && p->t->kind != IG_TOKEN_END) {
        const ig_token_kind kind = p->t->kind;
        if (kind == IG_TOKEN_DATA || kind == IG_TOKEN_PRINT) {
            ig_node *v = ig_parse_node(p, kind == IG_TOKEN_DATA ? IG_NODE_DATA : IG_NODE_PRINT);
            v->text = p->t++->text;
            if (kind == IG_TOKEN_PRINT) {
                v->a = ig_parse_tuple(p);
                close_tag(p);
            }
            ig_parse_add(p, n, &cap, v);
            continue;
        }
        p->t++; /* {% */
        for (const char *const *end = ends; end && *end; end++)
            if (ig_parse_is(p, *end)) {
                p->depth--;
                return n;
            }
        ig_parse_add(p, n, &cap, statement(p));
    }
    p->depth--;
    if (ends && !p->fault->status) {
        char what[60];
        snprintf(what, sizeof what, "expected `{%% %s %%}`", ends[ends[1] ? ends[2] ? 2 : 1 : 0]);
        ig_parse_wrong(p, what);
    }
    return n;
}

const ig_node *ig_template_parse(ig_arena *a, const ig_token *tokens, ig_fault *f)
{
    ig_parser p = {.arena = a, .t = tokens, .fault = f};
    const ig_node *n = body_until(&p, NULL);
    return f->status ? NULL : n;
}
