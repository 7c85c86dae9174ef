/* validate.h - a small JSON Schema validator over jansson, written apart from the compiler so that
 * the two can disagree. It knows the keywords that the tests use; $ref by pointer. */
#ifndef IG_TESTS_VALIDATE_H
#define IG_TESTS_VALIDATE_H

#include <jansson.h>
#include <math.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool valid(const json_t *root, const json_t *schema, const json_t *v);

static const json_t *pointed(const json_t *root, const char *ref)
{
    char name[200];
    for (ref++; *ref == '/' && root;) {
        const size_t n = strcspn(++ref, "/");
        snprintf(name, sizeof name, "%.*s", (int)n, ref);
        root = json_object_get(root, name);
        ref += n;
    }
    return root;
}

static bool valid_type(const char *name, const json_t *v)
{
    return !strcmp(name, "null")      ? json_is_null(v)
           : !strcmp(name, "boolean") ? json_is_boolean(v)
           : !strcmp(name, "integer") ? json_is_integer(v)
           : !strcmp(name, "number")  ? json_is_number(v)
           : !strcmp(name, "string")  ? json_is_string(v)
           : !strcmp(name, "array")   ? json_is_array(v)
                                      : json_is_object(v);
}

static bool valid_types(const json_t *types, const json_t *v)
{
    size_t i;
    json_t *t;
    if (json_is_string(types)) return valid_type(json_string_value(types), v);
    json_array_foreach(types, i, t) if (valid_type(json_string_value(t), v)) return true;
    return !types;
}

static double limit(const json_t *schema, const char *key, double other)
{
    const json_t *v = json_object_get(schema, key);
    return v ? json_number_value(v) : other;
}

static bool valid_number(const json_t *schema, double x)
{
    return x >= limit(schema, "minimum", -INFINITY) && x <= limit(schema, "maximum", INFINITY) &&
           (!json_object_get(schema, "exclusiveMinimum") ||
            x > limit(schema, "exclusiveMinimum", 0)) &&
           (!json_object_get(schema, "exclusiveMaximum") ||
            x < limit(schema, "exclusiveMaximum", 0));
}

static bool valid_string(const json_t *schema, const json_t *v)
{
    double n = 0;
    const char *text = json_string_value(v);
    for (size_t i = 0; i < json_string_length(v); i++) n += (text[i] & 0xc0) != 0x80;
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    if (pattern) {
        regex_t re;
        if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) return false;
        regmatch_t all = {0, (regoff_t)json_string_length(v)}; /* it may hold zero bytes */
        const bool found = !regexec(&re, text, 0, &all, REG_STARTEND);
        regfree(&re);
        if (!found) return false;
    }
    return n >= limit(schema, "minLength", 0) && n <= limit(schema, "maxLength", INFINITY);
}

static bool valid_array(const json_t *root, const json_t *schema, const json_t *v)
{
    const json_t *own = json_object_get(schema, "prefixItems"),
                 *items = json_object_get(schema, "items");
    size_t i;
    json_t *m;
    json_array_foreach(v, i, m)
    {
        const json_t *by = i < json_array_size(own) ? json_array_get(own, i) : items;
        if (by && !valid(root, by, m)) return false;
    }
    const double n = (double)json_array_size(v);
    return n >= limit(schema, "minItems", 0) && n <= limit(schema, "maxItems", INFINITY);
}

static bool valid_object(const json_t *root, const json_t *schema, const json_t *v)
{
    const json_t *named = json_object_get(schema, "properties"),
                 *others = json_object_get(schema, "additionalProperties");
    size_t i;
    json_t *m;
    void *at;
    for (at = json_object_iter((json_t *)v); at; at = json_object_iter_next((json_t *)v, at)) {
        const json_t *own = json_object_get(named, json_object_iter_key(at));
        if ((own || others) && !valid(root, own ? own : others, json_object_iter_value(at)))
            return false;
    }
    json_array_foreach(json_object_get(schema, "required"), i,
                       m) if (!json_object_get(v, json_string_value(m))) return false;
    return true;
}

static size_t valid_branches(const json_t *root, const json_t *list, const json_t *v)
{
    size_t i, n = 0;
    json_t *m;
    json_array_foreach(list, i, m) n += valid(root, m, v);
    return n;
}

static bool valid(const json_t *root, const json_t *schema, const json_t *v)
{
    if (json_is_boolean(schema)) return json_is_true(schema);
    const json_t *ref = json_object_get(schema, "$ref"), *all = json_object_get(schema, "allOf"),
                 *any = json_object_get(schema, "anyOf"), *one = json_object_get(schema, "oneOf"),
                 *list = json_object_get(schema, "enum"), *c = json_object_get(schema, "const");
    size_t i, n = 0;
    json_t *m;
    if (ref && !valid(root, pointed(root, json_string_value(ref)), v)) return false;
    if (all && valid_branches(root, all, v) < json_array_size(all)) return false;
    if (any && !valid_branches(root, any, v)) return false;
    if (one && valid_branches(root, one, v) != 1) return false;
    json_array_foreach(list, i, m) n += (size_t)json_equal(m, v);
    if ((list && !n) || (c && !json_equal(c, v))) return false;
    if (!valid_types(json_object_get(schema, "type"), v)) return false;
    return json_is_number(v)   ? valid_number(schema, json_number_value(v))
           : json_is_string(v) ? valid_string(schema, v)
           : json_is_array(v)  ? valid_array(root, schema, v)
           : json_is_object(v) ? valid_object(root, schema, v)
                               : true;
}

#endif
