// select_cuda.cu - launchers of what counts elements in their order.
#include "kernels/cuda/launch.cuh"
#include "kernels/select/select_sm80.cuh"
#include "kernels/select/suppress_sm80.cuh"

enum { SELECT_BLOCKS_MOST = 4096, SELECT_ROOM = SELECT_THREADS / 32 * sizeof(int) };

static uint32_t blocks_for(int64_t items)
{
    const int64_t n = (items + SELECT_THREADS - 1) / SELECT_THREADS;
    return (uint32_t)(n < SELECT_BLOCKS_MOST ? n : (int64_t)SELECT_BLOCKS_MOST);
}

extern "C" int cu_positions(const cu_positions_args *a, cu_stream s)
{
    if (a->tokens == 0) return 0;
    return cu_start(positions_k, (uint32_t)a->rows, SELECT_THREADS, SELECT_ROOM, s, *a);
}

extern "C" int64_t cu_select_blocks(int64_t n) { return (n + SELECT_TILE - 1) / SELECT_TILE; }

extern "C" int cu_running_sums(int32_t *v, int64_t n, int64_t *total, cu_stream s)
{
    return cu_start(running_sums_k, 1, SELECT_THREADS, SELECT_THREADS * sizeof(int64_t), s, v, n,
                    total);
}

extern "C" int cu_select(const cu_select_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->x_dtype);
    const uint32_t blocks = (uint32_t)cu_select_blocks(a->n);
    int status = cu_start(select_count_k, blocks, SELECT_THREADS, SELECT_ROOM, s, *a, bytes);
    if (!status) status = cu_running_sums(a->blocks, blocks, a->count, s);
    if (status) return status;
    return cu_start(select_put_k, blocks, SELECT_THREADS, SELECT_ROOM, s, *a, bytes);
}

extern "C" int cu_coordinates(const cu_coordinates_args *a, cu_stream s)
{
    const uint32_t blocks = (uint32_t)((a->n + SELECT_THREADS - 1) / SELECT_THREADS);
    return cu_start(coordinates_k, blocks, SELECT_THREADS, 0, s, *a);
}

extern "C" int cu_kept_rows(const cu_kept_rows_args *a, cu_stream s)
{
    return cu_start(kept_rows_k, blocks_for(a->outer * a->n * a->units), SELECT_THREADS, 0, s, *a);
}

extern "C" int cu_suppress(const cu_suppress_args *a, cu_stream s)
{
    const int64_t groups = a->batches * a->classes;
    int status = cu_start(suppress_k, (uint32_t)groups, SUPPRESS_THREADS,
                          SUPPRESS_THREADS / 32 * sizeof(box_best), s, *a);
    if (!status) status = cu_running_sums(a->found, groups, a->count, s);
    if (status) return status;
    return cu_start(suppress_put_k, blocks_for(groups * a->most), SUPPRESS_THREADS, 0, s, *a);
}
