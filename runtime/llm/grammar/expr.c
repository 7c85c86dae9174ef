/* expr.c - see expr.h. */
#include "runtime/llm/grammar/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ig_expr ig_expr_empty = {.kind = IG_EXPR_EMPTY}, ig_expr_never = {.kind = IG_EXPR_NEVER};

enum { ARENA_MOST = 128 << 20, CODE_POINTS = 0x110000 };

void ig_builder_init(ig_builder *b, ig_heap *heap, ingot_error *err)
{
    *b = (ig_builder){.err = err};
    ig_arena_init(&b->arena, heap);
    b->arena.limit_bytes = ARENA_MOST;
}

void ig_builder_clear(ig_builder *b) { ig_arena_clear(&b->arena); }

const ig_expr *ig_builder_fail(ig_builder *b, ingot_status status, const char *format, ...)
{
    char text[400];
    va_list args;
    if (b->status) return &ig_expr_never;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->status = ig_fail(b->err, status, "%s", text);
    return &ig_expr_never;
}

const ig_expr *ig_builder_fail_at(ig_builder *b, ingot_status status, size_t at, const char *format,
                                  ...)
{
    char text[400];
    va_list args;
    size_t line = 1, column = 1;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < at && i < b->source_bytes; i++) {
        column = b->source[i] == '\n' ? 1 : column + ((b->source[i] & 0xc0) != 0x80);
        line += b->source[i] == '\n';
    }
    return ig_builder_fail(b, status, "%s, line %zu, column %zu: %s", b->what, line, column, text);
}

static const ig_expr *no_memory(ig_builder *b)
{
    const bool limit = b->arena.total_bytes > ARENA_MOST / 2;
    return ig_builder_fail(b, limit ? INGOT_E_FULL : INGOT_E_NOMEM,
                           limit ? "the grammar is too large: its rules take more than %zu MiB"
                                 : "no memory for a grammar (%zu MiB)",
                           b->arena.total_bytes >> 20);
}

static ig_expr *make(ig_builder *b, ig_expr_kind kind, uint32_t n)
{
    ig_expr *e = b->status ? NULL : ig_new(&b->arena, ig_expr);
    if (!e) {
        no_memory(b);
        return NULL;
    }
    e->kind = kind;
    e->n = n;
    return e;
}

const ig_expr *ig_expr_text(ig_builder *b, const char *text, size_t n)
{
    if (!n) return &ig_expr_empty;
    ig_expr *e = make(b, IG_EXPR_TEXT, (uint32_t)n);
    if (!e) return &ig_expr_never;
    e->text = ig_arena_copy(&b->arena, text, n);
    return e->text ? e : no_memory(b);
}

const ig_expr *ig_expr_str(ig_builder *b, const char *text)
{
    return ig_expr_text(b, text, strlen(text));
}

/* ---- sets ---- */

static int by_low(const void *a, const void *b)
{
    const ig_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorted, joined where they touch. Returns how many are left. */
static size_t tidy(ig_range *r, size_t n)
{
    size_t m = 0;
    qsort(r, n, sizeof *r, by_low);
    for (size_t i = 0; i < n; i++) {
        if (r[i].low > r[i].high) continue;
        if (m && r[i].low <= r[m - 1].high + 1)
            r[m - 1].high = IG_MAX(r[m - 1].high, r[i].high);
        else
            r[m++] = r[i];
    }
    return m;
}

/* The gaps of tidy ranges; out has room for n + 1. */
static size_t invert(ig_range *out, const ig_range *r, size_t n)
{
    size_t m = 0;
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (r[i].low > from) out[m++] = (ig_range){from, r[i].low - 1};
        from = r[i].high + 1;
    }
    if (from < CODE_POINTS) out[m++] = (ig_range){from, CODE_POINTS - 1};
    return m;
}

const ig_expr *ig_expr_set(ig_builder *b, const ig_range *ranges, size_t n, bool negated)
{
    ig_expr *e = make(b, IG_EXPR_SET, 0);
    ig_range *r = ig_new_n(&b->arena, ig_range, 2 * n + 2), *gaps = r ? r + n : NULL;
    if (!e || !r) return no_memory(b);
    if (n) memcpy(r, ranges, n * sizeof *r);
    size_t m = tidy(r, n);
    if (negated) {
        m = invert(gaps, r, m);
        r = gaps;
    }
    e->ranges = r;
    e->n = (uint32_t)m;
    return m ? e : &ig_expr_never;
}

/* ---- what is made of others ---- */

const ig_expr *ig_expr_seq(ig_builder *b, const ig_expr *const *items, size_t n)
{
    const ig_expr **kept = ig_new_n(&b->arena, const ig_expr *, n + 1);
    size_t m = 0;
    if (!kept) return no_memory(b);
    for (size_t i = 0; i < n; i++) {
        if (items[i]->kind == IG_EXPR_NEVER) return &ig_expr_never;
        if (items[i]->kind != IG_EXPR_EMPTY) kept[m++] = items[i];
    }
    if (m <= 1) return m ? kept[0] : &ig_expr_empty;
    ig_expr *e = make(b, IG_EXPR_SEQ, (uint32_t)m);
    if (!e) return &ig_expr_never;
    e->items = kept;
    return e;
}

const ig_expr *ig_expr_alt(ig_builder *b, const ig_expr *const *items, size_t n)
{
    const ig_expr **kept = ig_new_n(&b->arena, const ig_expr *, n + 1);
    size_t m = 0;
    if (!kept) return no_memory(b);
    for (size_t i = 0; i < n; i++)
        if (items[i]->kind != IG_EXPR_NEVER) kept[m++] = items[i];
    if (m <= 1) return m ? kept[0] : &ig_expr_never;
    ig_expr *e = make(b, IG_EXPR_ALT, (uint32_t)m);
    if (!e) return &ig_expr_never;
    e->items = kept;
    return e;
}

const ig_expr *ig_expr_repeat(ig_builder *b, const ig_expr *item, uint32_t least, uint32_t most,
                              size_t at)
{
    if (least > most) return &ig_expr_never;
    if (!most || item->kind == IG_EXPR_EMPTY) return &ig_expr_empty;
    if (item->kind == IG_EXPR_NEVER) return least ? &ig_expr_never : &ig_expr_empty;
    if (least == 1 && most == 1) return item;
    ig_expr *e = make(b, IG_EXPR_REPEAT, 1);
    const ig_expr **one = ig_new(&b->arena, const ig_expr *);
    if (!e || !one) return no_memory(b);
    *one = item;
    e->items = one;
    e->least = least;
    e->most = most;
    e->at = at;
    return e;
}

const ig_expr *ig_expr_rule(ig_builder *b, uint32_t rule, size_t at)
{
    ig_expr *e = make(b, IG_EXPR_RULE, 0);
    if (!e) return &ig_expr_never;
    e->rule = rule;
    e->at = at;
    return e;
}

uint32_t ig_builder_rule(ig_builder *b, const char *name, size_t at)
{
    if (b->n_rules == IG_GRAMMAR_RULES_MOST) {
        ig_builder_fail_at(b, INGOT_E_FULL, at, "the grammar is too large: more than %d rules",
                           IG_GRAMMAR_RULES_MOST);
        return 0;
    }
    if (b->n_rules == b->rules_cap) {
        const size_t cap = IG_MAX(2 * b->rules_cap, (size_t)64);
        ig_rule *more = ig_new_n(&b->arena, ig_rule, cap);
        if (!more) {
            no_memory(b);
            return 0;
        }
        if (b->n_rules) memcpy(more, b->rules, b->n_rules * sizeof *more);
        b->rules = more;
        b->rules_cap = cap;
    }
    b->rules[b->n_rules] = (ig_rule){.name = name, .at = at};
    return (uint32_t)b->n_rules++;
}
