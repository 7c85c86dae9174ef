/* dtype.h - what the house knows of each element type. */
#ifndef IG_DTYPE_H
#define IG_DTYPE_H

#include "runtime/ingot.h"

typedef enum {
    IG_CLASS_NONE,
    IG_CLASS_FLOAT,
    IG_CLASS_INT,
    IG_CLASS_UINT,
    IG_CLASS_BOOL,
    IG_CLASS_STR,
    IG_CLASS_COMPLEX
} ig_dtype_class;

typedef struct {
    const char *name; /* "f32", as printed and stored */
    size_t bytes;     /* of an element in memory */
    unsigned bits;    /* of its value: 4 for i4 */
    ig_dtype_class class_;
} ig_dtype_info;

/* ig_dtype - never NULL; code 0 or unknown gives an entry of class NONE and 0 bytes. */
const ig_dtype_info *ig_dtype(ingot_dtype dtype);
bool ig_dtype_valid(int code);
ingot_dtype ig_dtype_find(const char *name); /* INGOT_NONE: no such name */

/* ig_to_double / ig_from_double - one element of any numeric type (bool included; complex: the real
 * part). Conversion to an integer truncates and saturates; to a float rounds to nearest even. */
double ig_to_double(const void *p, ingot_dtype dtype, size_t index);
void ig_from_double(void *p, ingot_dtype dtype, size_t index, double value);
int64_t ig_to_int(const void *p, ingot_dtype dtype,
                  size_t index); /* exact for every integer type */

/* Narrow floats, bit patterns in the low bits. Saturating encoders clip to the largest finite
 * value, others follow the type (infinity where it has one, else NaN). Spec: ONNX "float8" and OCP
 * MX. */
float ig_f8_to_f32(uint8_t bits, ingot_dtype dtype);
uint8_t ig_f32_to_f8(float x, ingot_dtype dtype, bool saturate);

/* e8m0, a power of two: the sign is dropped. UP: away from zero; DOWN: towards it; NEAREST: ties
 * up. Not saturating: what is out of range becomes NaN. */
typedef enum { IG_ROUND_UP, IG_ROUND_DOWN, IG_ROUND_NEAREST } ig_round;
uint8_t ig_f32_to_e8m0(float x, ig_round round, bool saturate);

#endif
