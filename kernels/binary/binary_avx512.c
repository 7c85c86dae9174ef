/* binary_avx512.c - elementwise functions of two operands, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/binary/binary_body.h"
