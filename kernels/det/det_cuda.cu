// det_cuda.cu - launcher of det_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/det/det_sm80.cuh"

enum { BLOCKS_EACH = 4 /* of a multiprocessor, in device memory */ };

static size_t matrix_bytes(const cu_det_args *a)
{
    return (size_t)a->size * (size_t)a->size * sizeof(double);
}

static int64_t blocks_of(const cu_det_args *a, const cu_chip *chip, bool shared)
{
    const int64_t most = shared ? INT32_MAX : (int64_t)chip->processors * BLOCKS_EACH;
    return a->n < most ? a->n : most;
}

extern "C" size_t cu_det_room(const cu_det_args *a, const cu_chip *chip)
{
    const size_t each = matrix_bytes(a);
    return each + DET_HEAD <= (size_t)chip->shared_bytes ? 0
                                                         : each * (size_t)blocks_of(a, chip, false);
}

extern "C" int cu_det(const cu_det_args *a, cu_stream s)
{
    const cu_chip chip = cu_this_chip();
    const bool shared = !a->room;
    return cu_start(determinants, dim3((unsigned)blocks_of(a, &chip, shared)), DET_THREADS,
                    DET_HEAD + (shared ? matrix_bytes(a) : 0), s, *a);
}
