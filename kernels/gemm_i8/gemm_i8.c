/* gemm_i8.c - see gemm_i8.h: dispatch, sizes, and the packing of weights, done once a model. */
#include "kernels/gemm_i8/gemm_i8.h"
#include "runtime/base/checked.h"

#include <string.h>

gemm_i8_fn *ig_gemm_i8(void)
{
    gemm_i8_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/gemm_i8/gemm_i8.kern"
#undef K
    return best;
}

gemm_i8_acts_fn *ig_gemm_i8_acts(void)
{
    gemm_i8_acts_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/gemm_i8/gemm_i8_acts.kern"
#undef K
    return best;
}

bool ig_gemm_i8_weight_bytes(size_t n, size_t k, size_t *bytes)
{
    size_t n16, k4;
    return ig_align_ok(n, GEMM_I8_PANEL, &n16) && ig_align_ok(k, 4, &k4) &&
           ig_mul_ok(n16, k4, bytes);
}

bool ig_gemm_i8_acts_bytes(size_t m, size_t k, size_t *bytes)
{
    size_t k4;
    return ig_align_ok(k, 4, &k4) && ig_mul_ok(m, k4, bytes) && ig_mul_ok(*bytes, 2, bytes);
}

/* Asked of the packing itself: words have a 0 between the bytes. */
bool ig_gemm_i8_raw(void)
{
    uint8_t packed[8];
    ig_gemm_i8_acts()(packed, NULL, "\1\2\3\4", false, 1, 4, 4);
    return packed[1] == 2;
}

void ig_gemm_i8_pack_weights(int8_t *panels, int32_t *sums, const void *w, bool is_signed, size_t n,
                             size_t k, size_t n_stride, size_t k_stride)
{
    const uint8_t *from = w, flip = is_signed ? 0 : 0x80; /* u8 - 128 is the sign bit flipped */
    const size_t k4 = (k + 3) / 4;
    for (size_t row0 = 0; row0 < n; row0 += GEMM_I8_PANEL, panels += k4 * 64) {
        const size_t rows = IG_MIN(n - row0, (size_t)GEMM_I8_PANEL);
        memset(panels, 0, k4 * 64);
        memset(sums + row0, 0, GEMM_I8_PANEL * sizeof *sums);
        for (size_t i = 0; i < k; i++) {
            int8_t *to = panels + i / 4 * 64 + i % 4;
            for (size_t r = 0; r < rows; r++) {
                to[r * 4] = (int8_t)(from[(row0 + r) * n_stride + i * k_stride] ^ flip);
                sums[row0 + r] += to[r * 4];
            }
        }
    }
}

void ig_gemm_i8_fix(int32_t *fix, const int32_t *sums, const int32_t *zeros, size_t n, size_t k)
{
    for (size_t i = 0; i < (n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL * GEMM_I8_PANEL; i++)
        fix[i] = (int32_t)((uint32_t)sums[i] - (uint32_t)k * (uint32_t)zeros[i]);
}
