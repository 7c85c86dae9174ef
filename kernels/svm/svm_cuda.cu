// svm_cuda.cu - launcher of support vector machines.
#include "kernels/cuda/launch.cuh"
#include "kernels/svm/svm_sm80.cuh"

static uint32_t tiles(int64_t n, int64_t tile) { return (uint32_t)((n + tile - 1) / tile); }

static int some_rows(const cu_svm_args *a, int64_t first, int n, cu_stream s)
{
    enum { WARPS = SVM_THREADS / 32, BLOCKS_MOST = 1 << 20 };
    const float *vectors = a->n_vectors ? a->vectors : a->coefficients;
    const int64_t n_values = a->n_vectors ? a->n_vectors : a->n_classes ? a->n_classes : 1;
    const dim3 grid(tiles(n_values, SVM_TILE), tiles(n, SVM_TILE));
    int status = cu_start(svm_values_k, grid, SVM_THREADS, SVM_SMEM, s, *a, vectors, n_values,
                          a->n_vectors ? a->kernel : (int)CU_SVM_LINEAR, first, n);
    if (!status && a->n_vectors) {
        const int64_t pairs = n * a->n_pairs, most = (int64_t)BLOCKS_MOST * WARPS;
        status = cu_start(svm_decide_k, tiles(pairs < most ? pairs : most, WARPS), SVM_THREADS, 0,
                          s, *a, n);
    }
    if (status) return status;
    return cu_start(svm_finish_k, tiles(n, WARPS), SVM_THREADS, 0, s, *a, n_values, first, n);
}

extern "C" int cu_svm(const cu_svm_args *a, cu_stream s)
{
    int status = 0;
    for (int64_t first = 0; first < a->rows && !status; first += a->chunk) {
        const int64_t left = a->rows - first;
        status = some_rows(a, first, (int)(left < a->chunk ? left : a->chunk), s);
    }
    return status;
}
