/* gemm_pack_avx512.c - B into F32P16 panels, AVX-512. Bound by reading B once from memory.
 *
 * Rows of a row-major B are copied 16 columns at a time; a transposed B goes through 16 x 16
 * transposes in registers; other strides gather. Columns past N become zero. */
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/transpose_avx512.h"
#include "runtime/base/checked.h"

#define UNROLL _Pragma("GCC unroll 16")

static void copy_rows(float *to, const float *from, size_t k, size_t ld_k, __mmask16 cols)
{
    for (; k; k--, to += IG_PANEL, from += ld_k)
        _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(cols, from));
}

/* from [cols][k], each row contiguous */
static void transpose_rows(float *to, const float *from, size_t k, size_t ld_n, size_t cols)
{
    for (size_t i = 0; i < k; i += 16) {
        const size_t left = IG_MIN(k - i, 16);
        const __mmask16 deep = (__mmask16)((1u << left) - 1);
        __m512 v[16];
        UNROLL for (size_t j = 0; j < 16; j++) v[j] =
            _mm512_maskz_loadu_ps(j < cols ? deep : 0, from + (j < cols ? j * ld_n : 0) + i);
        ig_transpose_avx512(v);
        UNROLL for (size_t j = 0; j < 16; j++)
        {
            if (j < left) _mm512_storeu_ps(to + (i + j) * IG_PANEL, v[j]);
        }
    }
}

static void gather(float *to, const float *from, size_t k, size_t ld_k, size_t ld_n, size_t cols)
{
    for (; k; k--, to += IG_PANEL, from += ld_k)
        for (size_t j = 0; j < IG_PANEL; j++) to[j] = j < cols ? from[j * ld_n] : 0;
}

void gemm_pack_f32_avx512(float *dst, const float *src, size_t k, size_t n, size_t ld_k,
                          size_t ld_n, size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        float *to = dst + p * IG_PANEL * k;
        const float *from = src + p * IG_PANEL * ld_n;
        const size_t cols = IG_MIN(n - p * IG_PANEL, IG_PANEL);
        if (ld_n == 1)
            copy_rows(to, from, k, ld_k, (__mmask16)((1u << cols) - 1));
        else if (ld_k == 1)
            transpose_rows(to, from, k, ld_n, cols);
        else
            gather(to, from, k, ld_k, ld_n, cols);
    }
}
