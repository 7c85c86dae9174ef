/* binary_neon.c - elementwise functions of two operands, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/binary/binary_body.h"
