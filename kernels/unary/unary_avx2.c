/* unary_avx2.c - elementwise functions, AVX2 + FMA: two ymm registers a step. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/unary/unary_body.h"
