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
        if (e != cudaSuccess) {
            (void)cudaGetLastError(); // a later launch would report it as its own
            return (int)e;
        }
    }
    kernel<<<grid, threads, smem, (cudaStream_t)s>>>(args...);
    return (int)cudaGetLastError();
#endif
}

// A tensor as the copy engine sees it: `rank` (1 to 5) dimensions of `bytes`-byte elements (1, 2 or
// 4), the fastest first; pitch[i] bytes from one index of dimension i to the next (pitch[0] is not
// looked at; multiples of 16); boxes of box[] elements, at most 256 each; `span`: rows of a box are
// swizzled in 128, 64 or 32 bytes, which they fill at most, or not (0). The base is a multiple
// of 16. 0, or cudaErrorInvalidValue / cudaErrorNotSupported.
static inline int cu_tmap(igt_tmap *out, const void *base, int bytes, int rank,
                          const uint64_t *dims, const uint64_t *pitches, const uint32_t *box,
                          int span)
{
    enum { INVALID = 1, MOST = 5 };
    if (rank < 1 || rank > MOST || ((uintptr_t)base & 15) ||
        (bytes != 1 && bytes != 2 && bytes != 4))
        return INVALID;
    const uint64_t inner = box[0] * (uint64_t)bytes;
    if (inner % 16 || (span && inner > (uint64_t)span)) return INVALID;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 1 || box[i] < 1 || box[i] > 256 || (i && pitches[i] % 16)) return INVALID;
#ifdef IGT_EMU
    *out = igt_tmap{};
    out->base = (char *)const_cast<void *>(base);
    out->rank = rank;
    out->swizzle = (uint32_t)span;
    for (int i = 0; i < rank; i++) {
        out->dim[i] = dims[i];
        out->pitch[i] = i ? pitches[i] : (uint64_t)bytes;
        out->box[i] = box[i];
    }
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
    cuuint64_t dim[MOST], pitch[MOST];
    cuuint32_t boxes[MOST], steps[MOST];
    for (int i = 0; i < rank; i++) {
        dim[i] = dims[i];
        boxes[i] = box[i];
        steps[i] = 1;
        if (i) pitch[i - 1] = pitches[i];
    }
    const CUtensorMapDataType type = bytes == 1   ? CU_TENSOR_MAP_DATA_TYPE_UINT8
                                     : bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_UINT16
                                                  : CU_TENSOR_MAP_DATA_TYPE_UINT32;
    const CUtensorMapSwizzle swizzle = span == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                                       : span == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                                       : span == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                                    : CU_TENSOR_MAP_SWIZZLE_NONE;
    return encode(out, type, (cuuint32_t)rank, const_cast<void *>(base), dim, pitch, boxes, steps,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS
               ? 0
               : (int)cudaErrorInvalidValue;
#endif
}

// A row-major rows x cols matrix, `pitch` bytes from row to row, in boxes of box_rows x box_cols;
// `swizzle`: rows of a box are 128 bytes, swizzled.
static inline int cu_tmap_2d(igt_tmap *out, const void *base, int bytes, uint64_t rows,
                             uint64_t cols, uint64_t pitch, uint32_t box_rows, uint32_t box_cols,
                             bool swizzle)
{
    const uint64_t dims[2] = {cols, rows}, pitches[2] = {0, pitch};
    const uint32_t box[2] = {box_cols, box_rows};
    return cu_tmap(out, base, bytes, 2, dims, pitches, box, swizzle ? 128 : 0);
}
// `count` such matrices, `matrix_pitch` bytes apart; a box lies in one of them.
static inline int cu_tmap_3d(igt_tmap *out, const void *base, int bytes, uint64_t count,
                             uint64_t rows, uint64_t cols, uint64_t matrix_pitch, uint64_t pitch,
                             uint32_t box_rows, uint32_t box_cols, bool swizzle)
{
    const uint64_t dims[3] = {cols, rows, count}, pitches[3] = {0, pitch, matrix_pitch};
    const uint32_t box[3] = {box_cols, box_rows, 1};
    return cu_tmap(out, base, bytes, 3, dims, pitches, box, swizzle ? 128 : 0);
}
