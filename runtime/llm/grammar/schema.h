/* schema.h - what the parts of the schema compiler share.
 *
 * A place in a document has to satisfy a set of schemas at once: the one that stands there, those
 * that its $ref and allOf name, and the branch of anyOf that is tried. Such a set becomes one rule;
 * sets are remembered, so that recursion through $ref ends. */
#ifndef IG_LLM_SCHEMA_H
#define IG_LLM_SCHEMA_H

#include "runtime/base/json_read.h"
#include "runtime/llm/grammar/expr.h"

enum {
    IG_SCHEMA_SET_MOST = 256, /* schemas that one place has to satisfy */
    IG_SCHEMA_ANY_OF = 1,     /* ig_schema_part.chosen: a branch was taken, */
    IG_SCHEMA_ONE_OF = 2,     /* it is in the set */
};

typedef struct {
    const ig_json_value *v; /* an object */
    unsigned chosen;
    bool open; /* what it refers to is just being added */
} ig_schema_part;

typedef struct {
    const ig_schema_part *v;
    size_t n;
} ig_schema_set; /* sorted, without equals; n == 0: anything */

typedef enum { /* rules that many places use */
               IG_COMMON_SPACE,
               IG_COMMON_CHARACTER,
               IG_COMMON_STRING,
               IG_COMMON_VALUE,
               IG_COMMON_OBJECT,
               IG_COMMON_ARRAY,
               IG_COMMON_NUMBER,
               IG_COMMON_INTEGER,
               IG_COMMON_RULES
} ig_common;

typedef struct {
    ig_schema_set set; /* v NULL: an empty slot */
    uint32_t rule;
} ig_schema_known;

typedef struct ig_schema_pending { /* a rule whose body is still to be made */
    ig_schema_set set;
    uint32_t rule;
    struct ig_schema_pending *next;
} ig_schema_pending;

typedef struct { /* a set under construction */
    ig_schema_part v[IG_SCHEMA_SET_MOST];
    size_t n;
} ig_schema_draft;

typedef struct {
    ig_builder *b;
    const ig_json_value *root;
    uint32_t common[IG_COMMON_RULES]; /* rule + 1; 0: not made */
    ig_schema_known *known;           /* a hash table */
    ig_schema_pending *pending;
    ig_schema_draft *draft;
} ig_schema;

const ig_expr *ig_schema_fail(ig_schema *s, ingot_status status, const ig_json_value *where,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ig_schema_expr - what satisfies all of the set: a call of its rule. */
const ig_expr *ig_schema_expr(ig_schema *s, ig_schema_set set);
/* ig_schema_draft_begin - an empty one; there is one at a time. */
ig_schema_draft *ig_schema_draft_begin(ig_schema *s);
/* ig_schema_add - puts a schema (true, false or an object) and what it refers to into it. false:
 * nothing satisfies it. */
bool ig_schema_add(ig_schema *s, ig_schema_draft *d, const ig_json_value *schema);
const ig_expr *ig_schema_draft_expr(ig_schema *s, const ig_schema_draft *d);

/* ig_schema_find - the first of the set that has a keyword; NULL: none. */
const ig_json_value *ig_schema_find(ig_schema_set set, const char *keyword);

/* ---- expressions of each type: schema_text.c, schema_number.c, schema_object.c, schema_array.c */
const ig_expr *ig_schema_string(ig_schema *s, ig_schema_set set);
const ig_expr *ig_schema_number(ig_schema *s, ig_schema_set set, bool integer);
const ig_expr *ig_schema_object(ig_schema *s, ig_schema_set set);
const ig_expr *ig_schema_array(ig_schema *s, ig_schema_set set);
const ig_expr *ig_schema_common(ig_schema *s, ig_common which);

/* ig_schema_literal - a JSON value as it is written, without blanks. */
const ig_expr *ig_schema_literal(ig_schema *s, const ig_json_value *v);
const ig_expr *ig_schema_quoted(ig_schema *s, const char *text); /* a string of JSON */
/* ig_schema_characters - characters of a set as a string of JSON holds them: some escaped. */
ig_regex_each ig_schema_characters;

/* ig_schema_count - the largest or the smallest of what the set says of a keyword that is a count;
 * *out stays where nothing is said. false: a malformed one. */
bool ig_schema_count(ig_schema *s, ig_schema_set set, const char *keyword, bool largest,
                     uint32_t *out);

/* ig_schema_allows - does a constant satisfy all of the set? For enum and const beside other
 * keywords. */
bool ig_schema_allows(ig_schema *s, ig_schema_set set, const ig_json_value *v);
bool ig_json_equal(const ig_json_value *a, const ig_json_value *b);

#endif
