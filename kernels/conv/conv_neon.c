/* conv_neon.c - convolution, NEON: gathered rows (conv_rows.h) and the NEON GEMM. */
#include "kernels/conv/conv_rows.h"
#include "kernels/vec/lanes_neon.h"

NEON_INLINE void copy(float *to, const float *from, size_t n)
{
    for (; n >= 4; n -= 4, to += 4, from += 4) vst1q_f32(to, vld1q_f32(from));
    if (n) ig_store_neon(to, n, ig_load_neon(from, n, vdupq_n_f32(0)));
}

void conv_f32_neon(const ig_conv_f32_args *c, float *scratch, size_t r0, size_t r1, size_t p0,
                   size_t p1)
{
    conv_rows(c, scratch, r0, r1, p0, p1, gemm_f32_neon, copy);
}
