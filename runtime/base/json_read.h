/* json_read.h - a JSON text as a tree: small files that Ingot itself wrote, schemas, messages of a
 * chat.
 *
 * The whole of RFC 8259 at most IG_JSON_READ_DEPTH levels deep; numbers are doubles and the text
 * that they came from; of keys that occur twice the first counts. Bytes that are not UTF-8 pass. */
#ifndef IG_JSON_READ_H
#define IG_JSON_READ_H

#include "runtime/base/arena.h"

enum { IG_JSON_READ_DEPTH = 64 };

typedef enum {
    IG_JSON_NULL,
    IG_JSON_BOOL,
    IG_JSON_NUMBER,
    IG_JSON_TEXT,
    IG_JSON_ARRAY,
    IG_JSON_OBJECT,
} ig_json_kind;

typedef struct ig_json_value {
    ig_json_kind kind;
    const char *key;  /* in an object */
    const char *text; /* of a text, or of a number as it was written; terminated */
    double number;    /* of a number; of a bool 0 or 1 */
    const struct ig_json_value *first, *next; /* members of this, neighbours beside it */
    size_t at;                                /* where it begins in the text */
} ig_json_value;

/* ig_json_read - n bytes of text; the tree lives in the arena. Errors: E_DATA (what is wrong, and
 * in which line), E_NOMEM. */
ingot_status ig_json_read(const ig_json_value **out, const char *text, size_t n, ig_arena *arena,
                          ingot_error *err);

/* Members of an object, NULL (or the other value) when v is NULL, no object, or has none such. */
const ig_json_value *ig_json_find(const ig_json_value *v, const char *key);
const char *ig_json_find_text(const ig_json_value *v, const char *key);
double ig_json_find_number(const ig_json_value *v, const char *key, double other);

#endif
