// low_ptx_cuda.cuh - the instructions of products with low-bit weights: halves in pairs, byte
// permutation, the matrix unit on f16, and loads that pass the caches by.
#pragma once
#include "kernels/cuda/ptx.cuh"
#ifdef IGT_EMU
#    include "runtime/base/half.h"
namespace emu
{
template <class F> inline uint32_t halves(uint32_t a, uint32_t b, uint32_t c, F f)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 16)
        r |= (uint32_t)ig_f32_to_f16((float)f((double)ig_f16_to_f32((uint16_t)(a >> i)),
                                              (double)ig_f16_to_f32((uint16_t)(b >> i)),
                                              (double)ig_f16_to_f32((uint16_t)(c >> i))))
             << i;
    return r;
}
inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t s)
{
    const uint64_t both = (uint64_t)b << 32 | a;
    uint32_t r = 0;
    for (int i = 0; i < 4; i++) r |= (uint32_t)(both >> ((s >> 4 * i & 7) * 8) & 255) << 8 * i;
    return r;
}
inline void mma_f16(float *c, const uint32_t *a, const uint32_t *b)
{
    MmaArg g{c, a, b};
    warp_op(40, ~0u, &g, "mma.sync f16", [](void **v) {
        float A[16][16], Bm[16][8];
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            const int r = l >> 2, q = (l & 3) * 2;
            for (int i = 0; i < 8; i++)
                A[r + (i / 2 & 1) * 8][q + (i / 4) * 8 + i % 2] =
                    ig_f16_to_f32((uint16_t)(x->a[i / 2] >> (i & 1) * 16));
            for (int i = 0; i < 4; i++)
                Bm[q + i / 2 * 8 + i % 2][r] =
                    ig_f16_to_f32((uint16_t)(x->b[i / 2] >> (i & 1) * 16));
        }
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            for (int i = 0; i < 4; i++) {
                const int m = (l >> 2) + i / 2 * 8, n = (l & 3) * 2 + (i & 1);
                float s = x->c[i];
                for (int k = 0; k < 16; k++) s += A[m][k] * Bm[k][n];
                x->c[i] = s;
            }
        }
        st_mma++;
    });
}
} // namespace emu
#endif

// ---- f16, storage only, as bits ----
__device__ __forceinline__ float lo_h2f(uint16_t h)
{
#ifdef IGT_EMU
    return ig_f16_to_f32(h);
#else
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(h));
    return r;
#endif
}
__device__ __forceinline__ uint16_t lo_f2h(float f)
{
#ifdef IGT_EMU
    return ig_f32_to_f16(f);
#else
    uint16_t r;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(f));
    return r;
#endif
}
__device__ __forceinline__ uint32_t lo_pack_f16(float lo, float hi)
{
    PX(return lo_f2h(lo) | (uint32_t)lo_f2h(hi) << 16, uint32_t r;
       asm("cvt.rn.f16x2.f32 %0, %1, %2;"
           : "=r"(r)
           : "f"(hi), "f"(lo));
       return r);
}
__device__ __forceinline__ uint32_t lo_hsub2(uint32_t a, uint32_t b)
{
    PX(return emu::halves(a, b, 0, [](double x, double y, double) { return x - y; }), uint32_t r;
       asm("sub.rn.f16x2 %0, %1, %2;"
           : "=r"(r)
           : "r"(a), "r"(b));
       return r);
}
__device__ __forceinline__ uint32_t lo_hmul2(uint32_t a, uint32_t b)
{
    PX(return emu::halves(a, b, 0, [](double x, double y, double) { return x * y; }), uint32_t r;
       asm("mul.rn.f16x2 %0, %1, %2;"
           : "=r"(r)
           : "r"(a), "r"(b));
       return r);
}
__device__ __forceinline__ uint32_t lo_hfma2(uint32_t a, uint32_t b, uint32_t c)
{
    PX(return emu::halves(a, b, c, [](double x, double y, double z) { return x * y + z; }),
              uint32_t r;
       asm("fma.rn.f16x2 %0, %1, %2, %3;"
           : "=r"(r)
           : "r"(a), "r"(b), "r"(c));
       return r);
}

// ---- bits ----
__device__ __forceinline__ uint32_t lo_bits(float f)
{
    PX(return ig_f32_bits(f), return __float_as_uint(f));
}
__device__ __forceinline__ float lo_float(uint32_t u)
{
    PX(return ig_f32_from_bits(u), return __uint_as_float(u));
}
// Bytes of b:a chosen by the nibbles of s.
__device__ __forceinline__ uint32_t lo_prmt(uint32_t a, uint32_t b, uint32_t s)
{
    PX(return emu::prmt(a, b, s), return __byte_perm(a, b, s));
}
// (a & mask) | bits in one instruction.
template <uint32_t MASK, uint32_t BITS> __device__ __forceinline__ uint32_t lo_and_or(uint32_t a)
{
    PX(return (a & MASK) | BITS, uint32_t r; asm("lop3.b32 %0, %1, %2, %3, 0xea;"
                                                 : "=r"(r)
                                                 : "r"(a), "n"(MASK), "n"(BITS));
       return r);
}

// ---- the matrix unit ----
__device__ __forceinline__ void lo_mma_f16(float (&c)[4], const uint32_t (&a)[4], const uint32_t *b)
{
    PX(emu::mma_f16(c, a, b),
       asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
                    "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));
}

// ---- memory ----
// 16 bytes that are read once: they pass L1 by.
__device__ __forceinline__ uint4 lo_stream16(const void *p)
{
#ifdef IGT_EMU
    uint4 v;
    memcpy(&v, p, 16);
    return v;
#else
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
#endif
}
