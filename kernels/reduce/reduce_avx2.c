/* reduce_avx2.c - reductions, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"

enum { MOST_SHORT = 8 };
#include "kernels/reduce/reduce_body.h"
