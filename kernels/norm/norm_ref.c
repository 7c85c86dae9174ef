/* norm_ref.c - layer and RMS normalisation: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/norm/norm_body.h"
