/* convert_avx512.c - conversions, AVX-512. */
#include "kernels/vec/vec_avx512.h"
#include "kernels/convert/convert_body.h"
