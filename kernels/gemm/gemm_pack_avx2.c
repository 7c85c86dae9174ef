/* gemm_pack_avx2.c - B into F32P16 panels, AVX2. Bound by reading B once from memory.
 *
 * Rows of a row-major B are copied 16 columns at a time; a transposed B goes through 8 x 8
 * transposes in registers; other strides gather. Columns past N become zero. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/transpose_avx2.h"
#include "runtime/base/checked.h"

enum { LANES = 8 };

#define UNROLL _Pragma("GCC unroll 8")

static void copy_rows(float *to, const float *from, size_t k, size_t ld_k, size_t cols)
{
    const __m256i low = ig_mask_avx2(cols), high = ig_mask_avx2(cols > LANES ? cols - LANES : 0);
    for (; k; k--, to += IG_PANEL, from += ld_k) {
        _mm256_storeu_ps(to, _mm256_maskload_ps(from, low));
        _mm256_storeu_ps(to + LANES, _mm256_maskload_ps(from + LANES, high));
    }
}

/* from [cols][k], each row contiguous; to: 8 of a panel's 16 columns */
static void transpose_rows(float *to, const float *from, size_t k, size_t ld_n, size_t cols)
{
    for (size_t i = 0; i < k; i += LANES) {
        const size_t left = IG_MIN(k - i, LANES);
        const __m256i deep = ig_mask_avx2(left), none = _mm256_setzero_si256();
        __m256 v[LANES];
        UNROLL for (size_t j = 0; j < LANES; j++) v[j] =
            _mm256_maskload_ps(from + (j < cols ? j * ld_n : 0) + i, j < cols ? deep : none);
        ig_transpose_avx2(v);
        UNROLL for (size_t j = 0; j < LANES; j++)
        {
            if (j < left) _mm256_storeu_ps(to + (i + j) * IG_PANEL, v[j]);
        }
    }
}

static void gather(float *to, const float *from, size_t k, size_t ld_k, size_t ld_n, size_t cols)
{
    for (; k; k--, to += IG_PANEL, from += ld_k)
        for (size_t j = 0; j < IG_PANEL; j++) to[j] = j < cols ? from[j * ld_n] : 0;
}

void gemm_pack_f32_avx2(float *dst, const float *src, size_t k, size_t n, size_t ld_k, size_t ld_n,
                        size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        float *to = dst + p * IG_PANEL * k;
        const float *from = src + p * IG_PANEL * ld_n;
        const size_t cols = IG_MIN(n - p * IG_PANEL, IG_PANEL);
        if (ld_n == 1) {
            copy_rows(to, from, k, ld_k, cols);
        } else if (ld_k == 1) {
            const size_t high = cols > LANES ? cols - LANES : 0;
            transpose_rows(to, from, k, ld_n, IG_MIN(cols, LANES));
            transpose_rows(to + LANES, from + (high ? LANES * ld_n : 0), k, ld_n, high);
        } else {
            gather(to, from, k, ld_k, ld_n, cols);
        }
    }
}
