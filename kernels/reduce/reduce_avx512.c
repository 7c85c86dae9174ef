/* reduce_avx512.c - reductions, AVX-512. */
#include "kernels/vec/vec_avx512.h"

enum { MOST_SHORT = 8 };
#include "kernels/reduce/reduce_body.h"
