/* compare_ref.c - comparisons, the scalar truth. */
#include "kernels/vec/vec_ref.h"
#include "kernels/compare/compare_body.h"
