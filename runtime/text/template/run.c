/* run.c - statements, and the two functions of chat_template.h. */
#include "runtime/text/template/chat_template.h"
#include "runtime/text/template/render.h"

/* What a statement ends with: loops look for the last two. */
typedef enum { NEXT, BREAK, CONTINUE } flow;

static flow run(ig_render *r, const ig_node *n);

static flow run_body(ig_render *r, const ig_node *n)
{
    flow f = NEXT;
    for (size_t i = 0; i < n->n_items && f == NEXT && !r->fault.status; i++)
        f = run(r, n->items[i]);
    return f;
}

static void check_output(ig_render *r, size_t at)
{
    if (r->out->failed)
        ig_render_no_memory(r);
    else if (r->out->n > IG_TEMPLATE_OUTPUT_MOST)
        ig_render_fail(r, INGOT_E_FULL, at, "it writes more than %d MiB",
                       IG_TEMPLATE_OUTPUT_MOST >> 20);
}

/* ---- loops ---- */

static void bind(ig_render *r, const ig_node *n, ig_datum value)
{
    if (n->n_names == 1) {
        ig_scope_set(r, r->scope, n->names[0], value);
        return;
    }
    const ig_list *l = ig_items(r, value, n->at);
    if (!l) return;
    if (l->n != n->n_names)
        ig_render_fail(r, INGOT_E_DATA, n->at, "%zu values for %zu names", l->n, n->n_names);
    for (size_t i = 0; i < n->n_names && !r->fault.status; i++)
        ig_scope_set(r, r->scope, n->names[i], l->v[i]);
}

/* Those items for which the loop's `if` holds. */
static ig_list *chosen(ig_render *r, const ig_node *n, ig_list *all)
{
    ig_list *l = ig_list_new(&r->arena);
    ig_scope scope = {.outer = r->scope}, *const outer = r->scope;
    if (!l) ig_render_no_memory(r);
    r->scope = &scope;
    for (size_t i = 0; i < all->n && !r->fault.status; i++) {
        bind(r, n, all->v[i]);
        if (!r->fault.status && ig_datum_true(ig_eval(r, n->b)) &&
            !ig_list_add(&r->arena, l, all->v[i]))
            ig_render_no_memory(r);
    }
    r->scope = outer;
    return l;
}

static flow run_for(ig_render *r, const ig_node *n)
{
    const ig_datum over = ig_eval(r, n->a);
    ig_list *items = r->fault.status ? NULL : ig_items(r, over, n->at);
    if (items && n->b) items = chosen(r, n, items);
    ig_loop *loop = ig_new(&r->arena, ig_loop);
    if (!items || !loop) {
        if (!loop) ig_render_no_memory(r);
        return NEXT;
    }
    if (!items->n) return n->d ? run_body(r, n->d) : NEXT;
    *loop = (ig_loop){.items = items->v, .n = items->n};
    ig_scope *const outer = r->scope;
    for (; loop->i < loop->n && !r->fault.status; loop->i++) {
        ig_scope *scope = ig_new(&r->arena, ig_scope); /* a macro may keep it */
        if (!scope) {
            ig_render_no_memory(r);
            break;
        }
        scope->outer = outer;
        r->scope = scope;
        ig_scope_set(r, scope, (ingot_str){"loop", 4}, (ig_datum){.kind = IG_LOOP, .loop = loop});
        bind(r, n, loop->items[loop->i]);
        if (r->fault.status || run_body(r, n->c) == BREAK) break;
    }
    r->scope = outer;
    return NEXT;
}

/* ---- names ---- */

static void run_set(ig_render *r, const ig_node *n)
{
    const ig_datum value = ig_eval(r, n->a);
    if (r->fault.status) return;
    if (!n->text.n) {
        bind(r, n, value);
        return;
    }
    const ig_node name = {.kind = IG_NODE_NAME, .at = n->at, .text = n->names[0]};
    const ig_datum to = ig_eval(r, &name);
    if (r->fault.status) return;
    if (to.kind != IG_NAMESPACE)
        ig_render_fail(r, INGOT_E_DATA, n->at,
                       "members can be set of a namespace() only, not of %s",
                       ig_datum_kind_name(to));
    else if (!ig_dict_set(&r->arena, to.dict, ig_text(n->text.p, n->text.n), value))
        ig_render_no_memory(r);
}

ig_datum ig_run_captured(ig_render *r, const ig_node *body, ig_scope *scope)
{
    ig_bytes text, *const out = r->out;
    ig_scope *const outer = r->scope;
    ig_bytes_init(&text, r->heap);
    r->out = &text;
    r->scope = scope;
    run_body(r, body);
    r->out = out;
    r->scope = outer;
    return ig_take_text(r, &text);
}

static ig_scope *inner_scope(ig_render *r)
{
    ig_scope *s = ig_new(&r->arena, ig_scope);
    if (!s) {
        ig_render_no_memory(r);
        return NULL;
    }
    s->outer = r->scope;
    return s;
}

static void run_set_block(ig_render *r, const ig_node *n)
{
    ig_scope *scope = inner_scope(r);
    if (!scope) return;
    ig_datum value = ig_run_captured(r, n->c, scope);
    if (n->a && !r->fault.status) value = ig_eval_filter(r, n->a, value);
    if (!r->fault.status) ig_scope_set(r, r->scope, n->names[0], value);
}

static void run_with(ig_render *r, const ig_node *n)
{
    ig_scope *scope = inner_scope(r), *const outer = r->scope;
    for (size_t i = 0; i < n->n_names && scope && !r->fault.status; i++) {
        const ig_datum value = ig_eval(r, n->items[i]);
        ig_scope_set(r, scope, n->names[i], value);
    }
    if (!scope || r->fault.status) return;
    r->scope = scope;
    run_body(r, n->c);
    r->scope = outer;
}

/* ---- macros ---- */

static ig_datum new_macro(ig_render *r, const ig_node *n)
{
    ig_macro *m = ig_new(&r->arena, ig_macro);
    if (!m) return ig_render_no_memory(r);
    *m = (ig_macro){n, r->scope};
    return (ig_datum){.kind = IG_MACRO, .macro = m};
}

static void bind_parameters(ig_render *r, const ig_macro *m, const ig_arguments *a)
{
    const ig_node *n = m->node;
    size_t by_place = 0;
    for (size_t i = 0; i < a->n; i++) by_place += !a->names[i].n;
    if (by_place > n->n_names)
        ig_render_fail(r, INGOT_E_DATA, a->at, "the macro takes %zu arguments, not %zu", n->n_names,
                       by_place);
    for (size_t i = 0; i < n->n_names && !r->fault.status; i++) {
        const ig_datum *given = i < by_place ? &a->v[i] : NULL;
        for (size_t k = by_place; k < a->n && !given; k++)
            if (ig_str_equal(a->names[k], n->names[i])) given = &a->v[k];
        const ig_datum value = given         ? *given
                               : n->items[i] ? ig_eval(r, n->items[i])
                                             : ig_undefined(n->names[i]);
        ig_scope_set(r, r->scope, n->names[i], value);
    }
}

ig_datum ig_call_macro(ig_render *r, const ig_macro *m, const ig_arguments *a,
                       const ig_macro *caller)
{
    ig_scope *scope = inner_scope(r), *const outer = r->scope;
    ig_datum text = ig_none();
    if (!scope) return text;
    if (++r->depth > 4 * IG_TEMPLATE_DEPTH_MOST)
        ig_render_fail(r, INGOT_E_FULL, a->at, "calls are nested too deeply");
    scope->outer = m->scope;
    r->scope = scope;
    bind_parameters(r, m, a);
    if (caller)
        ig_scope_set(r, scope, (ingot_str){"caller", 6},
                     (ig_datum){.kind = IG_MACRO, .macro = (ig_macro *)(uintptr_t)caller});
    if (!r->fault.status) text = ig_run_captured(r, m->node->c, scope);
    r->scope = outer;
    r->depth--;
    return text;
}

static void run_call_block(ig_render *r, const ig_node *n)
{
    const ig_datum block = new_macro(r, n), callee = ig_eval(r, n->a->a);
    ig_datum v[16];
    ingot_str names[16];
    ig_arguments a = {v, names, 0, n->at, n->a->a->text};
    if (r->fault.status) return;
    if (callee.kind != IG_MACRO || n->a->n_items > IG_LEN(v)) {
        ig_render_fail(r, INGOT_E_DATA, n->at, "call needs a macro with at most %zu arguments",
                       IG_LEN(v));
        return;
    }
    for (; a.n < n->a->n_items && !r->fault.status; a.n++) {
        v[a.n] = ig_eval(r, n->a->items[a.n]->a);
        names[a.n] = n->a->items[a.n]->text;
    }
    if (r->fault.status) return;
    const ig_datum text = ig_call_macro(r, callee.macro, &a, block.macro);
    ig_datum_print(r->out, text);
}

/* ---- statements ---- */

static void run_print(ig_render *r, const ig_node *n)
{
    const ig_datum d = ig_eval(r, n->a);
    if (!r->fault.status) ig_datum_print(r->out, d);
    check_output(r, n->at);
}

static flow run_if(ig_render *r, const ig_node *n)
{
    for (; n && n->kind == IG_NODE_IF && !r->fault.status; n = n->c)
        if (ig_datum_true(ig_eval(r, n->a))) return r->fault.status ? NEXT : run_body(r, n->b);
    return n && !r->fault.status ? run_body(r, n) : NEXT;
}

static void run_filter_block(ig_render *r, const ig_node *n)
{
    ig_scope *scope = inner_scope(r);
    if (!scope) return;
    ig_datum text = ig_run_captured(r, n->c, scope);
    if (!r->fault.status) text = ig_eval_filter(r, n->a, text);
    if (!r->fault.status) ig_datum_print(r->out, text);
}

static flow run(ig_render *r, const ig_node *n)
{
    if (!ig_render_step(r, 1, n->at)) return NEXT;
    switch (n->kind) {
    case IG_NODE_DATA:
        ig_put(r->out, n->text.p, n->text.n);
        check_output(r, n->at);
        break;
    case IG_NODE_PRINT:
        run_print(r, n);
        break;
    case IG_NODE_BODY:
        return run_body(r, n);
    case IG_NODE_IF:
        return run_if(r, n);
    case IG_NODE_FOR:
        return run_for(r, n);
    case IG_NODE_SET:
        run_set(r, n);
        break;
    case IG_NODE_SET_BLOCK:
        run_set_block(r, n);
        break;
    case IG_NODE_MACRO:
        ig_scope_set(r, r->scope, n->text, new_macro(r, n));
        break;
    case IG_NODE_CALL_BLOCK:
        run_call_block(r, n);
        break;
    case IG_NODE_FILTER_BLOCK:
        run_filter_block(r, n);
        break;
    case IG_NODE_WITH:
        run_with(r, n);
        break;
    case IG_NODE_BREAK:
        return BREAK;
    case IG_NODE_CONTINUE:
        return CONTINUE;
    default:
        break;
    }
    return NEXT;
}

/* ---- chat_template.h ---- */

struct ig_chat_template {
    ig_arena arena;
    ig_heap *heap;
    ingot_str source;
    const ig_node *body;
};

/* A copy with \n for every end of line, and without the last one. */
static bool copy_source(ig_chat_template *t, const char *text, size_t n)
{
    char *p = ig_arena_take(&t->arena, n + 1);
    size_t m = 0;
    if (!p) return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
        p[m++] = text[i] == '\r' ? '\n' : text[i];
    }
    if (m && p[m - 1] == '\n') m--;
    t->source = (ingot_str){p, m};
    return true;
}

ingot_status ig_chat_template_open(ig_chat_template **out, ig_heap *heap, const char *text,
                                   size_t n, ingot_error *err)
{
    *out = NULL;
    if (n > IG_TEMPLATE_TEXT_MOST)
        return ig_fail(err, INGOT_E_FULL, "chat template: %zu bytes; at most %d", n,
                       IG_TEMPLATE_TEXT_MOST);
    ig_chat_template *t = ig_take0(heap, sizeof *t);
    if (!t) return ig_fail(err, INGOT_E_NOMEM, "chat template: no memory");
    t->heap = heap;
    ig_arena_init(&t->arena, heap);
    t->arena.limit_bytes = IG_TEMPLATE_MEMORY_MOST;
    ig_fault f = {.err = err};
    if (!copy_source(t, text, n)) ig_fault_at(&f, INGOT_E_NOMEM, 0, "no memory for its text");
    f.source = t->source;
    const ig_token *tokens = f.status ? NULL : ig_template_tokens(&t->arena, &f);
    if (tokens) t->body = ig_template_parse(&t->arena, tokens, &f);
    *out = t;
    if (f.status) ig_chat_template_close(out);
    return f.status;
}

void ig_chat_template_close(ig_chat_template **chat)
{
    ig_chat_template *t = *chat;
    *chat = NULL;
    if (!t) return;
    ig_heap *heap = t->heap;
    ig_arena_clear(&t->arena);
    ig_give(heap, t, sizeof *t);
}

/* All memory of a rendering, bounded: what is too much for a template is not too much for the host.
 */
typedef struct {
    ig_heap *heap;
    size_t left;
    bool over; /* more was asked for */
} bound;

static void *bounded(void *ud, void *p, size_t old, size_t now)
{
    bound *b = ud;
    if (!now) {
        b->left += old;
        ig_give(b->heap, p, old);
        return NULL;
    }
    if (p) return NULL; /* heaps take and give, they do not resize */
    if (now > b->left) {
        b->over = true;
        return NULL;
    }
    void *fresh = ig_take(b->heap, now);
    if (fresh) b->left -= now;
    return fresh;
}

static void set_variables(ig_render *r, const char *json, size_t n)
{
    ig_datum all;
    const ingot_status s = ig_datum_from_json(&all, &r->arena, json, n, r->fault.err);
    if (s) {
        r->fault.status = ig_wrap(r->fault.err, s, "chat template: its variables");
        return;
    }
    if (all.kind != IG_DICT) {
        r->fault.status = ig_fail(r->fault.err, INGOT_E_DATA,
                                  "chat template: its variables are no object of JSON");
        return;
    }
    for (size_t i = 0; i < all.dict->n; i++)
        ig_scope_set(r, r->scope, all.dict->v[i].key.text, all.dict->v[i].value);
}

ingot_status ig_chat_template_render(ig_bytes *out, const ig_chat_template *t,
                                     const char *variables, size_t n, int64_t now, ingot_error *err)
{
    bound limit = {t->heap, IG_TEMPLATE_MEMORY_MOST, false};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){bounded, &limit});
    ig_scope given = {0}, top = {.outer = &given};
    ig_bytes text;
    ig_render r = {.heap = &heap,
                   .fault = {.source = t->source, .err = err},
                   .out = &text,
                   .scope = &given,
                   .over = &limit.over,
                   .now = now};
    ig_arena_init(&r.arena, &heap);
    ig_bytes_init(&text, &heap);
    set_variables(&r, variables, n);
    r.scope = &top;
    if (!r.fault.status) run_body(&r, t->body);
    if (!r.fault.status) {
        ig_put(out, text.p, text.n);
        if (out->failed)
            r.fault.status = ig_fail(err, INGOT_E_NOMEM, "chat template: no memory for its text");
    }
    ig_bytes_clear(&text);
    ig_arena_clear(&r.arena);
    return r.fault.status;
}
