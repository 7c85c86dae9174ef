// trees_cuda.cu - instances and launchers of decision trees and linear models.
#include "kernels/cuda/launch.cuh"
#include "kernels/trees/trees_sm80.cuh"

static uint32_t blocks_for(int64_t items)
{
    return (uint32_t)((items + TREES_THREADS - 1) / TREES_THREADS);
}

template <class T> static int rows(const cu_trees_args *a, int64_t first, int64_t n, cu_stream s)
{
    walk_job j = {};
    j.x = a->x, j.nodes = a->nodes, j.thresholds = a->thresholds, j.roots = a->roots;
    j.leaves = a->leaves, j.first = first, j.chunk = a->chunk;
    j.rows = (uint32_t)n, j.cols = (uint32_t)a->cols, j.n_roots = (uint32_t)a->n_roots;
    j.bytes = el_bytes(a->x_dtype), j.dtype = a->x_dtype;
    j.tile = n < TREES_ROWS ? 1 : TREES_ROWS;
    const size_t smem = (size_t)j.tile * j.cols * sizeof(T);
    j.staged = smem <= TREES_SMEM;
    const dim3 grid((j.rows + j.tile - 1) / j.tile,
                    // enough blocks for every multiprocessor, where there are few rows
                    1 + (unsigned)cu_this_chip().processors * 8 / (unsigned)(j.rows / j.tile + 1));
    const unsigned most = blocks_for((int64_t)j.n_roots * j.tile);
    const dim3 cut(grid.x, grid.y < most ? grid.y : most);
    const int status = cu_start(trees_walk_k<T>, cut, TREES_THREADS, j.staged ? smem : 0, s, j);
    if (status) return status;
    // as many rows a block as its threads have targets for, and no more than there are
    uint32_t together = TREES_ROWS;
    while (together > 1 && (together * a->n_targets > TREES_THREADS || together >= 2 * n))
        together /= 2;
    return cu_start(trees_add_k<T>, (j.rows + together - 1) / together, TREES_THREADS,
                    sizeof(tree_tile<T>), s, *a, first, j.rows, together);
}

extern "C" int cu_trees(const cu_trees_args *a, cu_stream s)
{
    int status = 0;
    for (int64_t first = 0; first < a->rows && !status; first += a->chunk) {
        const int64_t n = a->rows - first < a->chunk ? a->rows - first : a->chunk;
        status = a->wide ? rows<double>(a, first, n, s) : rows<float>(a, first, n, s);
    }
    return status;
}

extern "C" int cu_linear(const cu_linear_args *a, cu_stream s)
{
    if (a->rows == 0) return 0;
    const int status =
        cu_start(linear_sum_k, blocks_for(a->rows * a->n_scores), TREES_THREADS, 0, s, *a);
    return status ? status
                  : cu_start(linear_finish_k, blocks_for(a->rows), TREES_THREADS, 0, s, *a);
}
