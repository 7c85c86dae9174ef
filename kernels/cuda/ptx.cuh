// The Ingot CUDA dialect: every instruction our kernels use beyond plain C++ is a px_ function with
// two bodies, inline PTX for the device and a call into the emulator for the host.
// Rules: shared memory only through IGT_SMEM (never static __shared__), no waiting on another block
// (last-arriver tickets instead), shuffles and votes with explicit masks.
#pragma once
#include <stdint.h>
#ifndef __CUDACC__
#    define IGT_EMU 1
#    include "kernels/cuda/emu.hpp"
#    define IGT_SMEM(name) char *name = emu::B->smem
#else
#    include <cuda.h>
#    include <cuda_runtime.h>
#    define IGT_SMEM(name) extern __shared__ __align__(1024) char name[]
#    if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#        define IGT_SM90A 1
#    endif
#endif

#ifdef IGT_EMU
typedef emu::TMap igt_tmap;
#    define PX(host, ...) host
#else
typedef CUtensorMap igt_tmap;
#    define PX(host, ...) __VA_ARGS__
#endif

typedef uint16_t bf16_t; // storage only

__device__ __forceinline__ float px_bf2f(bf16_t h)
{
    PX(return emu::bf2f(h), return __uint_as_float((uint32_t)h << 16));
}
__device__ __forceinline__ uint32_t px_pack_bf16(float lo, float hi)
{
#ifdef IGT_EMU
    return emu::f2bf(lo) | (uint32_t)emu::f2bf(hi) << 16;
#else
    uint32_t r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
#endif
}
__device__ __forceinline__ float px_exp2(float x)
{
#ifdef IGT_EMU
    return exp2f(x);
#else
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
#endif
}
__device__ __forceinline__ uint32_t px_smem(const void *p)
{
    PX(return emu::smem_u32(p), return (uint32_t)__cvta_generic_to_shared(p));
}

// ---- sm_80: asynchronous copies ----
// Copies n (0..16) bytes and zero-fills up to 16.
__device__ __forceinline__ void px_cp16(void *dst, const void *src, int n)
{
    PX(emu::cp_async16(dst, src, n),
       asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(px_smem(dst)), "l"(src),
                    "r"(n)
                    : "memory"));
}
__device__ __forceinline__ void px_cp_commit()
{
    PX(emu::cp_commit(), asm volatile("cp.async.commit_group;" ::: "memory"));
}
template <int N> __device__ __forceinline__ void px_cp_wait()
{
    PX(emu::cp_wait(N), asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"));
}

// ---- sm_80: matrix fragments ----
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
__device__ __forceinline__ void px_mma_bf16(float (&c)[4], const uint32_t (&a)[4],
                                            const uint32_t *b)
{
    PX(emu::mma_bf16(c, a, b),
       asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
                    "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));
}
__device__ __forceinline__ void px_mma_s8(int (&c)[4], const uint32_t (&a)[4], const uint32_t *b)
{
    PX(emu::mma_s8(c, a, b),
       asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
                    "{%8,%9}, {%0,%1,%2,%3};"
                    : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])));
}
__device__ __forceinline__ float px_shfl_xor(float v, int x)
{
    PX(return emu::shfl_xor(~0u, v, x), return __shfl_xor_sync(~0u, v, x));
}

// ---- atomics and fences ----
__device__ __forceinline__ int px_ticket(int *p)
{
    PX(return __atomic_fetch_add(p, 1, __ATOMIC_ACQ_REL), return atomicAdd(p, 1));
}
// Reads past the L1: data other blocks wrote during this launch.
__device__ __forceinline__ float px_ldcg(const float *p) { PX(return *p, return __ldcg(p)); }
__device__ __forceinline__ void px_fence()
{
    PX(__atomic_thread_fence(__ATOMIC_SEQ_CST), __threadfence());
}

// ---- sm_90a: mbarrier, TMA, wgmma ----
#if defined(IGT_EMU) || defined(IGT_SM90A)
__device__ __forceinline__ void px_mbar_init(uint64_t *b, int n)
{
    PX(emu::mb_init(b, n),
       asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(px_smem(b)), "r"(n)
                    : "memory"));
}
__device__ __forceinline__ void px_mbar_fence_init()
{
    PX((void)0, asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"));
}
__device__ __forceinline__ void px_mbar_arrive(uint64_t *b)
{
    PX(emu::mb_arrive(b), asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(px_smem(b))
                                       : "memory"));
}
__device__ __forceinline__ void px_mbar_expect(uint64_t *b, int bytes)
{
    PX(emu::mb_expect(b, bytes),
       asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(px_smem(b)),
                    "r"(bytes)
                    : "memory"));
}
// Waits until the phase of the given parity is over.
__device__ __forceinline__ void px_mbar_wait(uint64_t *b, int parity)
{
#    ifdef IGT_EMU
    emu::mb_wait(b, parity);
#    else
    uint32_t ok, a = px_smem(b);
    do
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], "
                     "%2;\nselp.u32 %0, 1, 0, p;\n}"
                     : "=r"(ok)
                     : "r"(a), "r"(parity)
                     : "memory");
    while (!ok);
#    endif
}
__device__ __forceinline__ void px_tma_2d(void *dst, const igt_tmap *t, uint64_t *bar, int c, int r)
{
    PX(emu::tma_load_2d(dst, t, bar, c, r),
       asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::"
                    "bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(px_smem(dst)),
                    "l"(t), "r"(c), "r"(r), "r"(px_smem(bar))
                    : "memory"));
}
__device__ __forceinline__ void px_wg_fence()
{
    PX((void)0, asm volatile("wgmma.fence.sync.aligned;" ::: "memory"));
}
__device__ __forceinline__ void px_wg_commit()
{
    PX(emu::wg_commit(), asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"));
}
template <int N> __device__ __forceinline__ void px_wg_wait()
{
    PX(emu::wg_wait(N), asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"));
}
template <int N> __device__ __forceinline__ void px_reg_dec()
{
    PX(emu::setmaxnreg(N), asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)));
}
template <int N> __device__ __forceinline__ void px_reg_inc()
{
    PX(emu::setmaxnreg(N), asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)));
}
// Descriptor of a K-major tile, 64 bf16 (128 bytes) wide, 128-byte swizzle, 8-row groups 1024 bytes
// apart.
__device__ __forceinline__ uint64_t px_desc_k128(const void *p)
{
    return (uint64_t)(px_smem(p) >> 4 & 0x3fff) | (uint64_t)1 << 16 | (uint64_t)(1024 >> 4) << 32 |
           (uint64_t)1 << 62;
}
// Descriptor of an N-major tile (rows run along K, 128 bytes each): 64-element column blocks lie
// `block` bytes apart.
__device__ __forceinline__ uint64_t px_desc_mn128(const void *p, uint32_t block)
{
    return (uint64_t)(px_smem(p) >> 4 & 0x3fff) | (uint64_t)(block >> 4) << 16 |
           (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}
#    include "kernels/cuda/wgmma_gen.cuh"
#endif
