/* reduce_avx2.c - reductions, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/reduce/reduce_body.h"
