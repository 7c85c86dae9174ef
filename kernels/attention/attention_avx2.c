/* attention_avx2.c - attention of one head, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/attention/attention_body.h"
