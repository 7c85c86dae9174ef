/* gguf.h - reading GGUF files (ggml's container, versions 2 and 3, little-endian) where they lie.
 *
 *     "GGUF" u32 version, u64 n_tensors, u64 n_keys, keys (text, u32 type, value),
 *     tensors (name, u32 rank, u64 dims innermost first, u32 type, u64 offset), padding, data
 *
 * Nothing is trusted: counts are held against the bytes that are left, texts and arrays are views,
 * and every tensor's bytes lie within the file before it is handed out. */
#ifndef IG_GGUF_H
#define IG_GGUF_H

#include "formats/gguf/types.h"
#include "runtime/base/arena.h"

typedef enum {
    IG_GGUF_U8,
    IG_GGUF_I8,
    IG_GGUF_U16,
    IG_GGUF_I16,
    IG_GGUF_U32,
    IG_GGUF_I32,
    IG_GGUF_F32,
    IG_GGUF_BOOL,
    IG_GGUF_TEXT,
    IG_GGUF_ARRAY,
    IG_GGUF_U64,
    IG_GGUF_I64,
    IG_GGUF_F64,
    IG_GGUF_KINDS
} ig_gguf_kind;

typedef struct {
    ingot_str key;
    ig_gguf_kind kind;     /* of the value, or of the elements of an array */
    bool is_array;         /* of n elements */
    uint64_t n;            /* 1 for a single value */
    const uint8_t *p;      /* the elements */
    const ingot_str *text; /* [n], when kind is TEXT */
} ig_gguf_value;

enum { IG_GGUF_RANK_MOST = 4 };

typedef struct {
    ingot_str name;
    uint32_t rank;
    uint64_t dims[IG_GGUF_RANK_MOST]; /* innermost first */
    uint32_t type;                    /* ggml's number */
    uint64_t offset;                  /* from the data's beginning */
} ig_gguf_tensor;

typedef struct {
    uint32_t version;
    const ig_gguf_value *values;
    size_t n_values;
    const ig_gguf_tensor *tensors;
    size_t n_tensors;
    const uint8_t *data;
    size_t data_bytes;
} ig_gguf;

/* ig_gguf_read - bytes[0, n) must outlive it; the tables go to the arena. Errors: E_FORMAT (says
 * what and where), E_UNSUPPORTED (version 1, big-endian), E_NOMEM. */
ingot_status ig_gguf_read(ig_gguf *g, ig_arena *arena, const void *bytes, size_t n,
                          ingot_error *err);

/* ig_gguf_tensor_data - a tensor's type and bytes, held against the file: rows of whole blocks, a
 * number of elements that fits, all within the data. Errors: E_FORMAT, E_UNSUPPORTED (a type that
 * Ingot does not know; lists those that it does), each with the tensor's name. */
ingot_status ig_gguf_tensor_data(const uint8_t **data, const ig_ggml_type **type, const ig_gguf *g,
                                 const ig_gguf_tensor *t, ingot_error *err);
const ig_gguf_tensor *ig_gguf_tensor_find(const ig_gguf *g, const char *name); /* or NULL */

/* Values by key; a missing key or another kind gives `otherwise`. ig_gguf_find: NULL when missing.
 */
const ig_gguf_value *ig_gguf_find(const ig_gguf *g, const char *key);
int64_t ig_gguf_int(const ig_gguf *g, const char *key, int64_t otherwise);
double ig_gguf_real(const ig_gguf *g, const char *key, double otherwise);
bool ig_gguf_bool(const ig_gguf *g, const char *key, bool otherwise);
ingot_str ig_gguf_text(const ig_gguf *g, const char *key, const char *otherwise);

/* Element i < v->n as a number. */
int64_t ig_gguf_int_at(const ig_gguf_value *v, uint64_t i);
double ig_gguf_real_at(const ig_gguf_value *v, uint64_t i);

#endif
