// hopper.cuh - sm_90a: mbarriers, bulk copies and tensor maps, clusters, stmatrix, registers of a
// warpgroup, programmatic launches.
#pragma once
#include "kernels/cuda/ptx/memory.cuh"

#ifdef IGT_EMU
typedef emu::TMap igt_tmap;
#else
typedef CUtensorMap igt_tmap;
#endif

// ---- programmatic dependent launch: no effect below sm_90 or in an ordinary launch ----
// Waits until the kernels before this one in the stream have ended and their writes are seen.
__device__ __forceinline__ void px_grid_wait()
{
#if !defined(IGT_EMU) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// Lets the next kernel start its blocks, as far as there is room.
__device__ __forceinline__ void px_grid_launch()
{
#if !defined(IGT_EMU) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#if defined(IGT_EMU) || defined(IGT_SM90A)
// ---- mbarrier ----
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
// Arrives, and says that `bytes` more will be copied before the phase ends.
__device__ __forceinline__ void px_mbar_expect(uint64_t *b, int bytes)
{
    PX(emu::mb_expect(b, bytes),
       asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(px_smem(b)),
                    "r"(bytes)
                    : "memory"));
}
// Is the phase of the given parity over? May take a while to say no.
__device__ __forceinline__ bool px_mbar_try(uint64_t *b, int parity)
{
#    ifdef IGT_EMU
    return emu::mb_test(b, parity);
#    else
    uint32_t ok;
    asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], "
                 "%2;\nselp.u32 %0, 1, 0, p;\n}"
                 : "=r"(ok)
                 : "r"(px_smem(b)), "r"(parity)
                 : "memory");
    return ok;
#    endif
}
// Waits until the phase of the given parity is over.
__device__ __forceinline__ void px_mbar_wait(uint64_t *b, int parity)
{
#    ifdef IGT_EMU
    emu::mb_wait(b, parity);
#    else
    while (!px_mbar_try(b, parity)) {
    }
#    endif
}

// ---- loads into shared memory: a box of a tensor, or a run of bytes; they complete on an mbarrier
// --
__device__ __forceinline__ void px_tma_2d(void *dst, const igt_tmap *t, uint64_t *bar, int c, int r)
{
    PX(emu::tma_load(dst, t, bar, {{c, r}}),
       asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::"
                    "bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(px_smem(dst)),
                    "l"(t), "r"(c), "r"(r), "r"(px_smem(bar))
                    : "memory"));
}
__device__ __forceinline__ void px_tma_3d(void *dst, const igt_tmap *t, uint64_t *bar, int c, int r,
                                          int z)
{
    PX(emu::tma_load(dst, t, bar, {{c, r, z}}),
       asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::"
                    "bytes [%0], [%1, {%2, %3, %4}], [%5];" ::"r"(px_smem(dst)),
                    "l"(t), "r"(c), "r"(r), "r"(z), "r"(px_smem(bar))
                    : "memory"));
}
__device__ __forceinline__ void px_tma_4d(void *dst, const igt_tmap *t, uint64_t *bar, int c, int r,
                                          int z, int w)
{
    PX(emu::tma_load(dst, t, bar, {{c, r, z, w}}),
       asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::"
                    "bytes [%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(px_smem(dst)),
                    "l"(t), "r"(c), "r"(r), "r"(z), "r"(w), "r"(px_smem(bar))
                    : "memory"));
}
// Addresses and `bytes` are multiples of 16.
__device__ __forceinline__ void px_bulk_load(void *dst, const void *src, int bytes, uint64_t *bar)
{
    PX(emu::bulk_load(dst, src, (uint32_t)bytes, bar),
       asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], "
                    "%2, [%3];" ::"r"(px_smem(dst)),
                    "l"(src), "r"(bytes), "r"(px_smem(bar))
                    : "memory"));
}
__device__ __forceinline__ void px_tmap_prefetch(const igt_tmap *t)
{
    PX((void)t, asm volatile("prefetch.tensormap [%0];" ::"l"(t) : "memory"));
}

// ---- clusters: blocks that run together (launch.cuh), neighbours along x ----
// Which of its cluster this block is.
__device__ __forceinline__ uint32_t px_cluster_rank()
{
#    ifdef IGT_EMU
    return emu::block->rank;
#    else
    uint32_t rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
#    endif
}
// Arrives at the cluster's barrier, and goes on; everything before is seen by who waits after it.
__device__ __forceinline__ void px_cluster_arrive()
{
    PX(emu::cluster_arrive(), asm volatile("barrier.cluster.arrive.release;" ::: "memory"));
}
// Waits until all threads of the cluster that have not ended have arrived.
__device__ __forceinline__ void px_cluster_wait()
{
    PX(emu::cluster_wait(), asm volatile("barrier.cluster.wait.acquire;" ::: "memory"));
}
// Arrives at the mbarrier that lies at the same place in block `rank` of the cluster.
__device__ __forceinline__ void px_mbar_arrive_at(uint64_t *b, uint32_t rank)
{
    PX(emu::mb_arrive_at(b, rank),
       asm volatile("{\n.reg .b32 at;\nmapa.shared::cluster.u32 at, %0, %1;\n"
                    "mbarrier.arrive.shared::cluster.b64 _, [at];\n}" ::"r"(px_smem(b)),
                    "r"(rank)
                    : "memory"));
}
// The box comes to the same place of all blocks whose bits are in the mask, and completes its bytes
// on the mbarrier of each.
__device__ __forceinline__ void px_tma_3d_all(void *dst, const igt_tmap *t, uint64_t *bar, int c,
                                              int r, int z, uint16_t mask)
{
    PX(emu::tma_load_all(dst, t, bar, {{c, r, z}}, mask),
       asm volatile(
           "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::"
           "bytes.multicast::cluster [%0], [%1, {%2, %3, %4}], [%5], %6;" ::"r"(px_smem(dst)),
           "l"(t), "r"(c), "r"(r), "r"(z), "r"(px_smem(bar)), "h"(mask)
           : "memory"));
}

// ---- stores out of shared memory, in groups of the issuing thread ----
__device__ __forceinline__ void px_tma_store_2d(const igt_tmap *t, const void *src, int c, int r)
{
    PX(emu::tma_store(t, src, {{c, r}}),
       asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], "
                    "[%3];" ::"l"(t),
                    "r"(c), "r"(r), "r"(px_smem(src))
                    : "memory"));
}
__device__ __forceinline__ void px_tma_store_3d(const igt_tmap *t, const void *src, int c, int r,
                                                int z)
{
    PX(emu::tma_store(t, src, {{c, r, z}}),
       asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%1, %2, "
                    "%3}], [%4];" ::"l"(t),
                    "r"(c), "r"(r), "r"(z), "r"(px_smem(src))
                    : "memory"));
}
__device__ __forceinline__ void px_bulk_store(void *dst, const void *src, int bytes)
{
    PX(emu::bulk_write(dst, src, (uint32_t)bytes),
       asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(dst),
                    "r"(px_smem(src)), "r"(bytes)
                    : "memory"));
}
__device__ __forceinline__ void px_bulk_commit()
{
    PX(emu::bulk_commit(), asm volatile("cp.async.bulk.commit_group;" ::: "memory"));
}
// All but the last N groups are in global memory.
template <int N> __device__ __forceinline__ void px_bulk_wait()
{
    PX(emu::bulk_wait(N), asm volatile("cp.async.bulk.wait_group %0;" ::"n"(N) : "memory"));
}
// ... have left shared memory, which may be written again.
template <int N> __device__ __forceinline__ void px_bulk_wait_read()
{
    PX(emu::bulk_wait_read(N), asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N)
                                            : "memory"));
}
// Makes this thread's ordinary writes to shared memory seen by wgmma and bulk copies that come
// after the next barrier.
__device__ __forceinline__ void px_fence_async()
{
    PX(emu::fence_async(), asm volatile("fence.proxy.async.shared::cta;" ::: "memory"));
}

// ---- 8x8 matrices of 16-bit elements into shared memory; lane i names row i % 8 of matrix i / 8
// ----
__device__ __forceinline__ void px_stsm4(void *p, const uint32_t (&r)[4])
{
    PX((emu::stmatrix<4, false>(p, r)),
       asm volatile(
           "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(px_smem(p)),
           "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
           : "memory"));
}
__device__ __forceinline__ void px_stsm4_t(void *p, const uint32_t (&r)[4])
{
    PX((emu::stmatrix<4, true>(p, r)),
       asm volatile(
           "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(px_smem(p)),
           "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
           : "memory"));
}

// ---- warps and warpgroups ----
// True in one lane of the warp, always the same.
__device__ __forceinline__ bool px_elect()
{
#    ifdef IGT_EMU
    return emu::elect();
#    else
    uint32_t ok;
    asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}"
                 : "=r"(ok));
    return ok;
#    endif
}
template <int N> __device__ __forceinline__ void px_reg_dec()
{
    PX(emu::setmaxnreg(N), asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)));
}
template <int N> __device__ __forceinline__ void px_reg_inc()
{
    PX(emu::setmaxnreg(N), asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)));
}
#endif
