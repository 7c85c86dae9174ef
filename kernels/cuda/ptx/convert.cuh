// convert.cuh - conversions, packed arithmetic on two 16-bit floats, and bit tricks.
#pragma once
#include "kernels/cuda/ptx/numbers.cuh"

// ---- one number ----
__device__ __forceinline__ float px_bf2f(bf16_t h)
{
    PX(return emu::bf2f(h), return __uint_as_float((uint32_t)h << 16));
}
__device__ __forceinline__ bf16_t px_f2bf(float f)
{
#ifdef IGT_EMU
    return emu::f2bf(f);
#else
    bf16_t r;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(f));
    return r;
#endif
}
__device__ __forceinline__ float px_h2f(f16_t h)
{
#ifdef IGT_EMU
    return emu::h2f(h);
#else
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(h));
    return r;
#endif
}
__device__ __forceinline__ f16_t px_f2h(float f)
{
#ifdef IGT_EMU
    return emu::f2h(f);
#else
    f16_t r;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(f));
    return r;
#endif
}
// To nearest even, saturating at the largest finite value: cvt.rn.satfinite where the chip has it.
__device__ __forceinline__ uint16_t px_pack_e4m3(float lo, float hi)
{
#if defined(IGT_EMU) || __CUDA_ARCH__ < 890
    return (uint16_t)(igt_e4m3(lo) | igt_e4m3(hi) << 8);
#else
    uint16_t r;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ uint16_t px_pack_e5m2(float lo, float hi)
{
#if defined(IGT_EMU) || __CUDA_ARCH__ < 890
    return (uint16_t)(igt_e5m2(lo) | igt_e5m2(hi) << 8);
#else
    uint16_t r;
    asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ e4m3_t px_f2e4m3(float f) { return (e4m3_t)px_pack_e4m3(f, 0); }
__device__ __forceinline__ e5m2_t px_f2e5m2(float f) { return (e5m2_t)px_pack_e5m2(f, 0); }
__device__ __forceinline__ float px_e4m32f(e4m3_t v) { return igt_of_e4m3(v); }
__device__ __forceinline__ float px_e5m22f(e5m2_t v) { return igt_of_e5m2(v); }
// Two 8-bit floats as two halves, exactly.
__device__ __forceinline__ uint32_t px_e4m3x2_f16x2(uint16_t v)
{
#if defined(IGT_EMU) || __CUDA_ARCH__ < 890
    return px_f2h(igt_of_e4m3((e4m3_t)v)) | (uint32_t)px_f2h(igt_of_e4m3((e4m3_t)(v >> 8))) << 16;
#else
    uint32_t r;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(r) : "h"(v));
    return r;
#endif
}
__device__ __forceinline__ uint32_t px_e5m2x2_f16x2(uint16_t v)
{
    return (uint32_t)(v & 0xff) << 8 | (uint32_t)(v & 0xff00) << 16;
}
// The 19 bits of tf32, to nearest, ties away from zero.
__device__ __forceinline__ uint32_t px_tf32(float f)
{
#ifdef IGT_EMU
    const uint32_t u = px_bits(f);
    return (u & 0x7fffffffu) < 0x7f800000u ? (u + 0x1000u) & 0xffffe000u : u;
#else
    uint32_t r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(f));
    return r;
#endif
}

// ---- pairs of 16-bit floats in 32 bits, the first in the low half ----
__device__ __forceinline__ uint32_t px_pack_bf16(float lo, float hi)
{
#ifdef IGT_EMU
    return emu::pack(emu::f2bf(lo), emu::f2bf(hi));
#else
    uint32_t r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ uint32_t px_pack_f16(float lo, float hi)
{
#ifdef IGT_EMU
    return emu::pack(emu::f2h(lo), emu::f2h(hi));
#else
    uint32_t r;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ float px_bf16_lo(uint32_t pair) { return px_float(pair << 16); }
__device__ __forceinline__ float px_bf16_hi(uint32_t pair) { return px_float(pair & 0xffff0000u); }
__device__ __forceinline__ float px_f16_lo(uint32_t pair) { return px_h2f((f16_t)pair); }
__device__ __forceinline__ float px_f16_hi(uint32_t pair) { return px_h2f((f16_t)(pair >> 16)); }

// a * b + c in both halves, one rounding. Products and sums are written through it: sm_80 has no
// other bf16 arithmetic.
__device__ __forceinline__ uint32_t px_fma_bf16x2(uint32_t a, uint32_t b, uint32_t c)
{
#ifdef IGT_EMU
    return emu::fma_bf16x2(a, b, c);
#else
    uint32_t r;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
    return r;
#endif
}
__device__ __forceinline__ uint32_t px_mul_bf16x2(uint32_t a, uint32_t b)
{
    return px_fma_bf16x2(a, b, 0x80008000u);
}
__device__ __forceinline__ uint32_t px_add_bf16x2(uint32_t a, uint32_t b)
{
    return px_fma_bf16x2(a, 0x3f803f80u, b);
}
// a - b
__device__ __forceinline__ uint32_t px_sub_bf16x2(uint32_t a, uint32_t b)
{
    return px_fma_bf16x2(b, 0xbf80bf80u, a);
}
__device__ __forceinline__ uint32_t px_fma_f16x2(uint32_t a, uint32_t b, uint32_t c)
{
#ifdef IGT_EMU
    return emu::fma_f16x2(a, b, c);
#else
    uint32_t r;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
    return r;
#endif
}
__device__ __forceinline__ uint32_t px_mul_f16x2(uint32_t a, uint32_t b)
{
    return px_fma_f16x2(a, b, 0x80008000u);
}
__device__ __forceinline__ uint32_t px_add_f16x2(uint32_t a, uint32_t b)
{
    return px_fma_f16x2(a, 0x3c003c00u, b);
}
__device__ __forceinline__ uint32_t px_sub_f16x2(uint32_t a, uint32_t b)
{
    return px_fma_f16x2(b, 0xbc00bc00u, a);
}

// ---- bits ----
// Any function of three bits: TABLE is what it gives for a = 0xf0, b = 0xcc, c = 0xaa.
template <int TABLE> __device__ __forceinline__ uint32_t px_lop3(uint32_t a, uint32_t b, uint32_t c)
{
#ifdef IGT_EMU
    return emu::lop3(a, b, c, TABLE);
#else
    uint32_t r;
    asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(a), "r"(b), "r"(c), "n"(TABLE));
    return r;
#endif
}
// Four bytes out of b:a, each chosen by 4 bits of `select` (8 and up: its sign, repeated).
__device__ __forceinline__ uint32_t px_prmt(uint32_t a, uint32_t b, uint32_t select)
{
#ifdef IGT_EMU
    return emu::prmt(a, b, select);
#else
    uint32_t r;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(select));
    return r;
#endif
}
__device__ __forceinline__ int px_popc(uint32_t x)
{
    PX(return __builtin_popcount(x), return __popc(x));
}
__device__ __forceinline__ int px_clz(uint32_t x) // 32 for 0
{
    PX(return x ? __builtin_clz(x) : 32, return __clz((int)x));
}
__device__ __forceinline__ int px_ffs(uint32_t x) // 1 + the lowest bit; 0 for 0
{
    PX(return __builtin_ffs((int)x), return __ffs((int)x));
}
__device__ __forceinline__ uint32_t px_brev(uint32_t x)
{
#ifdef IGT_EMU
    uint32_t r = 0;
    for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i);
    return r;
#else
    return __brev(x);
#endif
}
__device__ __forceinline__ uint32_t px_mulhi(uint32_t a, uint32_t b)
{
    PX(return (uint32_t)((uint64_t)a * b >> 32), return __umulhi(a, b));
}
// c + the products of four signed bytes
__device__ __forceinline__ int px_dp4a(uint32_t a, uint32_t b, int c)
{
#ifdef IGT_EMU
    for (int i = 0; i < 32; i += 8) c += (int8_t)(a >> i) * (int8_t)(b >> i);
    return c;
#else
    return __dp4a((int)a, (int)b, c);
#endif
}
