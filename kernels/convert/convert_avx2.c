/* convert_avx2.c - conversions, AVX2. */
#include "kernels/vec/vec_avx2.h"
#include "kernels/convert/convert_body.h"
