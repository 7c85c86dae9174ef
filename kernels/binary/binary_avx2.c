/* binary_avx2.c - elementwise functions of two operands, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/binary/binary_body.h"
