/* gemm_pack_ref.c - packing, the scalar truth; see gemm.h. */
#include "kernels/gemm/gemm.h"

void gemm_pack_f32_ref(float *dst, const float *src, size_t k, size_t n, size_t ld_k, size_t ld_n,
                       size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++)
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < IG_PANEL; j++) {
                const size_t col = p * IG_PANEL + j;
                dst[(p * k + i) * IG_PANEL + j] = col < n ? src[i * ld_k + col * ld_n] : 0;
            }
}
