/* array.h - named arrays in memory: what data files hold and what models are fed with.
 *
 * Elements are in C order and in the machine's byte order. A list owns its arrays; each array is
 * one block of the list's heap (texts of a string array lie behind its ingot_str elements). */
#ifndef IG_ARRAY_H
#define IG_ARRAY_H

#include "runtime/base/alloc.h"

typedef struct ig_array {
    char *name;
    ingot_dtype dtype;
    int rank;
    int64_t dims[INGOT_MAX_RANK];
    void *data;   /* 64-byte aligned, never NULL once read */
    size_t bytes; /* elements * size of an element */
    size_t held;  /* the block's size: bytes, and for strings their texts */
} ig_array;

typedef struct {
    ig_heap *heap;
    ig_array *items;
    size_t n, room;
} ig_arrays;

void ig_arrays_init(ig_arrays *list, ig_heap *heap);
void ig_arrays_clear(ig_arrays *list);

/* ig_arrays_add - append an array with a copy of the name and no data; it is taken back by
 * ig_arrays_pop or with the list. *out is borrowed until the next add. Errors: E_DATA (the name is
 * there already), E_NOMEM. */
ingot_status ig_arrays_add(ig_array **out, ig_arrays *list, const char *name, size_t name_len,
                           ingot_error *err);
void ig_arrays_pop(ig_arrays *list);

/* ig_arrays_find - borrowed, or NULL. */
ig_array *ig_arrays_find(const ig_arrays *list, const char *name);

/* ig_arrays_remove - drop one array; those behind it move forward. */
void ig_arrays_remove(ig_arrays *list, ig_array *array);

/* The name of an element type as NumPy and ml_dtypes write it (float32, bfloat16, float8_e4m3fn,
 * int4, str...), NULL for an unknown type; and the way back, INGOT_NONE for an unknown name. */
const char *ig_numpy_name(ingot_dtype dtype);
ingot_dtype ig_numpy_find(const char *text, size_t len);

/* ig_numpy_carrier - the type that stands for `dtype` in NumPy's files: itself, or uint16 for
 * bfloat16, uint8 or int8 for the 8-bit floats and the widened small integers. */
ingot_dtype ig_numpy_carrier(ingot_dtype dtype);

/* ig_count_elements - *out = product of dims; false where it overflows or a dim is negative. Even
 * an empty array's other dims must multiply to a size_t. */
bool ig_count_elements(size_t *out, int rank, const int64_t *dims);

/* ig_format_shape - "[2, 3]" into text; returns text. Long shapes are cut, always terminated. */
const char *ig_format_shape(char *text, size_t room, int rank, const int64_t *dims);

#endif
