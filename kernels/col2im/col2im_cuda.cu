// col2im_cuda.cu - launcher of col2im_sm80.cuh.
#include "kernels/col2im/col2im_sm80.cuh"
#include "kernels/cuda/launch.cuh"

extern "C" int cu_col2im(const cu_col2im_args *a, cu_stream s)
{
    int64_t total = a->planes;
    int32_t block = 1, columns = 1;
    for (int d = 0; d < a->spatial; d++) {
        total *= a->image[d];
        block *= a->block[d];
        columns *= a->columns[d];
    }
    const dim3 blocks((unsigned)((total + COL2IM_THREADS - 1) / COL2IM_THREADS));
    const auto start = [&](auto kernel) {
        return cu_start(kernel, blocks, COL2IM_THREADS, 0, s, *a, (uint32_t)total, block, columns);
    };
    if (a->type == NB_F64) return start(col2im_pixels<double>);
    return a->type <= NB_BF16 ? start(col2im_pixels<float>) : start(col2im_pixels<uint64_t>);
}
