// mma.cuh - matrix fragments of a warp: ldmatrix and mma.sync (sm_80; 8-bit floats from sm_89 on).
#pragma once
#include "kernels/cuda/ptx/memory.cuh"
#include "kernels/cuda/ptx/numbers.cuh"

// ---- 8x8 matrices of 16-bit elements from shared memory; lane i names row i % 8 of matrix i / 8
// ----
__device__ __forceinline__ void px_ldsm4(uint32_t (&r)[4], const void *p)
{
    PX((emu::ldmatrix<4, false>(r, p)),
       asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                    : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                    : "r"(px_smem(p))
                    : "memory"));
}
__device__ __forceinline__ void px_ldsm4_t(uint32_t (&r)[4], const void *p)
{
    PX((emu::ldmatrix<4, true>(r, p)),
       asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                    : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                    : "r"(px_smem(p))
                    : "memory"));
}
__device__ __forceinline__ void px_ldsm2(uint32_t (&r)[2], const void *p) // lanes 0..15
{
    PX((emu::ldmatrix<2, false>(r, p)),
       asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                    : "=r"(r[0]), "=r"(r[1])
                    : "r"(px_smem(p))
                    : "memory"));
}
__device__ __forceinline__ void px_ldsm2_t(uint32_t (&r)[2], const void *p)
{
    PX((emu::ldmatrix<2, true>(r, p)),
       asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                    : "=r"(r[0]), "=r"(r[1])
                    : "r"(px_smem(p))
                    : "memory"));
}

// ---- C (16 x 8) += A (16 x 32 bytes, rows) B (32 bytes x 8, columns) ----
// Lane l: A registers 0..3 are rows l/4, l/4 + 8 of the first half of k, then of the second, 4
// bytes from (l%4) * 4 on; B registers 0..1 column l/4; C: row l/4, columns (l%4) * 2 and + 1, row
// + 8.
#define IGT_MMA_F32(name, num, shape)                                                            \
    __device__ __forceinline__ void name(float(&c)[4], const uint32_t(&a)[4], const uint32_t *b) \
    {                                                                                            \
        PX((emu::mma<emu::Num::num>(c, a, b)),                                                   \
           asm volatile("mma.sync.aligned.m16n8k" shape ".row.col.f32." #num "." #num            \
                        ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"             \
                        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                         \
                        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));    \
    }
IGT_MMA_F32(px_mma_bf16, bf16, "16")
IGT_MMA_F32(px_mma_f16, f16, "16")
IGT_MMA_F32(px_mma_tf32, tf32, "8")
#if defined(IGT_EMU) || __CUDA_ARCH__ >= 890
IGT_MMA_F32(px_mma_e4m3, e4m3, "32")
IGT_MMA_F32(px_mma_e5m2, e5m2, "32")
#endif
#undef IGT_MMA_F32
__device__ __forceinline__ void px_mma_s8(int (&c)[4], const uint32_t (&a)[4], const uint32_t *b)
{
    PX((emu::mma<emu::Num::s8>(c, a, b)),
       asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
                    "{%8,%9}, {%0,%1,%2,%3};"
                    : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));
}
