/* json.h - writing JSON as it is walked: no tree, no allocation.
 *
 * Texts are escaped, and bytes that are not UTF-8 become U+FFFD. Integers are exact; reals are the
 * shortest text that reads back to the same number, and null where JSON has none (NaN, infinity).
 * In an object every value has a key; in an array the key is NULL. */
#ifndef IG_JSON_H
#define IG_JSON_H

#include <stdio.h>
#include "runtime/base/status.h"

enum { IG_JSON_DEPTH = 64 };

typedef struct {
    FILE *to;
    int indent; /* spaces a level; 0: one line */
    int depth;
    bool is_array[IG_JSON_DEPTH]; /* of the open levels */
    bool has_items[IG_JSON_DEPTH];
} ig_json;

void ig_json_init(ig_json *j, FILE *to, int indent);

void ig_json_object(ig_json *j, const char *key);
void ig_json_array(ig_json *j, const char *key);
void ig_json_end(ig_json *j); /* the innermost object or array */

void ig_json_text(ig_json *j, const char *key, const char *text); /* NULL: null */
void ig_json_text_n(ig_json *j, const char *key, const char *text, size_t n);
void ig_json_int(ig_json *j, const char *key, int64_t v);
void ig_json_uint(ig_json *j, const char *key, uint64_t v);
void ig_json_f64(ig_json *j, const char *key, double v);
void ig_json_f32(ig_json *j, const char *key, float v);
void ig_json_bool(ig_json *j, const char *key, bool v);
void ig_json_null(ig_json *j, const char *key);

/* ig_json_finish - all levels are closed: a final newline, and whether the stream took it all. */
ingot_status ig_json_finish(ig_json *j, ingot_error *err);

#endif
