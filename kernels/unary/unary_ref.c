/* unary_ref.c - elementwise functions, the scalar truth: one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/unary/unary_body.h"
