// fault.cuh - see fault.h. Where several threads find something wrong one of them is heard, which
// is all that a message needs.
#pragma once
#include "kernels/cuda/fault.h"
#include "kernels/cuda/ptx.cuh"

// Is this the thread that is heard?
__device__ __forceinline__ bool cu_fault_take(const cu_fault_to &to, int64_t at, int kind)
{
    if (!to.record || px_atomic_cas(&to.record->owner, 0ull, to.cookie)) return false;
    to.record->at = at;
    to.record->kind = kind;
    return true;
}
__device__ __forceinline__ void cu_fail(const cu_fault_to &to, int64_t at, int64_t value,
                                        int kind = 0)
{
    if (cu_fault_take(to, at, kind)) to.record->value = value;
}
__device__ __forceinline__ void cu_fail_real(const cu_fault_to &to, int64_t at, double value,
                                             int kind = 0)
{
    if (cu_fault_take(to, at, kind)) to.record->real = value;
}
