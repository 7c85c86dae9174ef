// indices.cuh - elements of index tensors, whatever their type.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/gather/gather_cuda.h"

__device__ __forceinline__ int64_t cu_index_at(const cu_indices &x, int64_t i)
{
    switch (x.bytes) {
    case 1:
        return x.is_signed ? (int64_t)((const int8_t *)x.p)[i] : ((const uint8_t *)x.p)[i];
    case 2:
        return x.is_signed ? (int64_t)((const int16_t *)x.p)[i] : ((const uint16_t *)x.p)[i];
    case 4:
        return x.is_signed ? (int64_t)((const int32_t *)x.p)[i] : ((const uint32_t *)x.p)[i];
    default:
        return ((const int64_t *)x.p)[i]; // u64 beyond 2^63 is negative here: outside anyway
    }
}
