/* norm_neon.c - layer and RMS norm, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/norm/norm_body.h"
