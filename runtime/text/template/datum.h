/* datum.h - the values of templates: Python's, as far as templates see them.
 *
 * A datum is small and passed by value; texts, lists and dicts lie in the arena of a rendering and
 * are never changed, but for namespaces. */
#ifndef IG_TEXT_DATUM_H
#define IG_TEXT_DATUM_H

#include "runtime/base/arena.h"
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef enum {
    IG_UNDEFINED, /* .text: the name that is not there */
    IG_NONE,
    IG_BOOL,
    IG_INT,
    IG_REAL,
    IG_TEXT,
    IG_LIST,
    IG_TUPLE, /* a list that prints otherwise */
    IG_DICT,
    IG_NAMESPACE, /* a dict whose members can be set */
    IG_LOOP,      /* the variable `loop` */
    IG_MACRO,
    IG_FUNCTION, /* one of the environment; .i says which */
    IG_METHOD,   /* of a text, list or dict: .method */
} ig_datum_kind;

typedef struct ig_datum {
    ig_datum_kind kind;
    union {
        bool b;
        int64_t i;
        double f;
        ingot_str text;
        struct ig_list *list;
        struct ig_dict *dict;
        struct ig_loop *loop;
        struct ig_macro *macro;
        struct ig_method *method;
    };
} ig_datum;

/* weight: values in it, those of members counted where they are members: what walking over it all
 * costs, also where one list is a member many times. */
typedef struct ig_list {
    ig_datum *v;
    size_t n, cap, weight, depth;
} ig_list;

typedef struct {
    ig_datum key, value;
} ig_pair;

typedef struct ig_dict {
    ig_pair *v; /* in order of insertion */
    size_t n, cap, weight, depth;
} ig_dict;

typedef struct ig_loop {
    const ig_datum *items;
    size_t n, i;
} ig_loop;

typedef struct ig_method {
    ig_datum self;
    ingot_str name;
} ig_method;

static inline ig_datum ig_none(void) { return (ig_datum){.kind = IG_NONE}; }
static inline ig_datum ig_bool(bool b) { return (ig_datum){.kind = IG_BOOL, .b = b}; }
static inline ig_datum ig_int(int64_t i) { return (ig_datum){.kind = IG_INT, .i = i}; }
static inline ig_datum ig_real(double f) { return (ig_datum){.kind = IG_REAL, .f = f}; }
static inline ig_datum ig_text(const char *p, size_t n)
{
    return (ig_datum){.kind = IG_TEXT, .text = {p, n}};
}
static inline ig_datum ig_undefined(ingot_str name)
{
    return (ig_datum){.kind = IG_UNDEFINED, .text = name};
}

static inline bool ig_str_is(ingot_str s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}
static inline bool ig_str_equal(ingot_str a, ingot_str b)
{
    return a.n == b.n && !memcmp(a.p, b.p, a.n);
}
static inline bool ig_is_list(ig_datum d) { return d.kind == IG_LIST || d.kind == IG_TUPLE; }
static inline bool ig_is_dict(ig_datum d) { return d.kind == IG_DICT || d.kind == IG_NAMESPACE; }
static inline bool ig_is_numeric(ig_datum d)
{
    return d.kind == IG_INT || d.kind == IG_REAL || d.kind == IG_BOOL;
}
static inline double ig_as_real(ig_datum d)
{
    return d.kind == IG_REAL ? d.f : d.kind == IG_BOOL ? (double)d.b : (double)d.i;
}
static inline int64_t ig_as_int(ig_datum d) { return d.kind == IG_BOOL ? d.b : d.i; }

const char *ig_datum_kind_name(ig_datum d); /* as Python calls it */
bool ig_datum_true(ig_datum d);
bool ig_datum_equal(ig_datum a, ig_datum b);
/* ig_datum_order - < 0, 0, > 0; false: the two have no order. */
bool ig_datum_order(int *out, ig_datum a, ig_datum b);

size_t ig_datum_weight(ig_datum d);

/* NULL or false: no memory. */
ig_list *ig_list_new(ig_arena *a);
bool ig_list_add(ig_arena *a, ig_list *l, ig_datum d);
ig_dict *ig_dict_new(ig_arena *a);
bool ig_dict_set(ig_arena *a, ig_dict *d, ig_datum key, ig_datum value);
const ig_datum *ig_dict_find(const ig_dict *d, ig_datum key);
static inline const ig_datum *ig_dict_get(const ig_dict *d, ingot_str key)
{
    return ig_dict_find(d, (ig_datum){.kind = IG_TEXT, .text = key});
}

/* ---- writing ---- */
void ig_datum_print(ig_bytes *to, ig_datum d); /* as Python's str() */
void ig_datum_repr(ig_bytes *to, ig_datum d);
/* ig_datum_json - as json.dumps(ensure_ascii=False); indent < 0: one line. false: what is not JSON.
 */
bool ig_datum_json(ig_bytes *to, ig_datum d, int indent, int level);
void ig_put_real(ig_bytes *to, double f); /* Python's repr() */

/* ---- reading ---- */
/* ig_datum_from_json - errors: E_DATA, E_NOMEM. */
ingot_status ig_datum_from_json(ig_datum *out, ig_arena *a, const char *text, size_t n,
                                ingot_error *err);

/* ---- characters of texts ---- */
size_t ig_text_length(ingot_str s);
/* ig_text_at - the byte at which character i begins; s.n when there are not so many. */
size_t ig_text_at(ingot_str s, size_t i);

#endif
