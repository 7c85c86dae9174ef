// number.cuh - elements of a type that only the launch tells, read and written as float, double or
// 64-bit integers. One kernel then serves all types: the choice is the same for all threads. Stores
// round to nearest even, and to integers truncate and saturate.
#pragma once
#include "kernels/cuda/number.h"
#include "kernels/cuda/ptx.cuh"

// An integer of any type; those of 64 bits without a sign as their bits.
__device__ __forceinline__ int64_t nb_int(const void *p, int type, int64_t i)
{
    switch (type) {
    case NB_I8:
        return ((const int8_t *)p)[i];
    case NB_I16:
        return ((const int16_t *)p)[i];
    case NB_U16:
        return ((const uint16_t *)p)[i];
    case NB_I32:
        return ((const int32_t *)p)[i];
    case NB_U32:
        return ((const uint32_t *)p)[i];
    case NB_I64:
    case NB_U64:
        return ((const int64_t *)p)[i];
    default:
        return ((const uint8_t *)p)[i]; // u8 and bool
    }
}

__device__ __forceinline__ void nb_put_int(void *p, int type, int64_t i, int64_t v)
{
    switch (type) {
    case NB_I16:
    case NB_U16:
        ((uint16_t *)p)[i] = (uint16_t)v;
        return;
    case NB_I32:
    case NB_U32:
        ((uint32_t *)p)[i] = (uint32_t)v;
        return;
    case NB_I64:
    case NB_U64:
        ((int64_t *)p)[i] = v;
        return;
    default:
        ((uint8_t *)p)[i] = (uint8_t)v;
        return;
    }
}

// REAL: float or double.
template <class REAL> __device__ __forceinline__ REAL nb_real(const void *p, int type, int64_t i)
{
    switch (type) {
    case NB_F32:
        return (REAL)((const float *)p)[i];
    case NB_F64:
        return (REAL)((const double *)p)[i];
    case NB_F16:
        return (REAL)px_h2f(((const uint16_t *)p)[i]);
    case NB_BF16:
        return (REAL)px_bf2f(((const uint16_t *)p)[i]);
    case NB_U64:
        return (REAL)((const uint64_t *)p)[i];
    default:
        return (REAL)nb_int(p, type, i);
    }
}

// f32, f16 or bf16.
__device__ __forceinline__ float nb_float(const void *p, int type, int64_t i)
{
    if (type == NB_F32) return ((const float *)p)[i];
    const uint16_t h = ((const uint16_t *)p)[i];
    return type == NB_F16 ? px_h2f(h) : px_bf2f(h);
}
__device__ __forceinline__ void nb_put_float(void *p, int type, int64_t i, float v)
{
    if (type == NB_F32)
        ((float *)p)[i] = v;
    else
        ((uint16_t *)p)[i] = type == NB_F16 ? px_f2h(v) : px_f2bf(v);
}

// The bounds of an integer type as reals: `high` is the first value that does not fit.
__device__ __forceinline__ int nb_integer_bits(int type)
{
    return type <= NB_U8 ? 8 : type <= NB_U16 ? 16 : type <= NB_U32 ? 32 : 64;
}
__device__ __forceinline__ bool nb_signed(int type)
{
    return type == NB_I8 || type == NB_I16 || type == NB_I32 || type == NB_I64;
}

template <class REAL> __device__ __forceinline__ void nb_put(void *p, int type, int64_t i, REAL v)
{
    switch (type) {
    case NB_F32:
        ((float *)p)[i] = (float)v;
        return;
    case NB_F64:
        ((double *)p)[i] = (double)v;
        return;
    case NB_F16:
        ((uint16_t *)p)[i] = px_f2h((float)v);
        return;
    case NB_BF16:
        ((uint16_t *)p)[i] = px_f2bf((float)v);
        return;
    case NB_BOOL:
        ((uint8_t *)p)[i] = v != 0;
        return;
    default:
        break;
    }
    const int bits = nb_integer_bits(type) - (nb_signed(type) ? 1 : 0);
    const REAL high = (REAL)(bits == 64 ? 18446744073709551616.0 : (double)((uint64_t)1 << bits));
    const REAL low = nb_signed(type) ? -high : 0;
    uint64_t n; // NaN is 0
    if (!(v >= low))
        n = v < low && nb_signed(type) ? (uint64_t)(~(uint64_t)0 << bits) : 0;
    else if (v >= high)
        n = bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
    else
        n = v < 0 ? (uint64_t)(int64_t)v : (uint64_t)v;
    nb_put_int(p, type, i, (int64_t)n);
}
