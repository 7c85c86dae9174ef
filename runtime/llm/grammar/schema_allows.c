/* schema_allows.c - do constants satisfy the schemas around them? For enum and const beside other
 * keywords, so that what is emitted satisfies all of them. */
#include "runtime/llm/grammar/schema.h"

#include <math.h>
#include <string.h>

static size_t count(const ig_json_value *v)
{
    size_t n = 0;
    for (const ig_json_value *m = v->first; m; m = m->next) n++;
    return n;
}

bool ig_json_equal(const ig_json_value *a, const ig_json_value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case IG_JSON_NULL:
        return true;
    case IG_JSON_BOOL:
    case IG_JSON_NUMBER:
        return a->number == b->number;
    case IG_JSON_TEXT:
        return !strcmp(a->text, b->text);
    default:
        break;
    }
    if (count(a) != count(b)) return false;
    const ig_json_value *y = b->first;
    for (const ig_json_value *x = a->first; x; x = x->next, y = y->next) {
        const ig_json_value *other = a->kind == IG_JSON_OBJECT ? ig_json_find(b, x->key) : y;
        if (!other || !ig_json_equal(x, other)) return false;
    }
    return true;
}

static bool has_type(const ig_json_value *v, const char *name)
{
    switch (v->kind) {
    case IG_JSON_NULL:
        return !strcmp(name, "null");
    case IG_JSON_BOOL:
        return !strcmp(name, "boolean");
    case IG_JSON_NUMBER:
        return !strcmp(name, "number") ||
               (!strcmp(name, "integer") && v->number == floor(v->number));
    case IG_JSON_TEXT:
        return !strcmp(name, "string");
    case IG_JSON_ARRAY:
        return !strcmp(name, "array");
    case IG_JSON_OBJECT:
        break;
    }
    return !strcmp(name, "object");
}

static bool type_allows(const ig_json_value *type, const ig_json_value *v)
{
    if (type->kind == IG_JSON_TEXT) return has_type(v, type->text);
    for (const ig_json_value *t = type->first; t; t = t->next)
        if (t->kind == IG_JSON_TEXT && has_type(v, t->text)) return true;
    return false;
}

static bool listed(const ig_json_value *list, const ig_json_value *v)
{
    for (const ig_json_value *m = list->first; m; m = m->next)
        if (ig_json_equal(m, v)) return true;
    return false;
}

static double bound(const ig_json_value *schema, const char *keyword, double other)
{
    return ig_json_find_number(schema, keyword, other);
}

static bool number_allows(const ig_json_value *schema, double v)
{
    return v >= bound(schema, "minimum", -INFINITY) && v <= bound(schema, "maximum", INFINITY) &&
           !(v <= bound(schema, "exclusiveMinimum", -INFINITY)) &&
           !(v >= bound(schema, "exclusiveMaximum", INFINITY));
}

static bool text_allows(const ig_json_value *schema, const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return (double)n >= bound(schema, "minLength", 0) &&
           (double)n <= bound(schema, "maxLength", INFINITY);
}

static bool schema_allows(ig_schema *s, const ig_json_value *schema, const ig_json_value *v)
{
    ig_schema_draft *d = ig_new(&s->b->arena, ig_schema_draft);
    if (!d || !ig_schema_add(s, d, schema)) {
        if (!d) ig_builder_fail(s->b, INGOT_E_NOMEM, "no memory for a schema");
        return false;
    }
    return ig_schema_allows(s, (ig_schema_set){d->v, d->n}, v);
}

static bool object_allows(ig_schema *s, const ig_json_value *schema, const ig_json_value *v)
{
    const ig_json_value *named = ig_json_find(schema, "properties"),
                        *others = ig_json_find(schema, "additionalProperties"),
                        *required = ig_json_find(schema, "required");
    for (const ig_json_value *m = v->first; m; m = m->next) {
        const ig_json_value *own = ig_json_find(named, m->key), *by = own ? own : others;
        if (by && !schema_allows(s, by, m)) return false;
    }
    for (const ig_json_value *m = required ? required->first : NULL; m; m = m->next)
        if (m->kind == IG_JSON_TEXT && !ig_json_find(v, m->text)) return false;
    const double n = (double)count(v);
    return n >= bound(schema, "minProperties", 0) && n <= bound(schema, "maxProperties", INFINITY);
}

static bool array_allows(ig_schema *s, const ig_json_value *schema, const ig_json_value *v)
{
    const ig_json_value *own = ig_json_find(schema, "prefixItems"),
                        *items = ig_json_find(schema, "items");
    if (items && items->kind == IG_JSON_ARRAY) {
        own = items;
        items = ig_json_find(schema, "additionalItems");
    }
    own = own ? own->first : NULL;
    for (const ig_json_value *m = v->first; m; m = m->next, own = own ? own->next : NULL) {
        const ig_json_value *by = own ? own : items;
        if (by && !schema_allows(s, by, m)) return false;
    }
    const double n = (double)count(v);
    return n >= bound(schema, "minItems", 0) && n <= bound(schema, "maxItems", INFINITY);
}

/* anyOf and oneOf inside a constant: one branch has to allow it, of oneOf only one. */
static bool branches_allow(ig_schema *s, ig_schema_part part, const ig_json_value *v)
{
    const char *const names[] = {"anyOf", "oneOf"};
    for (int k = 0; k < 2; k++) {
        const ig_json_value *list = ig_json_find(part.v, names[k]);
        size_t n = 0;
        if (!list || part.chosen & (1u << k)) continue;
        for (const ig_json_value *m = list->first; m; m = m->next) n += schema_allows(s, m, v);
        if (!n || (k && n > 1)) return false;
    }
    return true;
}

static bool part_allows(ig_schema *s, ig_schema_part part, const ig_json_value *v)
{
    const ig_json_value *schema = part.v, *type = ig_json_find(schema, "type"),
                        *constant = ig_json_find(schema, "const"),
                        *list = ig_json_find(schema, "enum"),
                        *pattern = ig_json_find(schema, "pattern"),
                        *format = ig_json_find(schema, "format");
    if (type && !type_allows(type, v)) return false;
    if (constant && !ig_json_equal(constant, v)) return false;
    if (list && !listed(list, v)) return false;
    if (!branches_allow(s, part, v)) return false;
    if (v->kind == IG_JSON_TEXT && (pattern || format)) {
        ig_schema_fail(s, INGOT_E_UNSUPPORTED, pattern ? pattern : format,
                       "pattern or format beside enum or const");
        return false;
    }
    return v->kind == IG_JSON_NUMBER   ? number_allows(schema, v->number)
           : v->kind == IG_JSON_TEXT   ? text_allows(schema, v->text)
           : v->kind == IG_JSON_ARRAY  ? array_allows(s, schema, v)
           : v->kind == IG_JSON_OBJECT ? object_allows(s, schema, v)
                                       : true;
}

bool ig_schema_allows(ig_schema *s, ig_schema_set set, const ig_json_value *v)
{
    for (size_t i = 0; i < set.n && !s->b->status; i++)
        if (!part_allows(s, set.v[i], v)) return false;
    return !s->b->status;
}
