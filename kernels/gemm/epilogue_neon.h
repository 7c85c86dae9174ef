/* epilogue_neon.h - epilogue.h on q registers; only NEON files include it. */
#ifndef IG_EPILOGUE_NEON_H
#define IG_EPILOGUE_NEON_H

#include "kernels/gemm/epilogue.h"
#include "kernels/vec/lanes_neon.h"

/* The lanes of vector v that lie before column n. */
NEON_INLINE size_t ig_lanes_neon(size_t cols, size_t v) { return cols > v * 4 ? cols - v * 4 : 0; }

/* The activations that are no clip and no map. */
NEON_INLINE float32x4_t ig_activate_neon(const ig_epilogue *e, float32x4_t y)
{
    const float32x4_t zero = vdupq_n_f32(0), one = vdupq_n_f32(1), a = vdupq_n_f32(e->a);
    if (e->act == IG_ACT_LEAKY_RELU) return vbslq_f32(vcltq_f32(y, zero), vmulq_f32(a, y), y);
    if (e->act == IG_ACT_HARD_SWISH) {
        const float32x4_t wide = vaddq_f32(y, vdupq_n_f32(3));
        const float32x4_t t = ig_min_neon(vdupq_n_f32(6), ig_max_neon(zero, wide));
        const float32x4_t rest = vmulq_f32(t, vdupq_n_f32(IG_SIXTH_REST));
        return vmulq_f32(y, vfmaq_f32(rest, t, vdupq_n_f32(IG_SIXTH)));
    }
    return ig_min_neon(one, ig_max_neon(zero, vfmaq_f32(vdupq_n_f32(e->b), a, y)));
}

/* What ig_act_bounds left over, on a stored tile. */
static inline void ig_finish_neon(const ig_epilogue *e, float *c, size_t ldc, size_t rows,
                                  size_t cols)
{
    const float32x4_t none = vdupq_n_f32(0);
    for (size_t r = 0; r < rows; r++, c += ldc) {
        if (e->act == IG_ACT_MAP) {
            e->map(c, c, cols, e->a, e->b);
            continue;
        }
        for (size_t i = 0; i < cols; i += 4)
            ig_store_neon(c + i, cols - i,
                          ig_activate_neon(e, ig_load_neon(c + i, cols - i, none)));
    }
}

#endif
