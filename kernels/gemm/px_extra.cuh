#pragma once
#include "kernels/cuda/ptx.cuh"
#ifdef IGT_EMU
namespace emu
{
inline float h2f(uint16_t h)
{
    const uint32_t s = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;
    float f;
    if (e == 0) {
        f = ldexpf((float)m, -24);
        uint32_t u;
        memcpy(&u, &f, 4);
        u |= s;
        memcpy(&f, &u, 4);
        return f;
    }
    const uint32_t u = s | (e == 31 ? 0x7f800000u : (e + 112) << 23) | m << 13;
    memcpy(&f, &u, 4);
    return f;
}
inline uint16_t f2h(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    const uint16_t s = u >> 16 & 0x8000;
    const float a = fabsf(x);
    if (a != a) return s | 0x7fff;
    if (a >= 65520.f) return s | 0x7c00;
    if (a < 6.103515625e-5f) return s | (uint16_t)lrintf(ldexpf(a, 24));
    memcpy(&u, &a, 4);
    u += 0xfff + (u >> 13 & 1);
    return s | (uint16_t)((u >> 13) - (112 << 10));
}
inline void mma_f16(float *c, const uint32_t *a, const uint32_t *b)
{
    MmaArg g{c, a, b};
    warp_op(33, ~0u, &g, "mma.sync f16", [](void **v) {
        alignas(32) float A[16][16], Bm[16][8], C[16][8];
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            int r = l >> 2, q = (l & 3) * 2;
            for (int i = 0; i < 4; i++) {
                int rr = r + (i & 1) * 8, kk = q + (i >> 1) * 8;
                A[rr][kk] = h2f(x->a[i]);
                A[rr][kk + 1] = h2f(x->a[i] >> 16);
            }
            for (int i = 0; i < 2; i++) {
                Bm[q + i * 8][r] = h2f(x->b[i]);
                Bm[q + i * 8 + 1][r] = h2f(x->b[i] >> 16);
            }
            C[r][q] = x->c[0];
            C[r][q + 1] = x->c[1];
            C[r + 8][q] = x->c[2];
            C[r + 8][q + 1] = x->c[3];
        }
        for (int m = 0; m < 16; m++)
            for (int k = 0; k < 16; k++) {
                float s = A[m][k];
                for (int n = 0; n < 8; n++) C[m][n] += s * Bm[k][n];
            }
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            int r = l >> 2, q = (l & 3) * 2;
            x->c[0] = C[r][q];
            x->c[1] = C[r][q + 1];
            x->c[2] = C[r + 8][q];
            x->c[3] = C[r + 8][q + 1];
        }
        st_mma++;
    });
}
inline void cp_async4(void *dst, const void *src, unsigned n)
{
    smem_u32(dst);
    float zero = 0;
    if (n) memcpy(dst, src, 4);
    else memcpy(dst, &zero, 4);
}
} // namespace emu
#endif
__device__ __forceinline__ float px_h2f(uint16_t h)
{
#ifdef IGT_EMU
    return emu::h2f(h);
#else
    float f;
    asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
    return f;
#endif
}
__device__ __forceinline__ uint32_t px_pack_f16(float lo, float hi)
{
#ifdef IGT_EMU
    return emu::f2h(lo) | (uint32_t)emu::f2h(hi) << 16;
#else
    uint32_t r;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ void px_mma_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t *b)
{
    PX(emu::mma_f16(c, a, b),
       asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
                    "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));
}
// Copies 4 bytes, or zeros where n is 0.
__device__ __forceinline__ void px_cp4(void *dst, const void *src, int n)
{
    PX(emu::cp_async4(dst, src, n),
       asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(px_smem(dst)), "l"(src),
                    "r"(n)
                    : "memory"));
}
__device__ __forceinline__ float px_as_float(uint32_t u)
{
#ifdef IGT_EMU
    float f;
    memcpy(&f, &u, 4);
    return f;
#else
    return __uint_as_float(u);
#endif
}
__device__ __forceinline__ uint32_t px_as_uint(float f)
{
#ifdef IGT_EMU
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
#else
    return __float_as_uint(f);
#endif
}
// Reads past the L1: data other blocks wrote during this launch.
__device__ __forceinline__ float4 px_ldcg4(const float *p)
{
    PX(return *(const float4 *)p, return __ldcg((const float4 *)p));
}
