/* attention_vec_ref.h - what attention adds to the vector of vec_ref.h: elements of pages, and
 * powers of two. */
#ifndef IG_ATTENTION_VEC_REF_H
#define IG_ATTENTION_VEC_REF_H

#include "kernels/vec/vec_ref.h"

#include <string.h>

VEC_INLINE vf vf_f16(const unsigned char *p)
{
    uint16_t h[16];
    vf out;
    memcpy(h, p, sizeof h);
    for (int i = 0; i < 16; i++) out.v[i] = ig_f16_to_f32(h[i]);
    return out;
}

VEC_INLINE vf vf_bf16(const unsigned char *p)
{
    uint16_t h[16];
    vf out;
    memcpy(h, p, sizeof h);
    for (int i = 0; i < 16; i++) out.v[i] = ig_bf16_to_f32(h[i]);
    return out;
}

VEC_INLINE vf vf_i8(const unsigned char *p)
{
    vf out;
    for (int i = 0; i < 16; i++) out.v[i] = (float)(int8_t)p[i];
    return out;
}

VEC_INLINE void vf_i8_quads(const unsigned char *p, vf out[4])
{
    for (int i = 0; i < 64; i++) out[i % 4].v[i / 4] = (float)(int8_t)p[i];
}

/* 2^n of t = n + 0x1.8p23, n integral within -127 .. 0; 2^-127 counts as zero. */
VEC_INLINE vf vf_power(vf t)
{
    vf out;
    for (int i = 0; i < 16; i++)
        out.v[i] = ig_f32_from_bits((ig_f32_bits(t.v[i]) << 23) + (UINT32_C(127) << 23));
    return out;
}

#endif
