/* render.h - a rendering at work: what its parts share. */
#ifndef IG_TEXT_RENDER_H
#define IG_TEXT_RENDER_H

#include "runtime/text/template/syntax.h"

typedef struct ig_binding {
    ingot_str name;
    ig_datum value;
    struct ig_binding *next;
} ig_binding;

typedef struct ig_scope {
    struct ig_scope *outer;
    ig_binding *first;
} ig_scope;

typedef struct ig_macro {
    const ig_node *node; /* MACRO or CALL_BLOCK */
    ig_scope *scope;     /* where it was defined */
} ig_macro;

typedef struct {
    ig_arena arena; /* of all values */
    ig_heap *heap;
    ig_fault fault;
    ig_bytes *out; /* of the template, or of what is being captured */
    ig_scope *scope;
    size_t steps;
    int depth;
    int64_t now;
    const bool *over; /* the bound of its memory was met */
} ig_render;

typedef struct {
    const ig_datum *v;
    const ingot_str *names; /* empty: by place */
    size_t n;
    size_t at; /* of the call */
    ingot_str callee;
} ig_arguments;

/* ig_render_fail - keeps the first failure. Returns undefined. */
ig_datum ig_render_fail(ig_render *r, ingot_status status, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
ig_datum ig_render_no_memory(ig_render *r);
bool ig_render_step(ig_render *r, size_t n, size_t at); /* counts work; false: it is over */

/* ig_render_bounded - the list or dict, or a failure where it nests too deeply or holds too much.
 */
ig_datum ig_render_bounded(ig_render *r, ig_datum d, size_t at);

void ig_scope_set(ig_render *r, ig_scope *s, ingot_str name, ig_datum value);

ig_datum ig_eval(ig_render *r, const ig_node *n);
ig_datum ig_eval_filter(ig_render *r, const ig_node *n, ig_datum input); /* n: FILTER, its chain */
/* ig_run_body - the text that statements write, as a value. */
ig_datum ig_run_captured(ig_render *r, const ig_node *body, ig_scope *scope);

/* ig_arguments_find - the argument at a place or with a name; NULL: not given. */
const ig_datum *ig_arguments_find(const ig_arguments *a, size_t place, const char *name);
/* The same as a whole number or a text, or `other`. */
int64_t ig_arguments_int(ig_render *r, const ig_arguments *a, size_t place, const char *name,
                         int64_t other);
ingot_str ig_arguments_text(ig_render *r, const ig_arguments *a, size_t place, const char *name,
                            const char *other);
bool ig_arguments_true(const ig_arguments *a, size_t place, const char *name, bool other);

ig_datum ig_call(ig_render *r, ig_datum callee, const ig_arguments *a);
ig_datum ig_call_macro(ig_render *r, const ig_macro *m, const ig_arguments *a,
                       const ig_macro *caller);
ig_datum ig_call_method(ig_render *r, const ig_method *m, const ig_arguments *a);
ig_datum ig_call_text_method(ig_render *r, const ig_method *m, const ig_arguments *a);
ig_datum ig_call_function(ig_render *r, int64_t which, const ig_arguments *a);
/* A function of the environment; false: there is none of that name. */
bool ig_function_named(ig_datum *out, ingot_str name);
bool ig_is_method(ig_datum self, ingot_str name);

ig_datum ig_filter(ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a);
bool ig_test(ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a);
ig_datum ig_member(ig_render *r, ig_datum x, ingot_str name, size_t at);
ig_datum ig_item(ig_render *r, ig_datum x, ig_datum key, size_t at);
ig_datum ig_binary(ig_render *r, ingot_str sign, ig_datum a, ig_datum b, size_t at);
bool ig_contains(ig_render *r, ig_datum x, ig_datum item, size_t at);

/* ig_items - what a loop over x sees: members, keys, characters. NULL: x is nothing to loop over
 * (a failure). */
ig_list *ig_items(ig_render *r, ig_datum x, size_t at);
ig_datum ig_list_of(ig_list *l);

/* ---- texts ---- */
ig_datum ig_take_text(ig_render *r, ig_bytes *b); /* copied to the arena; b is cleared */
ingot_str ig_as_text(ig_render *r, ig_datum d);   /* as Python's str() */
ig_datum ig_format(ig_render *r, ingot_str format, const ig_datum *v, size_t n, size_t at); /* % */

/* filters of lists: filter_list.c; NULL kind: no such filter */
bool ig_filter_list(ig_datum *out, ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a);
bool ig_filter_text(ig_datum *out, ig_render *r, ingot_str name, ig_datum x, const ig_arguments *a);

enum { /* what ig_text_case() does */
       IG_CASE_LOWER,
       IG_CASE_UPPER,
       IG_CASE_TITLE, /* behind what is no letter */
       IG_CASE_WORDS, /* behind blanks, hyphens and opening brackets */
       IG_CASE_CAPITAL
};
ig_datum ig_text_case(ig_render *r, ingot_str s, int how);
ig_datum ig_text_strip(ingot_str s, const ingot_str *chars, bool left, bool right);
ig_datum ig_text_replace(ig_render *r, ingot_str s, ingot_str old, ingot_str fresh, int64_t most);

#endif
