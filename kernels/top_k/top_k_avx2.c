/* top_k_avx2.c - what is better than a bound, AVX2. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/top_k/top_k_body.h"
