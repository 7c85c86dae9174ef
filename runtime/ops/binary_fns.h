/* binary_fns.h - the loops behind the op `binary`, one for each function and computing type. */
#ifndef IG_OPS_BINARY_FNS_H
#define IG_OPS_BINARY_FNS_H

#include "runtime/ops/block.h"

/* y [n]; a and b advance by their step, 0 or 1. bits: width of the stored integer, for shifts. */
typedef void ig_binary_fn(void *y, const void *a, size_t step_a, const void *b, size_t step_b,
                          size_t n, unsigned bits);

typedef enum {
    IG_BINARY_VALUE, /* the result has the type of a */
    IG_BINARY_TEST,  /* y is bool, one byte each */
    IG_BINARY_LOGIC, /* bool from bool */
} ig_binary_kind;

extern const char *const ig_binary_names[]; /* ends with NULL; the attribute's choices */

/* ig_binary_find - NULL: the function is not defined for the type. */
ig_binary_fn *ig_binary_find(int fn, ig_calc calc);
ig_binary_kind ig_binary_kind_of(int fn);
bool ig_binary_is(int fn, const char *name);

#endif
