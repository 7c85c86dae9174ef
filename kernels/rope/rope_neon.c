/* rope_neon.c - rotary embedding, NEON. */
#include "kernels/vec/vec_neon.h"

VEC_INLINE vf vf_twice(const float *p)
{
    const float32x4_t x = vld1q_f32(p), y = vld1q_f32(p + 4);
    return (vf){vzip1q_f32(x, x), vzip2q_f32(x, x), vzip1q_f32(y, y), vzip2q_f32(y, y)};
}

VEC_INLINE vf vf_neighbours(vf x)
{
    return (vf){vrev64q_f32(x.a), vrev64q_f32(x.b), vrev64q_f32(x.c), vrev64q_f32(x.d)};
}

#include "kernels/rope/rope_body.h"
