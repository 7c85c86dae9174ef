/* attention.c - see attention.h. */
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_scratch.h"
#include "runtime/base/checked.h"

attention_f32_fn *ig_attention_f32(void)
{
    attention_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/attention/attention.kern"
#undef K
    return best;
}

bool ig_attention_scratch(size_t tk, size_t d, size_t dv, size_t *n_floats)
{
    size_t tk16, dv16, k_floats, v_floats, s_floats;
    if (!ig_align_ok(tk, 16, &tk16) || !ig_align_ok(dv, 16, &dv16)) return false;
    if (!ig_mul_ok(tk16, d, &k_floats) || !ig_mul_ok(dv16, tk, &v_floats)) return false;
    if (tk16 > SIZE_MAX / QUERIES - 17) return false;
    s_floats = QUERIES * (score_row(tk) + 1);
    return ig_add_ok(k_floats, v_floats, n_floats) && ig_add_ok(*n_floats, s_floats, n_floats);
}
