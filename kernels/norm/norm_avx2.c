/* norm_avx2.c - layer and RMS normalisation, AVX2 + FMA. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/norm/norm_body.h"
