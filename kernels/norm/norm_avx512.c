/* norm_avx512.c - layer and RMS normalisation, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/norm/norm_body.h"
