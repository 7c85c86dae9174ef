/* gpu.c - what error numbers of the CUDA runtime mean for us; see gpu.h.
 *
 * Lost are those of which the runtime's documentation says that they leave the process in an
 * inconsistent state and that all further work returns the same error (illegal accesses, exceptions
 * and time-outs of kernels, hardware that failed), those of a context or a server that is gone, and
 * `unknown`, of which nothing can be said. Everything else says that one call was wrong or is not
 * supported: what is on the device stays as it is. */
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
    case 3:            /* the driver does not start, as after a fork */
    case 4:            /* the driver is shutting down */
    case GPU_E_LOST:   /* busy or unavailable */
    case 201:          /* no valid context */
    case 214:          /* uncorrectable ECC error */
    case 220:          /* uncorrectable NVLink error */
    case 226:          /* an exception that the hardware contained */
    case 700:          /* illegal address */
    case 702:          /* a kernel ran too long */
    case 709:          /* the context is destroyed */
    case 710:          /* assertion in a kernel */
    case 714:          /* hardware stack */
    case 715:          /* illegal instruction */
    case 716:          /* misaligned address */
    case 717:          /* invalid address space */
    case 718:          /* invalid program counter */
    case GPU_E_LAUNCH: /* any other exception of a kernel */
    case 721:          /* tensor memory was not given back */
    case 806:          /* the multi-process server does not answer */
    case 810:          /* ... ended this client */
    case 911:          /* a device outside of CUDA failed */
    case 999:          /* unknown */
        return GPU_LOST;
    default:
        return GPU_REFUSED;
    }
}
