/* attention_avx512.c - attention of one head, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/attention/attention_body.h"
