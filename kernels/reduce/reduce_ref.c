/* reduce_ref.c - reductions: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"

enum { MOST_SHORT = 0 };
#include "kernels/reduce/reduce_body.h"
