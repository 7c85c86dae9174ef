/* attr.h - typed attribute structs and their descriptions.
 *
 * An op keeps its attributes in a plain struct of its own; a table of ig_attr describes the fields
 * by name, so that importers, files and dumps handle every op alike. Fields by kind: INT int64_t ·
 * FLOAT double · TEXT const char * · ENUM int (index in choices) · INTS ig_ints · FLOATS ig_floats
 * · TEXTS ig_texts */
#ifndef IG_ATTR_H
#define IG_ATTR_H

#include "runtime/base/arena.h"

typedef enum {
    IG_ATTR_END,
    IG_ATTR_INT,
    IG_ATTR_FLOAT,
    IG_ATTR_TEXT,
    IG_ATTR_ENUM,
    IG_ATTR_INTS,
    IG_ATTR_FLOATS,
    IG_ATTR_TEXTS
} ig_attr_kind;

typedef struct {
    const int64_t *v;
    size_t n;
} ig_ints;

typedef struct {
    const float *v;
    size_t n;
} ig_floats;

typedef struct {
    const ingot_str *v;
    size_t n;
} ig_texts;

/* One field. Lists end with a zeroed entry. Defaults: def_int for INT and ENUM, def_float for
 * FLOAT, def_text for TEXT (NULL allowed); lists default to empty. */
typedef struct {
    const char *name;
    ig_attr_kind kind;
    size_t offset;
    int64_t def_int;
    double def_float;
    const char *def_text;
    const char *const *choices; /* ENUM: NULL-terminated */
} ig_attr;

#define IG_INT(struct_, field, def)                                                               \
    {                                                                                             \
        .name = #field, .kind = IG_ATTR_INT, .offset = offsetof(struct_, field), .def_int = (def) \
    }
#define IG_FLOAT(struct_, field, def)                                              \
    {                                                                              \
        .name = #field, .kind = IG_ATTR_FLOAT, .offset = offsetof(struct_, field), \
        .def_float = (def)                                                         \
    }
#define IG_TEXT(struct_, field, def)                                              \
    {                                                                             \
        .name = #field, .kind = IG_ATTR_TEXT, .offset = offsetof(struct_, field), \
        .def_text = (def)                                                         \
    }
#define IG_ENUM(struct_, field, def, list)                                        \
    {                                                                             \
        .name = #field, .kind = IG_ATTR_ENUM, .offset = offsetof(struct_, field), \
        .def_int = (def), .choices = (list)                                       \
    }
#define IG_INTS(struct_, field)                                                  \
    {                                                                            \
        .name = #field, .kind = IG_ATTR_INTS, .offset = offsetof(struct_, field) \
    }
#define IG_FLOATS(struct_, field)                                                  \
    {                                                                              \
        .name = #field, .kind = IG_ATTR_FLOATS, .offset = offsetof(struct_, field) \
    }
#define IG_TEXTS(struct_, field)                                                  \
    {                                                                             \
        .name = #field, .kind = IG_ATTR_TEXTS, .offset = offsetof(struct_, field) \
    }

/* Values that travel between importers, files and structs. */
typedef struct {
    ig_attr_kind kind; /* ENUM travels as TEXT */
    int64_t i;
    double f;
    const char *s;
    ig_ints ints;
    ig_floats floats;
    ig_texts texts;
} ig_attr_value;

const ig_attr *ig_attr_find(const ig_attr *list,
                            const char *name); /* NULL: none; list may be NULL */
void ig_attr_defaults(void *attrs, const ig_attr *list);
ig_attr_value ig_attr_get(const void *attrs, const ig_attr *field);
bool ig_attr_is_default(const void *attrs, const ig_attr *field);

/* ig_attr_set - copies lists and texts to the arena. E_ARG: wrong kind (an INT is taken for a
 * FLOAT) or no such choice; E_NOMEM. */
ingot_status ig_attr_set(void *attrs, const ig_attr *field, const ig_attr_value *value,
                         ig_arena *arena, ingot_error *err);

bool ig_attr_equal(const void *a, const void *b, const ig_attr *list);

#endif
