// scatter_sm80.cuh - sorting updates by row, and combining them.
//
// Sorting: a bitonic network (Batcher 1968) over 64-bit keys, which are all different, so the order
// is one and only. Steps that stay within ORDER_CHUNK keys run in shared memory, one launch for all
// of a stage; the others are a launch each. 2^20 keys take 46 launches of 16 MB: fine beside what
// is scattered, and scatters of up to ORDER_CHUNK updates need a single block.
#pragma once
#include "kernels/cuda/index.cuh"
#include "kernels/cuda/number.cuh"
#include "kernels/scatter/scatter_cuda.h"

enum { ORDER_THREADS = 256, ORDER_CHUNK = 2048, SCATTER_THREADS = 256 };

__device__ __forceinline__ void order_pair(uint64_t &a, uint64_t &b, bool up)
{
    const uint64_t low = a < b ? a : b, high = a < b ? b : a;
    a = up ? low : high;
    b = up ? high : low;
}

// Steps of the network in shared memory for ORDER_CHUNK keys: all stages up to a length of
// ORDER_CHUNK (first), or the last steps of the stage of that length. Keys of a first pass are made
// here from the rows.
__global__ void __launch_bounds__(ORDER_THREADS)
    order_chunk(uint64_t *key, const int32_t *row, uint32_t n, uint32_t length, bool first)
{
    IGT_SMEM(smem);
    uint64_t *k = (uint64_t *)smem;
    const uint32_t base = blockIdx.x * ORDER_CHUNK;
    for (uint32_t i = threadIdx.x; i < ORDER_CHUNK; i += ORDER_THREADS) {
        const uint32_t at = base + i;
        if (first)
            k[i] = at < n ? (uint64_t)(uint32_t)row[at] << 32 | at : ~(uint64_t)0;
        else
            k[i] = key[at];
    }
    __syncthreads();
    for (uint32_t stage = first ? 2 : length; stage <= length; stage *= 2)
        for (uint32_t step = min((int)stage, ORDER_CHUNK) / 2; step > 0; step /= 2) {
            for (uint32_t p = threadIdx.x; p < ORDER_CHUNK / 2; p += ORDER_THREADS) {
                const uint32_t i = 2 * p - (p & (step - 1)); // the lower of the pair
                order_pair(k[i], k[i + step], ((base + i) & stage) == 0);
            }
            __syncthreads();
        }
    for (uint32_t i = threadIdx.x; i < ORDER_CHUNK; i += ORDER_THREADS) key[base + i] = k[i];
}

__global__ void __launch_bounds__(ORDER_THREADS)
    order_step(uint64_t *key, uint32_t pairs, uint32_t stage, uint32_t step)
{
    const uint32_t p = cu_thread();
    if (p >= pairs) return;
    const uint32_t i = 2 * p - (p & (step - 1));
    uint64_t a = key[i], b = key[i + step];
    order_pair(a, b, (i & stage) == 0);
    key[i] = a;
    key[i + step] = b;
}

// ---- combining ----

__device__ __forceinline__ bool scatter_begins(const uint64_t *key, uint32_t p)
{
    return (int32_t)(key[p] >> 32) >= 0 && (p == 0 || key[p - 1] >> 32 != key[p] >> 32);
}

// The last update of each row; units of a slice in T.
template <class T>
__global__ void __launch_bounds__(SCATTER_THREADS)
    scatter_last(T *y, const T *x, const uint64_t *key, uint32_t n, cu_div units, uint32_t total)
{
    uint32_t p = cu_thread();
    if (p >= total) return;
    const uint32_t unit = cu_remainder(p, units);
    const uint64_t k = key[p];
    const int32_t row = (int32_t)(k >> 32);
    if (row < 0 || (p + 1 < n && key[p + 1] >> 32 == k >> 32)) return;
    y[(int64_t)row * units.d + unit] = x[(int64_t)(uint32_t)k * units.d + unit];
}

struct scatter_float {
    typedef float value;
    static __device__ __forceinline__ float load(const void *p, int type, int64_t i)
    {
        return nb_real<float>(p, type, i);
    }
    // As it would be stored: narrow types round each time.
    static __device__ __forceinline__ float kept(float v, int type)
    {
        if (type == NB_F16) return px_h2f(px_f2h(v));
        if (type == NB_BF16) return px_bf2f(px_f2bf(v));
        return v;
    }
    static __device__ __forceinline__ void store(void *p, int type, int64_t i, float v)
    {
        nb_put(p, type, i, v);
    }
};
struct scatter_double {
    typedef double value;
    static __device__ __forceinline__ double load(const void *p, int, int64_t i)
    {
        return ((const double *)p)[i];
    }
    static __device__ __forceinline__ double kept(double v, int) { return v; }
    static __device__ __forceinline__ void store(void *p, int, int64_t i, double v)
    {
        ((double *)p)[i] = v;
    }
};
// Integers and bool: sums and products wrap, in the low bits.
struct scatter_integer {
    typedef int64_t value;
    static __device__ __forceinline__ int64_t load(const void *p, int type, int64_t i)
    {
        return nb_int(p, type, i);
    }
    static __device__ __forceinline__ int64_t kept(int64_t v, int type)
    {
        switch (type) {
        case NB_I8:
            return (int8_t)v;
        case NB_U8:
            return (uint8_t)v;
        case NB_I16:
            return (int16_t)v;
        case NB_U16:
            return (uint16_t)v;
        case NB_I32:
            return (int32_t)v;
        case NB_U32:
            return (uint32_t)v;
        case NB_BOOL:
            return v != 0;
        default:
            return v;
        }
    }
    static __device__ __forceinline__ void store(void *p, int type, int64_t i, int64_t v)
    {
        nb_put_int(p, type, i, v);
    }
};

__device__ __forceinline__ bool scatter_less(int64_t a, int64_t b, int type)
{
    return type == NB_U64 ? (uint64_t)a < (uint64_t)b : a < b;
}
__device__ __forceinline__ bool scatter_less(float a, float b, int) { return a < b || a != a; }
__device__ __forceinline__ bool scatter_less(double a, double b, int) { return a < b || a != a; }
__device__ __forceinline__ int64_t scatter_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
__device__ __forceinline__ float scatter_sum(float a, float b) { return a + b; }
__device__ __forceinline__ double scatter_sum(double a, double b) { return a + b; }
__device__ __forceinline__ int64_t scatter_product(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}
__device__ __forceinline__ float scatter_product(float a, float b) { return a * b; }
__device__ __forceinline__ double scatter_product(double a, double b) { return a * b; }

template <class OF>
__global__ void __launch_bounds__(SCATTER_THREADS)
    scatter_runs(const __grid_constant__ cu_scatter_args a, cu_div slice, uint32_t total)
{
    uint32_t p = cu_thread();
    if (p >= total) return;
    const uint32_t e = cu_remainder(p, slice);
    if (!scatter_begins(a.key, p)) return;
    const uint32_t row = (uint32_t)(a.key[p] >> 32);
    const int64_t at = (int64_t)row * slice.d + e;
    typename OF::value sum = OF::load(a.y, a.type, at);
    for (; p < (uint32_t)a.n && a.key[p] >> 32 == row; p++) {
        const auto v = OF::load(a.x, a.type, (int64_t)(uint32_t)a.key[p] * slice.d + e);
        switch (a.put) {
        case CU_PUT_ADD:
            sum = scatter_sum(sum, v);
            break;
        case CU_PUT_MUL:
            sum = scatter_product(sum, v);
            break;
        case CU_PUT_MIN:
            sum = scatter_less(sum, v, a.type) ? sum : v;
            break;
        default: // the greater one; NaN wins on either side
            sum = scatter_less(v, sum, a.type) && v == v ? sum : sum != sum ? sum : v;
            break;
        }
        sum = OF::kept(sum, a.type);
    }
    OF::store(a.y, a.type, at, sum);
}
