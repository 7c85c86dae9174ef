// launch.cuh - starting kernels from launchers, on the device and under emulation alike.
#pragma once
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/stream.h"

// cu_start(kernel, grid, threads, shared bytes, stream, arguments...): 0 or the runtime's error.
template <class... P, class... A>
static int cu_start(void (*kernel)(P...), dim3 grid, unsigned threads, size_t smem, cu_stream s,
                    A... args)
{
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return 0;
#ifdef IGT_EMU
    return emu::start(s, grid, dim3(threads), smem, [=] { kernel(args...); });
#else
    if (smem > 48 * 1024) {
        const cudaError_t e = cudaFuncSetAttribute(
            (const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem);
        if (e != cudaSuccess) return (int)e;
    }
    kernel<<<grid, threads, smem, (cudaStream_t)s>>>(args...);
    return (int)cudaGetLastError();
#endif
}

// A row-major rows x cols matrix of 1- or 2-byte elements, `pitch` bytes from row to row (a
// multiple of 16), read by TMA in boxes of box_rows x box_cols; `swizzle`: rows of 128 bytes,
// 128-byte swizzle. 0, or cudaErrorInvalidValue / cudaErrorNotSupported.
static inline int cu_tmap_2d(igt_tmap *out, const void *base, int bytes, uint64_t rows,
                             uint64_t cols, uint64_t pitch, uint32_t box_rows, uint32_t box_cols,
                             bool swizzle)
{
#ifdef IGT_EMU
    *out = igt_tmap{(const char *)base, cols,   rows, pitch, box_cols, box_rows,
                    (uint32_t)bytes,    swizzle};
    return 0;
#else
    typedef CUresult (*encode_fn)(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *,
                                  const cuuint64_t *, const cuuint64_t *, const cuuint32_t *,
                                  const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle,
                                  CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
    static encode_fn encode = [] {
        void *f = nullptr;
        cudaDriverEntryPointQueryResult found;
#    if CUDART_VERSION >= 12050
        if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &f, 12000, cudaEnableDefault,
                                             &found) != cudaSuccess)
            f = nullptr;
#    else
        if (cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &f, cudaEnableDefault, &found) !=
            cudaSuccess)
            f = nullptr;
#    endif
        return (encode_fn)f;
    }();
    if (!encode) return (int)cudaErrorNotSupported;
    const cuuint64_t dims[2] = {cols, rows}, pitches[1] = {pitch};
    const cuuint32_t box[2] = {box_cols, box_rows}, steps[2] = {1, 1};
    return encode(out, bytes == 1 ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : CU_TENSOR_MAP_DATA_TYPE_UINT16,
                  2, const_cast<void *>(base), dims, pitches, box, steps,
                  CU_TENSOR_MAP_INTERLEAVE_NONE,
                  swizzle ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS
               ? 0
               : (int)cudaErrorInvalidValue;
#endif
}
