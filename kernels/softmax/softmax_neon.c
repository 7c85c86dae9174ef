/* softmax_neon.c - softmax over rows, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/softmax/softmax_body.h"
