/* quant_avx2.c - quantisation, AVX2. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/quant/quant_body.h"
#include "kernels/quant/binary_i8_body.h"
