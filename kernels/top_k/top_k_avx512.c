/* top_k_avx512.c - what is better than a bound, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/top_k/top_k_body.h"
