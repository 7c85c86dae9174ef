// memory.cuh - loads and stores with cache hints, cp.async, atomics and fences.
#pragma once
#include "kernels/cuda/ptx/px.cuh"

__device__ __forceinline__ uint32_t px_smem(const void *p)
{
    PX(return emu::smem_u32(p), return (uint32_t)__cvta_generic_to_shared(p));
}

// ---- 16 bytes at a time; addresses are multiples of 16 ----
#ifdef IGT_EMU
namespace emu
{
inline uint4 load16(const void *p)
{
    if ((uintptr_t)p & 15) die("a 16-byte load that is not aligned");
    uint4 v;
    memcpy(&v, p, sizeof v);
    return v;
}
inline void store16(void *p, uint4 v)
{
    if ((uintptr_t)p & 15) die("a 16-byte store that is not aligned");
    memcpy(p, &v, sizeof v);
}
} // namespace emu
#endif
__device__ __forceinline__ uint4 px_ld16(const void *p)
{
    PX(return emu::load16(p), return *(const uint4 *)p);
}
__device__ __forceinline__ void px_st16(void *p, uint4 v)
{
    PX(emu::store16(p, v), *(uint4 *)p = v);
}
// Global memory that nobody writes during the launch, read once: weights. Leaves no trace in the
// L1.
__device__ __forceinline__ uint4 px_ldg_stream(const void *p)
{
#ifdef IGT_EMU
    return emu::load16(p);
#else
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
#endif
}
// Global memory that nobody writes during the launch, read again soon.
template <class T> __device__ __forceinline__ T px_ldg(const T *p)
{
    PX(return *p, return __ldg(p));
}
// Writes what nobody reads soon.
__device__ __forceinline__ void px_st16_stream(void *p, uint4 v)
{
    PX(emu::store16(p, v), asm volatile("st.global.cs.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(p),
                                        "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                                        : "memory"));
}
// Reads past the L1: data other blocks wrote during this launch.
template <class T> __device__ __forceinline__ T px_ldcg(const T *p)
{
    PX(return *p, return __ldcg(p));
}

// ---- sm_80: asynchronous copies ----
// Copies n (0..16) bytes and zero-fills up to 16.
__device__ __forceinline__ void px_cp16(void *dst, const void *src, int n)
{
    PX(emu::cp_async(dst, src, n, 16),
       asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(px_smem(dst)), "l"(src),
                    "r"(n)
                    : "memory"));
}
__device__ __forceinline__ void px_cp8(void *dst, const void *src, int n)
{
    PX(emu::cp_async(dst, src, n, 8),
       asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(px_smem(dst)), "l"(src),
                    "r"(n)
                    : "memory"));
}
__device__ __forceinline__ void px_cp4(void *dst, const void *src, int n)
{
    PX(emu::cp_async(dst, src, n, 4),
       asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(px_smem(dst)), "l"(src),
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

// ---- atomics: integers only (sums of floats would depend on the order); they return the old value
// --
#ifdef IGT_EMU
namespace emu
{
// To the race detector an atomic orders nothing, but publishes what its thread fenced off before.
template <class T, class F> inline T atomic_update(T *p, F f)
{
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (
        !__atomic_compare_exchange_n(p, &old, f(old), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    if (block->now->fenced) race_release(p); // the atomic itself with what is before it
    race_coherent(p, sizeof *p);
    const Quiet quiet;
    block->observed.push_back(p);
    return old;
}
inline void thread_fence()
{
#    ifdef EMU_RACES
    for (const void *p : block->observed) race_acquire(p);
    const Quiet quiet;
    block->now->fenced = true;
#    else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#    endif
}
} // namespace emu
#endif
// T: int, uint32_t, and for sums unsigned long long.
template <class T> __device__ __forceinline__ T px_atomic_add(T *p, T v)
{
    PX(return emu::atomic_update(p, [v](T old) { return (T)(old + v); }), return atomicAdd(p, v));
}
template <class T> __device__ __forceinline__ T px_atomic_max(T *p, T v)
{
    PX(return emu::atomic_update(p, [v](T old) { return old < v ? v : old; }),
              return atomicMax(p, v));
}
template <class T> __device__ __forceinline__ T px_atomic_min(T *p, T v)
{
    PX(return emu::atomic_update(p, [v](T old) { return v < old ? v : old; }),
              return atomicMin(p, v));
}
template <class T> __device__ __forceinline__ T px_atomic_or(T *p, T v)
{
    PX(return emu::atomic_update(p, [v](T old) { return old | v; }), return atomicOr(p, v));
}
template <class T> __device__ __forceinline__ T px_atomic_swap(T *p, T v)
{
    PX(return emu::atomic_update(p, [v](T) { return v; }), return atomicExch(p, v));
}
// Writes v where *p is `expected`; the old value.
template <class T> __device__ __forceinline__ T px_atomic_cas(T *p, T expected, T v)
{
    PX(return emu::atomic_update(p, [=](T old) { return old == expected ? v : old; }),
              return atomicCAS(p, expected, v));
}
// The n-th block that comes gets n - 1.
__device__ __forceinline__ int px_ticket(int *p) { return px_atomic_add(p, 1); }
// Orders this thread's accesses to memory before and after it for all threads of the device.
__device__ __forceinline__ void px_fence() { PX(emu::thread_fence(), __threadfence()); }
