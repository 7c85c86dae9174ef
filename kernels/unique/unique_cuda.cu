// unique_cuda.cu - launcher of the distinct elements or slices of a tensor.
#include "kernels/cuda/launch.cuh"
#include "kernels/select/select_cuda.h"
#include "kernels/unique/unique_sm80.cuh"

// Sorts the positions; *order is where they are.
static int sort(const cu_unique_args *a, uint32_t blocks, const int32_t **order, cu_stream s)
{
    int32_t *from = a->order[0], *to = a->order[1];
    int e = 0;
    for (int level = 0; (int64_t)1 << level < a->n && !e; level++) {
        e = cu_start(unique_merge, blocks, UNIQUE_THREADS, 0, s, *a, (const int32_t *)from, to,
                     level);
        int32_t *const swap = from;
        from = to;
        to = swap;
    }
    *order = from;
    return e;
}

extern "C" int cu_unique(const cu_unique_args *a, cu_stream s)
{
    const int64_t all = a->outer * a->n * a->inner;
    const uint32_t each = UNIQUE_THREADS, blocks = (uint32_t)((a->n + each - 1) / each);
    const int32_t *order;
    int e = cu_start(unique_keys, (uint32_t)((all + each - 1) / each), each, 0, s, *a,
                     el_bytes(a->dtype));
    if (!e) e = sort(a, blocks, &order, s);
    if (!e) e = cu_start(unique_heads, blocks, each, 0, s, *a, order);
    if (!e) e = cu_running_sums(a->sums, a->n, a->count, s);
    if (!e) e = cu_running_sums(a->names, a->n, a->count, s);
    const cu_select_args heads = {.x = a->head,
                                  .index = a->index,
                                  .count = a->count,
                                  .blocks = a->blocks,
                                  .n = a->n,
                                  .limit = a->n,
                                  .x_dtype = INGOT_I32,
                                  .fault = {nullptr, 0}};
    if (!e) e = cu_select(&heads, s);
    if (e) return e;
    return cu_start(unique_groups, blocks, each, 0, s, *a, order);
}
