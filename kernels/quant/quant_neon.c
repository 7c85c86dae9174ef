/* quant_neon.c - quantisation, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/quant/quant_body.h"
#include "kernels/quant/binary_i8_body.h"
