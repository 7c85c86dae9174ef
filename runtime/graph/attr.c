/* attr.c - see attr.h. */
#include "runtime/graph/attr.h"
#include "runtime/base/checked.h"

#include <string.h>

static void *field_at(const void *attrs, const ig_attr *field)
{
    return (char *)(uintptr_t)attrs + field->offset;
}

const ig_attr *ig_attr_find(const ig_attr *list, const char *name)
{
    for (const ig_attr *f = list; f && f->kind != IG_ATTR_END; f++)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

void ig_attr_defaults(void *attrs, const ig_attr *list)
{
    for (const ig_attr *f = list; f && f->kind != IG_ATTR_END; f++) {
        void *p = field_at(attrs, f);
        if (f->kind == IG_ATTR_INT) *(int64_t *)p = f->def_int;
        if (f->kind == IG_ATTR_ENUM) *(int *)p = (int)f->def_int;
        if (f->kind == IG_ATTR_FLOAT) *(double *)p = f->def_float;
        if (f->kind == IG_ATTR_TEXT) *(const char **)p = f->def_text;
    }
}

ig_attr_value ig_attr_get(const void *attrs, const ig_attr *field)
{
    const void *p = field_at(attrs, field);
    ig_attr_value v = {.kind = field->kind};
    switch (field->kind) {
    case IG_ATTR_INT:
        v.i = *(const int64_t *)p;
        break;
    case IG_ATTR_FLOAT:
        v.f = *(const double *)p;
        break;
    case IG_ATTR_TEXT:
        v.s = *(const char *const *)p;
        break;
    case IG_ATTR_ENUM:
        v.kind = IG_ATTR_TEXT;
        v.s = field->choices[*(const int *)p];
        break;
    case IG_ATTR_INTS:
        v.ints = *(const ig_ints *)p;
        break;
    case IG_ATTR_FLOATS:
        v.floats = *(const ig_floats *)p;
        break;
    case IG_ATTR_TEXTS:
        v.texts = *(const ig_texts *)p;
        break;
    case IG_ATTR_END:
        break;
    }
    return v;
}

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool same_texts(ig_texts a, ig_texts b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.v[i].n != b.v[i].n || (a.v[i].n && memcmp(a.v[i].p, b.v[i].p, a.v[i].n)))
            return false;
    return true;
}

static bool same_value(const ig_attr_value *a, const ig_attr_value *b)
{
    switch (a->kind) {
    case IG_ATTR_INT:
        return a->i == b->i;
    case IG_ATTR_FLOAT:
        return !memcmp(&a->f, &b->f, sizeof a->f);
    case IG_ATTR_TEXT:
        return same_text(a->s, b->s);
    case IG_ATTR_INTS:
        return a->ints.n == b->ints.n &&
               (!a->ints.n || !memcmp(a->ints.v, b->ints.v, a->ints.n * sizeof *a->ints.v));
    case IG_ATTR_FLOATS:
        return a->floats.n == b->floats.n &&
               (!a->floats.n ||
                !memcmp(a->floats.v, b->floats.v, a->floats.n * sizeof *a->floats.v));
    case IG_ATTR_TEXTS:
        return same_texts(a->texts, b->texts);
    default:
        return true;
    }
}

bool ig_attr_equal(const void *a, const void *b, const ig_attr *list)
{
    for (const ig_attr *f = list; f && f->kind != IG_ATTR_END; f++) {
        const ig_attr_value va = ig_attr_get(a, f), vb = ig_attr_get(b, f);
        if (!same_value(&va, &vb)) return false;
    }
    return true;
}

bool ig_attr_is_default(const void *attrs, const ig_attr *field)
{
    const ig_attr_value v = ig_attr_get(attrs, field);
    switch (field->kind) {
    case IG_ATTR_INT:
        return v.i == field->def_int;
    case IG_ATTR_ENUM:
        return v.s == field->choices[field->def_int];
    case IG_ATTR_FLOAT:
        return !memcmp(&v.f, &field->def_float, sizeof v.f);
    case IG_ATTR_TEXT:
        return same_text(v.s, field->def_text);
    default:
        return v.ints.n + v.floats.n + v.texts.n == 0;
    }
}

static ingot_status set_enum(int *p, const ig_attr *field, const char *text, ingot_error *err)
{
    for (int i = 0; text && field->choices[i]; i++)
        if (!strcmp(field->choices[i], text)) {
            *p = i;
            return INGOT_OK;
        }
    return ig_fail(err, INGOT_E_ARG, "attribute %s: unknown value '%.60s'", field->name,
                   text ? text : "");
}

static bool copy_texts(ig_texts *out, ig_texts in, ig_arena *arena)
{
    ingot_str *v = ig_new_n(arena, ingot_str, in.n);
    if (!v) return false;
    for (size_t i = 0; i < in.n; i++) {
        v[i] = (ingot_str){ig_arena_text(arena, in.v[i].p, in.v[i].n), in.v[i].n};
        if (!v[i].p) return false;
    }
    *out = (ig_texts){v, in.n};
    return true;
}

/* Lists and texts; false: no memory. */
static bool copy_value(void *p, const ig_attr_value *v, ig_arena *arena)
{
    if (v->kind == IG_ATTR_TEXT) {
        *(const char **)p = v->s ? ig_arena_text(arena, v->s, strlen(v->s)) : NULL;
        return !v->s || *(const char **)p;
    }
    if (v->kind == IG_ATTR_TEXTS) return copy_texts(p, v->texts, arena);
    if (v->kind == IG_ATTR_INTS) {
        size_t bytes;
        if (!ig_mul_ok(v->ints.n, sizeof *v->ints.v, &bytes)) return false;
        const int64_t *copy = ig_arena_copy(arena, v->ints.v, bytes);
        *(ig_ints *)p = (ig_ints){copy, copy ? v->ints.n : 0};
        return copy;
    }
    size_t bytes;
    if (!ig_mul_ok(v->floats.n, sizeof *v->floats.v, &bytes)) return false;
    const float *copy = ig_arena_copy(arena, v->floats.v, bytes);
    *(ig_floats *)p = (ig_floats){copy, copy ? v->floats.n : 0};
    return copy;
}

ingot_status ig_attr_set(void *attrs, const ig_attr *field, const ig_attr_value *value,
                         ig_arena *arena, ingot_error *err)
{
    void *p = field_at(attrs, field);
    if (field->kind == IG_ATTR_FLOAT &&
        (value->kind == IG_ATTR_FLOAT || value->kind == IG_ATTR_INT)) {
        *(double *)p = value->kind == IG_ATTR_FLOAT ? value->f : (double)value->i;
        return INGOT_OK;
    }
    if (field->kind == IG_ATTR_ENUM && value->kind == IG_ATTR_TEXT)
        return set_enum(p, field, value->s, err);
    if (field->kind != value->kind)
        return ig_fail(err, INGOT_E_ARG, "attribute %s has the wrong type", field->name);
    if (field->kind == IG_ATTR_INT)
        *(int64_t *)p = value->i;
    else if (!copy_value(p, value, arena))
        return ig_fail(err, INGOT_E_NOMEM, "attribute %s: no memory", field->name);
    return INGOT_OK;
}
