/* expr.h - grammars as trees: what GBNF texts, schemas and patterns become before they are code.
 *
 * A grammar is a list of rules, rule 0 is the answer; a rule's body is an expression over texts,
 * sets of characters and other rules. The constructors simplify as they go, so that what can never
 * match vanishes early. All lies in an arena; failures are sticky: the builder keeps the first,
 * and everything after gives `never`. */
#ifndef IG_LLM_EXPR_H
#define IG_LLM_EXPR_H

#include "runtime/base/arena.h"
#include "runtime/base/checked.h"
#include "runtime/llm/grammar/grammar.h"

typedef enum {
    IG_EXPR_EMPTY,  /* the empty text */
    IG_EXPR_NEVER,  /* nothing */
    IG_EXPR_TEXT,   /* bytes */
    IG_EXPR_SET,    /* one character of some ranges */
    IG_EXPR_SEQ,    /* one after another */
    IG_EXPR_ALT,    /* one of them */
    IG_EXPR_REPEAT, /* item 0, least to most times */
    IG_EXPR_RULE,
} ig_expr_kind;

enum { IG_REPEAT_FOREVER = UINT32_MAX };

typedef struct {
    uint32_t low, high; /* code points, both in it */
} ig_range;

typedef struct ig_expr {
    ig_expr_kind kind;
    uint32_t n;    /* bytes, ranges or items */
    uint32_t rule; /* RULE */
    uint32_t least, most;
    size_t at; /* where it stands in its source */
    union {
        const char *text;
        const ig_range *ranges; /* ascending, with gaps between */
        const struct ig_expr *const *items;
    };
} ig_expr;

typedef struct {
    const char *name; /* for messages */
    size_t at;
    const ig_expr *body; /* NULL: used, not defined yet */
    bool nullable, productive;
} ig_rule;

typedef struct {
    ig_arena arena;
    ig_rule *rules; /* in a growing array */
    size_t n_rules, rules_cap;
    ingot_status status;
    ingot_error *err;
    const char *what;   /* "grammar", "schema" */
    const char *source; /* the text that `at` counts in */
    size_t source_bytes;
} ig_builder;

void ig_builder_init(ig_builder *b, ig_heap *heap, ingot_error *err);
void ig_builder_clear(ig_builder *b);

/* ig_builder_fail - keeps the first failure. Returns `never`. */
const ig_expr *ig_builder_fail(ig_builder *b, ingot_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with "WHAT, line L, column C: " before it. */
const ig_expr *ig_builder_fail_at(ig_builder *b, ingot_status status, size_t at, const char *format,
                                  ...) __attribute__((format(printf, 4, 5)));

extern const ig_expr ig_expr_empty, ig_expr_never;

const ig_expr *ig_expr_text(ig_builder *b, const char *text, size_t n); /* copied */
const ig_expr *ig_expr_str(ig_builder *b, const char *text);
/* ig_expr_set - ranges in any order, overlapping or not; negated: all other characters. */
const ig_expr *ig_expr_set(ig_builder *b, const ig_range *ranges, size_t n, bool negated);
const ig_expr *ig_expr_seq(ig_builder *b, const ig_expr *const *items, size_t n);
const ig_expr *ig_expr_alt(ig_builder *b, const ig_expr *const *items, size_t n);
const ig_expr *ig_expr_repeat(ig_builder *b, const ig_expr *item, uint32_t least, uint32_t most,
                              size_t at);
const ig_expr *ig_expr_rule(ig_builder *b, uint32_t rule, size_t at);

#define IG_SEQ(b, ...) IG_EXPRS_(seq, b, __VA_ARGS__)
#define IG_ALT(b, ...) IG_EXPRS_(alt, b, __VA_ARGS__)
#define IG_EXPRS_(kind, b, ...)                              \
    ig_expr_##kind(b, (const ig_expr *const[]){__VA_ARGS__}, \
                   IG_LEN(((const ig_expr *const[]){__VA_ARGS__})))

/* ig_builder_rule - a rule without a body yet; name is borrowed. */
uint32_t ig_builder_rule(ig_builder *b, const char *name, size_t at);

/* ig_regex_expr - a pattern (the subset that schemas use) as a grammar of the texts that it
 * matches, and how many characters those have. each() makes of a set of characters what stands for
 * one of them: in JSON some are escaped. ECMAScript's meaning: ^ and $ anchor, without them
 * anything may stand before and behind. at: where the schema has it. */
typedef const ig_expr *ig_regex_each(ig_builder *b, const ig_expr *set);
typedef struct {
    const ig_expr *expr;
    uint64_t least, most; /* characters; UINT64_MAX: no end */
} ig_regex;
ig_regex ig_regex_expr(ig_builder *b, const char *pattern, ig_regex_each *each, size_t at);

/* ig_builder_finish - checks the rules and makes their code. strict: a rule that can never end is
 * an error, not only when it is the first. Clears the builder in any case. */
ingot_status ig_builder_finish(ig_grammar **out, ig_builder *b, ig_heap *heap, bool strict);

/* ig_builder_check - fills nullable and productive; refuses undefined rules and left recursion. */
ingot_status ig_builder_check(ig_builder *b, bool strict);
bool ig_expr_nullable(const ig_builder *b, const ig_expr *e);
bool ig_expr_productive(const ig_builder *b, const ig_expr *e);

#endif
