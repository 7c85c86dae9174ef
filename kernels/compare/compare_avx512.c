/* compare_avx512.c - comparisons, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/compare/compare_body.h"
