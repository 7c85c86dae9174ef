// half_sm80.cuh - the element types of matrix products: how they are kept, widened, rounded and
// multiplied on matrix units.
#pragma once
#include "kernels/cuda/ptx.cuh"

struct Bf16 {
    typedef uint16_t raw;
    static __device__ __forceinline__ float widen(raw h) { return px_bf2f(h); }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_bf16(lo, hi);
    }
    static __device__ __forceinline__ float fit(float x) { return x; }
    static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4],
                                               const uint32_t *b)
    {
        px_mma_bf16(c, a, b);
    }
#if defined(IGT_EMU) || defined(IGT_SM90A)
    template <int R>
    static __device__ __forceinline__ void wgmma(float (&d)[R], uint64_t a, uint64_t b, bool keep)
    {
        px_wgmma_bf16(d, a, b, keep);
    }
#endif
};
struct F16 {
    typedef uint16_t raw;
    static __device__ __forceinline__ float widen(raw h) { return px_h2f(h); }
    static __device__ __forceinline__ uint32_t pack(float lo, float hi)
    {
        return px_pack_f16(lo, hi);
    }
    // Finite values beyond the range become its ends; infinities and NaN stay.
    static __device__ __forceinline__ float fit(float x)
    {
        return fabsf(x) < INFINITY ? fminf(fmaxf(x, -65504.f), 65504.f) : x;
    }
    static __device__ __forceinline__ void mma(float (&c)[4], const uint32_t (&a)[4],
                                               const uint32_t *b)
    {
        px_mma_f16(c, a, b);
    }
#if defined(IGT_EMU) || defined(IGT_SM90A)
    template <int R>
    static __device__ __forceinline__ void wgmma(float (&d)[R], uint64_t a, uint64_t b, bool keep)
    {
        px_wgmma_f16(d, a, b, keep);
    }
#endif
};
struct F32 {
    typedef float raw;
    static __device__ __forceinline__ float widen(raw x) { return x; }
};

// 16 bytes of elements as floats, and back.
template <class T> constexpr int PER16 = 16 / (int)sizeof(typename T::raw);
template <class T>
__device__ __forceinline__ void load16(float (&v)[PER16<T>], const typename T::raw *p)
{
    const uint4 u = *(const uint4 *)p;
    const uint32_t w[4] = {u.x, u.y, u.z, u.w};
    if constexpr (sizeof(typename T::raw) == 4) {
#pragma unroll
        for (int q = 0; q < 4; q++) v[q] = px_float(w[q]);
    } else {
#pragma unroll
        for (int q = 0; q < 4; q++) {
            v[2 * q] = T::widen((uint16_t)w[q]);
            v[2 * q + 1] = T::widen((uint16_t)(w[q] >> 16));
        }
    }
}
template <class T> __device__ __forceinline__ uint4 pack16(const float (&v)[PER16<T>])
{
    if constexpr (sizeof(typename T::raw) == 4)
        return uint4{px_bits(v[0]), px_bits(v[1]), px_bits(v[2]), px_bits(v[3])};
    else
        return uint4{T::pack(v[0], v[1]), T::pack(v[2], v[3]), T::pack(v[4], v[5]),
                     T::pack(v[6], v[7])};
}
template <class T> __device__ __forceinline__ typename T::raw narrow(float x)
{
    if constexpr (sizeof(typename T::raw) == 4)
        return x;
    else
        return (uint16_t)T::pack(x, 0.f);
}
