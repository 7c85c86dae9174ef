/* syntax.h - a template as tokens, and as a tree. */
#ifndef IG_TEXT_SYNTAX_H
#define IG_TEXT_SYNTAX_H

#include "runtime/text/template/datum.h"

/* ---- tokens ---- */

typedef enum {
    IG_TOKEN_DATA,  /* text between tags */
    IG_TOKEN_PRINT, /* {{ */
    IG_TOKEN_BLOCK, /* {% */
    IG_TOKEN_CLOSE, /* }} or %} */
    IG_TOKEN_NAME,
    IG_TOKEN_STRING, /* with its escapes resolved */
    IG_TOKEN_NUMBER,
    IG_TOKEN_SIGN, /* an operator or bracket */
    IG_TOKEN_END,
} ig_token_kind;

typedef struct {
    ig_token_kind kind;
    ingot_str text;
    size_t at;
} ig_token;

/* Where things went wrong: the first failure is kept. */
typedef struct {
    ingot_str source;
    ingot_status status;
    ingot_error *err;
} ig_fault;

/* "chat template, line L, column C: ..." */
void ig_fault_at(ig_fault *f, ingot_status status, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ig_template_tokens - a list that ends with IG_TOKEN_END, in the arena. NULL: f says why. */
const ig_token *ig_template_tokens(ig_arena *a, ig_fault *f);

/* ---- the tree ---- */

typedef enum {
    /* expressions */
    IG_NODE_VALUE, /* .value */
    IG_NODE_NAME,  /* .text */
    IG_NODE_LIST,
    IG_NODE_TUPLE,
    IG_NODE_DICT,     /* items: key, value, key, ... */
    IG_NODE_MEMBER,   /* a.text */
    IG_NODE_INDEX,    /* a[b] */
    IG_NODE_SLICE,    /* a[items 0 : 1 : 2], each may be NULL */
    IG_NODE_CALL,     /* a(items) */
    IG_NODE_FILTER,   /* a | text(items); a NULL: of a block */
    IG_NODE_TEST,     /* a is text(items) */
    IG_NODE_UNARY,    /* text a: - + not */
    IG_NODE_BINARY,   /* a text b */
    IG_NODE_COMPARE,  /* a, then items with .text the operator and .a the operand */
    IG_NODE_CHOICE,   /* a if b else c (may be NULL) */
    IG_NODE_ARGUMENT, /* of a call: .text its name, or empty; .a */
    /* statements */
    IG_NODE_BODY,
    IG_NODE_DATA,         /* .text */
    IG_NODE_PRINT,        /* a */
    IG_NODE_IF,           /* a, b, else c */
    IG_NODE_FOR,          /* names in a if b: body c, else d */
    IG_NODE_SET,          /* names = a; with .text: names 0 . text = a */
    IG_NODE_SET_BLOCK,    /* names 0 = body c, through filter a */
    IG_NODE_MACRO,        /* text(names = items): body c */
    IG_NODE_CALL_BLOCK,   /* call(names = items) a: body c */
    IG_NODE_FILTER_BLOCK, /* filter a: body c */
    IG_NODE_WITH,         /* names = items: body c */
    IG_NODE_BREAK,
    IG_NODE_CONTINUE,
} ig_node_kind;

typedef struct ig_node {
    ig_node_kind kind;
    bool negated; /* TEST */
    size_t at;
    ingot_str text;
    ig_datum value;
    const struct ig_node *a, *b, *c, *d;
    const struct ig_node **items;
    size_t n_items;
    const ingot_str *names;
    size_t n_names;
} ig_node;

/* ig_template_parse - NULL: f says why. */
const ig_node *ig_template_parse(ig_arena *a, const ig_token *tokens, ig_fault *f);

/* ---- shared by the two halves of the parser ---- */

typedef struct {
    ig_arena *arena;
    const ig_token *t;
    ig_fault *fault;
    int depth;
    int loops;    /* around this place, for break and continue */
    ig_node lost; /* what is written without memory; never read */
} ig_parser;

ig_node *ig_parse_node(ig_parser *p, ig_node_kind kind); /* at the token; never NULL */
bool ig_parse_add(ig_parser *p, ig_node *to, size_t *cap, const ig_node *item);
bool ig_parse_take(ig_parser *p, const char *sign); /* a sign or a name */
bool ig_parse_is(const ig_parser *p, const char *text);
void ig_parse_need(ig_parser *p, const char *sign);
void ig_parse_wrong(ig_parser *p, const char *what);
const ig_node *ig_parse_expression(ig_parser *p); /* with `if else` */
const ig_node *ig_parse_tuple(ig_parser *p);      /* a, b, c */
const ig_node *ig_parse_operand(ig_parser *p);    /* without `if else`: behind `in` */
const ig_node *ig_parse_filters(ig_parser *p, const ig_node *a); /* name(args) | ... of a block */
void ig_parse_arguments(ig_parser *p, ig_node *to);              /* behind ( */

enum { IG_TEMPLATE_DEPTH_MOST = 150 };

#endif
