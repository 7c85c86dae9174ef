/* gemm_pack_neon.c - B into F32P16 panels, NEON. Bound by reading B once from memory.
 *
 * Rows of a row-major B are copied 16 columns at a time; a transposed B goes through 4 x 4
 * transposes in registers; other strides gather. Columns past N become zero. */
#include "kernels/gemm/epilogue_neon.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

enum { LANES = 4, VECS = IG_PANEL / LANES };

#define UNROLL _Pragma("GCC unroll 4")

static void copy_rows(float *to, const float *from, size_t k, size_t ld_k, size_t cols)
{
    const float32x4_t none = vdupq_n_f32(0);
    for (; k; k--, to += IG_PANEL, from += ld_k)
        UNROLL for (size_t v = 0; v < VECS; v++)
            vst1q_f32(to + v * LANES, ig_load_neon(from + v * LANES, ig_lanes_neon(cols, v), none));
}

/* v [4][4] becomes its transpose. */
NEON_INLINE void turn(float32x4_t v[LANES])
{
    const float32x4_t a = vtrn1q_f32(v[0], v[1]), b = vtrn2q_f32(v[0], v[1]);
    const float32x4_t c = vtrn1q_f32(v[2], v[3]), d = vtrn2q_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
    v[1] = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
    v[2] = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
    v[3] = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}

/* from [cols][k], each row contiguous; to: 4 of a panel's 16 columns */
static void transpose_rows(float *to, const float *from, size_t k, size_t ld_n, size_t cols)
{
    const float32x4_t none = vdupq_n_f32(0);
    for (size_t i = 0; i < k; i += LANES) {
        const size_t left = IG_MIN(k - i, (size_t)LANES);
        float32x4_t v[LANES];
        UNROLL for (size_t j = 0; j < LANES; j++) v[j] =
            j < cols ? ig_load_neon(from + j * ld_n + i, left, none) : none;
        turn(v);
        UNROLL for (size_t j = 0; j < LANES; j++)
        {
            if (j < left) vst1q_f32(to + (i + j) * IG_PANEL, v[j]);
        }
    }
}

static void gather(float *to, const float *from, size_t k, size_t ld_k, size_t ld_n, size_t cols)
{
    for (; k; k--, to += IG_PANEL, from += ld_k)
        for (size_t j = 0; j < IG_PANEL; j++) to[j] = j < cols ? from[j * ld_n] : 0;
}

void gemm_pack_f32_neon(float *dst, const float *src, size_t k, size_t n, size_t ld_k, size_t ld_n,
                        size_t p0, size_t p1)
{
    for (size_t p = p0; p < p1; p++) {
        float *to = dst + p * IG_PANEL * k;
        const float *from = src + p * IG_PANEL * ld_n;
        const size_t cols = IG_MIN(n - p * IG_PANEL, (size_t)IG_PANEL);
        if (ld_n == 1) {
            copy_rows(to, from, k, ld_k, cols);
        } else if (ld_k == 1) {
            for (size_t v = 0; v < VECS; v++) {
                const size_t here = ig_lanes_neon(cols, v);
                transpose_rows(to + v * LANES, from + (here ? v * LANES * ld_n : 0), k, ld_n, here);
            }
        } else {
            gather(to, from, k, ld_k, ld_n, cols);
        }
    }
}
