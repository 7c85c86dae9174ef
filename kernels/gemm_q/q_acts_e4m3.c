/* q_acts_e4m3.c - activations rounded to floats of 8 bits; see gemm_q.h. */
#include "kernels/gemm_q/gemm_q.h"
#include "kernels/gemm_q/q_e4m3.h"
#include "runtime/base/checked.h"

static void round_group(float *to, const float *x, size_t n)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) bits = IG_MAX(bits, ig_f32_bits(x[i]) & 0x7fffffff);
    const float top = ig_f32_from_bits(bits);
    const bool none = top < 0x1p-100f;
    const float inverse = none ? 0 : IG_E4M3_MOST / top, d = none ? 0 : top / IG_E4M3_MOST;
    for (size_t i = 0; i < n; i++)
        to[i] = !isfinite(top) ? NAN : none ? 0 : q_from_e4m3(q_to_e4m3(x[i] * inverse)) * d;
}

void ig_q_e4m3_row(float *to, const float *x, size_t k, const ig_q_format *f)
{
    const size_t group = f->group ? f->group : k;
    for (size_t at = 0; at < k; at += group) round_group(to + at, x + at, IG_MIN(group, k - at));
}
