/* reduce_ref.c - reductions: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/reduce/reduce_body.h"
