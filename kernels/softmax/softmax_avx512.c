/* softmax_avx512.c - softmax over rows, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/softmax/softmax_body.h"
