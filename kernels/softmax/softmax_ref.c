/* softmax_ref.c - softmax over rows: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/softmax/softmax_body.h"
