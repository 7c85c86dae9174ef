/* gpu.c - what error numbers of the CUDA runtime mean for us; see gpu.h. */
#include "runtime/device/cuda/gpu.h"

gpu_kind gpu_kind_of(int error)
{
    switch (error) {
    case 0:
        return GPU_FINE;
    case GPU_E_MEMORY:
        return GPU_FULL;
    case GPU_E_STUB:
    case GPU_E_OLD_DRIVER:
        return GPU_NO_DRIVER;
    case GPU_E_NO_DEVICE:
        return GPU_NO_DEVICE;
    default:
        return GPU_BROKEN;
    }
}
