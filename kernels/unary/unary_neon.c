/* unary_neon.c - elementwise functions, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/unary/unary_body.h"
