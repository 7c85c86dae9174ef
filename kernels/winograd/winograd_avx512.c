/* winograd_avx512.c - Winograd's transforms, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/winograd/winograd_body.h"
