/* winograd_avx2.c - Winograd's transforms, AVX2. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/winograd/winograd_body.h"
