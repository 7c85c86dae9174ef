/* compare_avx2.c - comparisons, AVX2. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/compare/compare_body.h"
