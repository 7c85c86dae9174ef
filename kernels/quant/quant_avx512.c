/* quant_avx512.c - quantisation, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/quant/quant_body.h"
