/* rope_ref.c - rotary embedding, the scalar truth: one lane after the other. */
#include "kernels/vec/vec_ref.h"

VEC_INLINE vf vf_twice(const float *p)
{
    vf out;
    for (int i = 0; i < 16; i++) out.v[i] = p[i / 2];
    return out;
}

VEC_INLINE vf vf_neighbours(vf x)
{
    vf out;
    for (int i = 0; i < 16; i++) out.v[i] = x.v[i ^ 1];
    return out;
}

#include "kernels/rope/rope_body.h"
