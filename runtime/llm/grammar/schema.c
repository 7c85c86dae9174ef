/* schema.c - JSON Schema to a grammar: sets of schemas, $ref, allOf, anyOf, oneOf, types.
 *
 * What is emitted is a subset of what the schema allows, never more: properties come in the order
 * in which the schema names them, blanks are few, numbers have at most 15 digits. A keyword that
 * cannot be kept is refused. */
#include "runtime/llm/grammar/schema.h"
#include "runtime/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REF_MOST = 64, SLOTS = 1 << 17 };

const ig_expr *ig_schema_fail(ig_schema *s, ingot_status status, const ig_json_value *where,
                              const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ig_builder_fail_at(s->b, status, where ? where->at : 0, "%s", text);
}

const ig_json_value *ig_schema_find(ig_schema_set set, const char *keyword)
{
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *v = ig_json_find(set.v[i].v, keyword);
        if (v) return v;
    }
    return NULL;
}

/* ---- references ---- */

/* One step of a JSON pointer: ~0 and ~1 stand for ~ and /, %XX for a byte. */
static bool unescape(char *out, const char *p, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned byte = (unsigned char)p[i];
        if (p[i] == '%') {
            if (i + 2 >= n || sscanf(p + i + 1, "%2x", &byte) != 1) return false;
            i += 2;
        }
        out[m++] = (char)byte;
    }
    size_t k = 0;
    for (size_t i = 0; i < m; i++, k++) {
        const bool tilde = out[i] == '~' && i + 1 < m && (out[i + 1] == '0' || out[i + 1] == '1');
        out[k] = !tilde ? out[i] : out[i + 1] == '1' ? '/' : '~';
        i += tilde;
    }
    out[k] = 0;
    return true;
}

static const ig_json_value *member_at(const ig_json_value *v, const char *name)
{
    if (v->kind != IG_JSON_ARRAY) return ig_json_find(v, name);
    char *end;
    unsigned long i = strtoul(name, &end, 10);
    if (!*name || *end) return NULL;
    v = v->first;
    while (v && i--) v = v->next;
    return v;
}

static const ig_json_value *resolve(ig_schema *s, const ig_json_value *ref)
{
    const ig_json_value *v = s->root;
    const char *p = ref->text;
    if (ref->kind != IG_JSON_TEXT || (strcmp(p, "#") && strncmp(p, "#/", 2))) {
        ig_schema_fail(s, INGOT_E_UNSUPPORTED, ref,
                       "$ref: only references within the schema (\"#/...\") are understood");
        return NULL;
    }
    for (p += 1; *p == '/' && v;) {
        char name[1024];
        const size_t n = strcspn(++p, "/");
        if (n >= sizeof name || !unescape(name, p, n)) v = NULL;
        if (v) v = member_at(v, name);
        p += n;
    }
    if (!v) ig_schema_fail(s, INGOT_E_DATA, ref, "$ref: there is no %.200s", ref->text);
    return v;
}

/* ---- sets ---- */

/* Keywords that would forbid what the grammar lets through. */
static void refuse_unknown(ig_schema *s, const ig_json_value *v)
{
    static const char *const refused[] = {"not",
                                          "if",
                                          "dependentSchemas",
                                          "dependentRequired",
                                          "dependencies",
                                          "contains",
                                          "patternProperties",
                                          "propertyNames",
                                          "$dynamicRef",
                                          "$recursiveRef",
                                          "unevaluatedItems",
                                          "unevaluatedProperties"};
    for (size_t i = 0; i < IG_LEN(refused); i++) {
        const ig_json_value *k = ig_json_find(v, refused[i]);
        if (k)
            ig_schema_fail(s, INGOT_E_UNSUPPORTED, k,
                           "the keyword `%s` is not understood: a grammar cannot keep it",
                           refused[i]);
    }
    const ig_json_value *unique = ig_json_find(v, "uniqueItems"),
                        *of = ig_json_find(v, "multipleOf");
    if (unique && unique->number != 0)
        ig_schema_fail(s, INGOT_E_UNSUPPORTED, unique,
                       "the keyword `uniqueItems` is not understood: a grammar cannot keep it");
    if (of && of->number != 1)
        ig_schema_fail(s, INGOT_E_UNSUPPORTED, of,
                       "the keyword `multipleOf` is understood only with the value 1");
}

/* A schema whose branch was taken, met again in that branch: it would say nothing but itself. */
static bool in_draft(ig_schema *s, const ig_schema_draft *d, const ig_json_value *v)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].v != v) continue;
        if (d->v[i].open)
            ig_schema_fail(s, INGOT_E_DATA, v,
                           "this schema refers to itself and says nothing else");
        else if (d->v[i].chosen)
            ig_schema_fail(
                s, INGOT_E_UNSUPPORTED, v,
                "this schema is met again in one of its own branches, in the same place");
        return true;
    }
    return false;
}

static bool add_all(ig_schema *s, ig_schema_draft *d, const ig_json_value *list)
{
    bool possible = true;
    if (list->kind != IG_JSON_ARRAY) {
        ig_schema_fail(s, INGOT_E_DATA, list, "allOf is not a list of schemas");
        return false;
    }
    for (const ig_json_value *m = list->first; m; m = m->next) possible &= ig_schema_add(s, d, m);
    return possible;
}

bool ig_schema_add(ig_schema *s, ig_schema_draft *d, const ig_json_value *v)
{
    if (s->b->status) return false;
    if (v->kind == IG_JSON_BOOL) return v->number != 0;
    if (v->kind != IG_JSON_OBJECT) {
        ig_schema_fail(s, INGOT_E_DATA, v, "a schema is an object, true or false");
        return false;
    }
    if (in_draft(s, d, v) || !v->first) return true;
    if (d->n == IG_SCHEMA_SET_MOST) {
        ig_schema_fail(s, INGOT_E_FULL, v, "more than %d schemas meet in one place",
                       IG_SCHEMA_SET_MOST);
        return false;
    }
    refuse_unknown(s, v);
    const size_t i = d->n++;
    d->v[i] = (ig_schema_part){v, 0, true};
    const ig_json_value *ref = ig_json_find(v, "$ref"), *all = ig_json_find(v, "allOf");
    bool possible = true;
    if (ref) {
        const ig_json_value *to = resolve(s, ref);
        possible = to && ig_schema_add(s, d, to);
    }
    if (all) possible &= add_all(s, d, all);
    d->v[i].open = false;
    return possible;
}

static int by_address(const void *a_, const void *b_)
{
    const ig_schema_part *a = a_, *b = b_;
    if (a->v != b->v) return a->v->at < b->v->at ? -1 : 1;
    return a->chosen < b->chosen ? -1 : a->chosen > b->chosen;
}

ig_schema_draft *ig_schema_draft_begin(ig_schema *s)
{
    s->draft->n = 0;
    return s->draft;
}

const ig_expr *ig_schema_draft_expr(ig_schema *s, const ig_schema_draft *d)
{
    ig_schema_part *v = ig_arena_copy(&s->b->arena, d->v, d->n * sizeof *v + !d->n);
    if (!v) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    qsort(v, d->n, sizeof *v, by_address);
    return ig_schema_expr(s, (ig_schema_set){v, d->n});
}

/* ---- anyOf, oneOf ---- */

/* Does the discriminator tell two schemas apart: no value of one is a value of the other? Types
 * that have nothing in common, or constants of the same required property. */
static unsigned type_bits(const ig_json_value *schema)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};
    static const unsigned bits[] = {1, 2, 4, 4 | 8, 16, 32, 64};
    const ig_json_value *t = ig_json_find(schema, "type");
    unsigned all = 0;
    if (!t) return 127;
    for (const ig_json_value *m = t->kind == IG_JSON_ARRAY ? t->first : t; m;
         m = t->kind == IG_JSON_ARRAY ? m->next : NULL)
        for (size_t i = 0; i < IG_LEN(names); i++)
            if (m->kind == IG_JSON_TEXT && !strcmp(m->text, names[i])) all |= bits[i];
    return all;
}

static const ig_json_value *followed(ig_schema *s, const ig_json_value *v)
{
    for (int i = 0; i < REF_MOST && v && ig_json_find(v, "$ref"); i++)
        v = resolve(s, ig_json_find(v, "$ref"));
    return v;
}

/* The constants of a schema: const, or the members of enum. NULL: any value. */
static const ig_json_value *constants(const ig_json_value *v, bool *one)
{
    const ig_json_value *c = ig_json_find(v, "const"), *e = ig_json_find(v, "enum");
    *one = c != NULL;
    return c ? c : e ? e->first : NULL;
}

static bool constants_apart(const ig_json_value *a, const ig_json_value *b)
{
    bool one_a, one_b;
    const ig_json_value *x = constants(a, &one_a), *first = constants(b, &one_b);
    if (!x || !first) return false;
    for (; x; x = one_a ? NULL : x->next)
        for (const ig_json_value *y = first; y; y = one_b ? NULL : y->next)
            if (ig_json_equal(x, y)) return false;
    return true;
}

static bool requires(const ig_json_value *v, const char *name)
{
    const ig_json_value *r = ig_json_find(v, "required");
    for (r = r ? r->first : NULL; r; r = r->next)
        if (r->kind == IG_JSON_TEXT && !strcmp(r->text, name)) return true;
    return false;
}

static bool apart(ig_schema *s, const ig_json_value *a, const ig_json_value *b)
{
    a = followed(s, a);
    b = followed(s, b);
    if (!a || !b) return false;
    if (a->kind == IG_JSON_BOOL || b->kind == IG_JSON_BOOL)
        return (a->kind == IG_JSON_BOOL && a->number == 0) ||
               (b->kind == IG_JSON_BOOL && b->number == 0);
    if (!(type_bits(a) & type_bits(b)) || constants_apart(a, b)) return true;
    if (type_bits(a) != 64 || type_bits(b) != 64) return false;
    const ig_json_value *p = ig_json_find(a, "properties"), *q = ig_json_find(b, "properties");
    for (p = p ? p->first : NULL; p; p = p->next) {
        const ig_json_value *other = ig_json_find(q, p->key);
        if (!other || !requires(a, p->key) || !requires(b, p->key)) continue;
        if (constants_apart(followed(s, p), followed(s, other)) ||
            !(type_bits(p) & type_bits(other)))
            return true;
    }
    return false;
}

static void check_one_of(ig_schema *s, const ig_json_value *list)
{
    size_t i = 1;
    for (const ig_json_value *a = list->first; a && !s->b->status; a = a->next, i++) {
        size_t k = i + 1;
        for (const ig_json_value *b = a->next; b; b = b->next, k++)
            if (!apart(s, a, b)) {
                ig_schema_fail(s, INGOT_E_UNSUPPORTED, b,
                               "oneOf: a value could satisfy both branch %zu and branch %zu (give "
                               "them different types, or a required property with different "
                               "constants, or use anyOf)",
                               i, k);
                return;
            }
    }
}

/* A rule for each branch, with all the rest of the set. part: the one whose keyword it is. */
static const ig_expr *branches(ig_schema *s, ig_schema_set set, size_t part,
                               const ig_json_value *list, unsigned chosen)
{
    size_t n = 0;
    if (list->kind != IG_JSON_ARRAY || !list->first)
        return ig_schema_fail(s, INGOT_E_DATA, list, "anyOf or oneOf is not a list of schemas");
    if (chosen == IG_SCHEMA_ONE_OF) check_one_of(s, list);
    for (const ig_json_value *m = list->first; m; m = m->next) n++;
    const ig_expr **items = ig_new_n(&s->b->arena, const ig_expr *, n);
    ig_schema_draft *d = ig_schema_draft_begin(s);
    if (!items) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    n = 0;
    for (const ig_json_value *m = list->first; m && !s->b->status; m = m->next) {
        memcpy(d->v, set.v, set.n * sizeof *set.v);
        d->n = set.n;
        d->v[part].chosen |= chosen;
        if (ig_schema_add(s, d, m)) items[n++] = ig_schema_draft_expr(s, d);
    }
    return ig_expr_alt(s->b, items, n);
}

/* ---- types ---- */

/* The types that all of the set allow; keywords of one type say it where `type` does not. */
static unsigned types_of(ig_schema *s, ig_schema_set set)
{
    static const struct {
        const char *keyword;
        unsigned bits;
    } implied[] = {{"properties", 64},    {"required", 64},         {"additionalProperties", 64},
                   {"items", 32},         {"prefixItems", 32},      {"minItems", 32},
                   {"maxItems", 32},      {"pattern", 16},          {"minLength", 16},
                   {"maxLength", 16},     {"format", 16},           {"minimum", 12},
                   {"maximum", 12},       {"exclusiveMinimum", 12}, {"exclusiveMaximum", 12},
                   {"minProperties", 64}, {"maxProperties", 64}};
    unsigned types = 127, hints = 0;
    bool said = false;
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *t = ig_json_find(set.v[i].v, "type");
        if (!t) continue;
        if (!type_bits(set.v[i].v)) {
            ig_schema_fail(s, INGOT_E_DATA, t,
                           "type is one of null, boolean, integer, number, string, array, object, "
                           "or a list of them");
            return 0;
        }
        types &= type_bits(set.v[i].v);
        said = true;
    }
    if (said) return types;
    for (size_t i = 0; i < IG_LEN(implied); i++)
        if (ig_schema_find(set, implied[i].keyword)) hints |= implied[i].bits;
    return hints ? hints : types;
}

static const ig_expr *of_types(ig_schema *s, ig_schema_set set)
{
    const unsigned types = types_of(s, set);
    const ig_expr *items[7];
    size_t n = 0;
    if (types & 64) items[n++] = ig_schema_object(s, set);
    if (types & 32) items[n++] = ig_schema_array(s, set);
    if (types & 16) items[n++] = ig_schema_string(s, set);
    if (types & 12) items[n++] = ig_schema_number(s, set, !(types & 8));
    if (types & 2) items[n++] = ig_expr_str(s->b, "true"), items[n++] = ig_expr_str(s->b, "false");
    if (types & 1) items[n++] = ig_expr_str(s->b, "null");
    return ig_expr_alt(s->b, items, n);
}

/* enum or const: those of the constants that the rest allows. */
static const ig_expr *of_constants(ig_schema *s, ig_schema_set set, const ig_json_value *first,
                                   bool one)
{
    size_t n = 0;
    for (const ig_json_value *c = first; c; c = one ? NULL : c->next) n++;
    const ig_expr **items = ig_new_n(&s->b->arena, const ig_expr *, n + 1);
    if (!items) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    n = 0;
    for (const ig_json_value *c = first; c && !s->b->status; c = one ? NULL : c->next)
        if (ig_schema_allows(s, set, c)) items[n++] = ig_schema_literal(s, c);
    return ig_expr_alt(s->b, items, n);
}

static const ig_expr *body_of(ig_schema *s, ig_schema_set set)
{
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *any = ig_json_find(set.v[i].v, "anyOf"),
                            *one = ig_json_find(set.v[i].v, "oneOf");
        if (any && !(set.v[i].chosen & IG_SCHEMA_ANY_OF))
            return branches(s, set, i, any, IG_SCHEMA_ANY_OF);
        if (one && !(set.v[i].chosen & IG_SCHEMA_ONE_OF))
            return branches(s, set, i, one, IG_SCHEMA_ONE_OF);
    }
    for (size_t i = 0; i < set.n; i++) {
        bool one;
        const ig_json_value *e = ig_json_find(set.v[i].v, "enum");
        const ig_json_value *first = constants(set.v[i].v, &one);
        if (e && e->kind != IG_JSON_ARRAY)
            return ig_schema_fail(s, INGOT_E_DATA, e, "enum is not a list");
        if (first) return of_constants(s, set, first, one);
        if (e) return &ig_expr_never; /* an empty one */
    }
    return of_types(s, set);
}

/* ---- rules ---- */

static bool same_set(ig_schema_set a, ig_schema_set b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.v[i].v != b.v[i].v || a.v[i].chosen != b.v[i].chosen) return false;
    return true;
}

const ig_expr *ig_schema_expr(ig_schema *s, ig_schema_set set)
{
    uint64_t h = 0;
    if (s->b->status) return &ig_expr_never;
    if (!set.n) return ig_schema_common(s, IG_COMMON_VALUE);
    for (size_t i = 0; i < set.n; i++)
        h = (h ^ (set.v[i].v->at << 2 | set.v[i].chosen)) * UINT64_C(0x9e3779b97f4a7c15),
        h ^= h >> 29;
    size_t i = (size_t)h % SLOTS;
    for (; s->known[i].set.v; i = (i + 1) % SLOTS)
        if (same_set(s->known[i].set, set)) return ig_expr_rule(s->b, s->known[i].rule, 0);
    const size_t at = set.n ? set.v[0].v->at : 0;
    const uint32_t rule = ig_builder_rule(s->b, "schema", at);
    if (s->b->status) return &ig_expr_never;
    ig_schema_pending *p = ig_new(&s->b->arena, ig_schema_pending);
    if (!p) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    s->known[i] = (ig_schema_known){set, rule};
    *p = (ig_schema_pending){set, rule, s->pending};
    s->pending = p;
    return ig_expr_rule(s->b, rule, at);
}

static void compile(ig_schema *s)
{
    ig_schema_draft *d = ig_new(&s->b->arena, ig_schema_draft);
    s->draft = d;
    s->known = ig_new_n(&s->b->arena, ig_schema_known, SLOTS);
    if (!d || !s->known) {
        ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
        return;
    }
    const uint32_t rule = ig_builder_rule(s->b, "schema", s->root->at);
    const ig_expr *e = ig_schema_add(s, d, s->root) ? ig_schema_draft_expr(s, d) : &ig_expr_never;
    if (!s->b->status) s->b->rules[rule].body = e;
    while (s->pending && !s->b->status) { /* not by recursion: references may form long chains */
        const ig_schema_pending *p = s->pending;
        s->pending = p->next;
        e = body_of(s, p->set);
        s->b->rules[p->rule].body = e;
    }
}

ingot_status ig_grammar_from_schema(ig_grammar **out, ig_heap *heap, const char *text, size_t n,
                                    ingot_error *err)
{
    ig_builder b;
    ig_schema s = {.b = &b};
    *out = NULL;
    if (n > IG_GRAMMAR_TEXT_MOST)
        return ig_fail(err, INGOT_E_FULL, "schema: %zu bytes; at most %d", n, IG_GRAMMAR_TEXT_MOST);
    ig_builder_init(&b, heap, err);
    uint32_t c;
    for (size_t at = 0, size; at < n; at += size)
        if (!(size = ig_utf8_next(&c, text + at, n - at)))
            return ig_fail(err, INGOT_E_DATA, "schema: byte %zu is not UTF-8", at);
    b.what = "schema";
    b.source = text;
    b.source_bytes = n;
    const ingot_status status = ig_json_read(&s.root, text, n, &b.arena, err);
    if (status) {
        ig_builder_clear(&b);
        return ig_wrap(err, status, "schema");
    }
    compile(&s);
    return ig_builder_finish(out, &b, heap, false);
}
