/* unary_avx512.c - elementwise functions, AVX-512: one zmm register a step, masked tails. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/unary/unary_body.h"
