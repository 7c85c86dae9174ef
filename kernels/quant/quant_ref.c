/* quant_ref.c - quantisation, the scalar truth. */
#include "kernels/vec/vec_ref.h"
#include "kernels/quant/quant_body.h"
#include "kernels/quant/binary_i8_body.h"
