/* schema_object.c - objects: named properties in the order in which the schema has them, then
 * others where they are allowed.
 *
 * Each suffix of the list of properties is a rule, `rest`, for what may follow when something
 * stands before it, so that optional properties cost no copies. Other names are written without
 * escapes and differ from the named ones. */
#include "runtime/llm/grammar/schema.h"
#include "runtime/base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 500, PROPERTIES_MOST = 4096 };

typedef struct {
    const char *name;
    const ig_expr *member; /* "name": value; NEVER where it cannot be */
    bool required;
} property;

typedef struct {
    property *v;
    size_t n;
} properties;

static size_t count_names(ig_schema_set set)
{
    size_t n = 0;
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *lists[] = {ig_json_find(set.v[i].v, "properties"),
                                        ig_json_find(set.v[i].v, "required")};
        for (size_t k = 0; k < IG_LEN(lists); k++)
            for (const ig_json_value *m = lists[k] ? lists[k]->first : NULL; m; m = m->next) n++;
    }
    return n;
}

static bool listed(const properties *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->v[i].name, name)) return true;
    return false;
}

static void list(ig_schema *s, properties *p, const ig_json_value *at, const char *name)
{
    if (s->b->status || listed(p, name)) return;
    if (p->n == PROPERTIES_MOST)
        ig_schema_fail(s, INGOT_E_FULL, at, "more than %d properties", PROPERTIES_MOST);
    else if (strlen(name) > NAME_MOST)
        ig_schema_fail(s, INGOT_E_FULL, at, "the name of a property has more than %d bytes",
                       NAME_MOST);
    else
        p->v[p->n++] = (property){.name = name};
}

/* All names of the set, in order; and which are required. */
static void list_names(ig_schema *s, properties *p, ig_schema_set set)
{
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *named = ig_json_find(set.v[i].v, "properties");
        if (named && named->kind != IG_JSON_OBJECT)
            ig_schema_fail(s, INGOT_E_DATA, named, "properties is no object");
        for (const ig_json_value *m = named ? named->first : NULL; m; m = m->next)
            list(s, p, m, m->key);
    }
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *names = ig_json_find(set.v[i].v, "required");
        if (names && names->kind != IG_JSON_ARRAY)
            ig_schema_fail(s, INGOT_E_DATA, names, "required is no list of names");
        for (const ig_json_value *m = names ? names->first : NULL; m && !s->b->status;
             m = m->next) {
            if (m->kind != IG_JSON_TEXT) {
                ig_schema_fail(s, INGOT_E_DATA, m, "required is no list of names");
                return;
            }
            list(s, p, m, m->text);
            for (size_t k = 0; k < p->n; k++) p->v[k].required |= !strcmp(p->v[k].name, m->text);
        }
    }
}

/* The value of a property, NULL name: of one that is not listed. */
static const ig_expr *value_of(ig_schema *s, ig_schema_set set, const char *name)
{
    ig_schema_draft *d = ig_schema_draft_begin(s);
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *own =
            name ? ig_json_find(ig_json_find(set.v[i].v, "properties"), name) : NULL;
        const ig_json_value *v = own ? own : ig_json_find(set.v[i].v, "additionalProperties");
        if (v && !ig_schema_add(s, d, v)) return &ig_expr_never;
    }
    return ig_schema_draft_expr(s, d);
}

static const ig_expr *member(ig_schema *s, const ig_expr *name, const ig_expr *value)
{
    return IG_SEQ(s->b, name, ig_expr_str(s->b, ":"), ig_schema_common(s, IG_COMMON_SPACE), value);
}

/* ---- other names: strings of JSON without escapes that are none of the listed ones ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* names[n], sorted, agree in their first `at` bytes. What may follow those: another character than
 * any of theirs and then anything; one of theirs and what may follow that; the end, if no name ends
 * here. */
static const ig_expr *unlike(ig_schema *s, const char **names, size_t n, size_t at,
                             const ig_expr *any)
{
    const ig_expr **items = ig_new_n(&s->b->arena, const ig_expr *, n + 2);
    ig_range *taken = ig_new_n(&s->b->arena, ig_range, n + 3);
    if (!items || !taken) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    size_t m = 0, n_taken = 3;
    memcpy(taken, (ig_range[]){{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}, 3 * sizeof *taken);
    const bool ends = n && !names[0][at];
    for (size_t i = ends, end; i < n && !s->b->status; i = end) {
        uint32_t c;
        const size_t size = ig_utf8_next(&c, names[i] + at, strlen(names[i] + at));
        for (end = i + 1; end < n && !memcmp(names[end] + at, names[i] + at, size);) end++;
        taken[n_taken++] = (ig_range){c, c};
        if (c < 0x20 || c == '"' || c == '\\') continue; /* would be escaped */
        items[m++] = IG_SEQ(s->b, ig_expr_text(s->b, names[i] + at, size),
                            unlike(s, names + i, end - i, at + size, any));
    }
    items[m++] = IG_SEQ(s->b, ig_expr_set(s->b, taken, n_taken, true), any);
    if (!ends) items[m++] = &ig_expr_empty;
    return ig_expr_alt(s->b, items, m);
}

static const ig_expr *other_name(ig_schema *s, const properties *p)
{
    const ig_range escaped[] = {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}};
    const ig_expr *quote = ig_expr_str(s->b, "\"");
    const uint32_t rule = ig_builder_rule(s->b, "name", 0);
    const char **names = ig_new_n(&s->b->arena, const char *, p->n + 1);
    if (!names) return ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
    if (s->b->status) return &ig_expr_never;
    const ig_expr *any = ig_expr_repeat(s->b, ig_expr_set(s->b, escaped, IG_LEN(escaped), true), 0,
                                        IG_REPEAT_FOREVER, 0);
    s->b->rules[rule].body = any;
    for (size_t i = 0; i < p->n; i++) names[i] = p->v[i].name;
    qsort(names, p->n, sizeof *names, by_name);
    return IG_SEQ(s->b, quote, unlike(s, names, p->n, 0, ig_expr_rule(s->b, rule, 0)), quote);
}

/* Members that are not listed: said by additionalProperties, or by a schema that names nothing. */
static const ig_expr *other_member(ig_schema *s, ig_schema_set set, const properties *p)
{
    const ig_json_value *named = ig_schema_find(set, "properties"),
                        *others = ig_schema_find(set, "additionalProperties");
    if (named && !others) return &ig_expr_never;
    const ig_expr *value = value_of(s, set, NULL);
    if (value->kind == IG_EXPR_NEVER) return value;
    return member(s, other_name(s, p), value);
}

/* ---- the whole ---- */

/* Grammars do not count members, but what `required` already keeps is fine. */
static void check_counts(ig_schema *s, ig_schema_set set, const properties *p, const ig_expr *other)
{
    uint32_t least = 0, most = IG_REPEAT_FOREVER;
    size_t required = 0;
    if (!ig_schema_count(s, set, "minProperties", true, &least) ||
        !ig_schema_count(s, set, "maxProperties", false, &most))
        return;
    for (size_t i = 0; i < p->n; i++) required += p->v[i].required;
    const bool bounded = other->kind == IG_EXPR_NEVER && p->n <= most;
    if (least > required || (most != IG_REPEAT_FOREVER && !bounded))
        ig_schema_fail(s, INGOT_E_UNSUPPORTED, set.v[0].v,
                       "minProperties and maxProperties are understood only where `required` and "
                       "the listed properties keep them anyway");
}

/* What may follow when something stands before: the rest of the listed ones, then others. */
static const ig_expr *rest_from(ig_schema *s, const properties *p, const ig_expr *comma,
                                const ig_expr *other, const ig_expr **rests)
{
    ig_builder *b = s->b;
    const ig_expr *rest = ig_expr_repeat(b, IG_SEQ(b, comma, other), 0, IG_REPEAT_FOREVER, 0);
    for (size_t i = p->n; i-- && !b->status;) {
        rests[i] = rest; /* behind property i */
        const uint32_t rule = ig_builder_rule(b, "properties", 0);
        if (b->status) break;
        const ig_expr *here =
            ig_expr_repeat(b, IG_SEQ(b, comma, p->v[i].member), p->v[i].required, 1, 0);
        here = IG_SEQ(b, here, rest);
        b->rules[rule].body = here;
        rest = ig_expr_rule(b, rule, 0);
    }
    return rest;
}

static const ig_expr *members(ig_schema *s, const properties *p, const ig_expr *other)
{
    ig_builder *b = s->b;
    const ig_expr **items = ig_new_n(&b->arena, const ig_expr *, p->n + 2);
    const ig_expr **rests = ig_new_n(&b->arena, const ig_expr *, p->n + 1);
    const ig_expr *comma = IG_SEQ(b, ig_expr_str(b, ","), ig_schema_common(s, IG_COMMON_SPACE));
    if (!items || !rests) return ig_builder_fail(b, INGOT_E_NOMEM, "no memory for a schema");
    rest_from(s, p, comma, other, rests);
    if (b->status) return &ig_expr_never;
    size_t n = 0, i = 0;
    for (bool more = true; i < p->n && more; more = !p->v[i++].required)
        items[n++] = IG_SEQ(b, p->v[i].member, rests[i]);
    if (i == p->n && !(i && p->v[i - 1].required)) { /* nothing is required */
        items[n++] =
            IG_SEQ(b, other, ig_expr_repeat(b, IG_SEQ(b, comma, other), 0, IG_REPEAT_FOREVER, 0));
        items[n++] = &ig_expr_empty;
    }
    return ig_expr_alt(b, items, n);
}

const ig_expr *ig_schema_object(ig_schema *s, ig_schema_set set)
{
    ig_builder *b = s->b;
    properties p = {.v = ig_new_n(&b->arena, property, count_names(set) + 1)};
    if (!p.v) return ig_builder_fail(b, INGOT_E_NOMEM, "no memory for a schema");
    list_names(s, &p, set);
    for (size_t i = 0; i < p.n && !b->status; i++)
        p.v[i].member = member(s, ig_schema_quoted(s, p.v[i].name), value_of(s, set, p.v[i].name));
    const ig_expr *other = other_member(s, set, &p);
    if (!b->status) check_counts(s, set, &p, other);
    if (b->status) return &ig_expr_never;
    const ig_expr *space = ig_schema_common(s, IG_COMMON_SPACE), *all = members(s, &p, other);
    return IG_SEQ(b, ig_expr_str(b, "{"), space, all, space, ig_expr_str(b, "}"));
}
