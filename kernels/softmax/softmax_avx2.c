/* softmax_avx2.c - softmax over rows, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/softmax/softmax_body.h"
