/* gemm_pack_half_ref.c - packing of 16-bit weights, the scalar truth; see gemm.h. */
#include "kernels/gemm/gemm.h"

void gemm_pack_f16_ref(uint16_t *dst, const uint16_t *src, size_t k, size_t n, size_t ld_k,
                       size_t ld_n, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++)
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < IG_PANEL; j++) {
                const size_t col = p * IG_PANEL + j;
                dst[(p * k + i) * IG_PANEL + j] = col < n ? src[i * ld_k + col * ld_n] : 0;
            }
}

void gemm_pack_bf16_ref(uint16_t *dst, const uint16_t *src, size_t k, size_t n, size_t ld_k,
                        size_t ld_n, size_t p0, size_t p1)
{
    const size_t even = ig_gemm_even(k);
    for (size_t p = p0; p < p1; p++)
        for (size_t i = 0; i < even; i++)
            for (size_t j = 0; j < IG_PANEL; j++) {
                const size_t col = p * IG_PANEL + j;
                const size_t at = (p * even + i / 2 * 2) * IG_PANEL + j * 2 + i % 2;
                dst[at] = i < k && col < n ? src[i * ld_k + col * ld_n] : 0;
            }
}
