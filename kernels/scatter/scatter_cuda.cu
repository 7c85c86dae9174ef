// scatter_cuda.cu - instances and launchers of scatters.
#include "kernels/cuda/launch.cuh"
#include "kernels/scatter/scatter_sm80.cuh"

static unsigned blocks_of(uint64_t n, uint64_t each) { return (unsigned)((n + each - 1) / each); }

extern "C" int64_t cu_order_room(int64_t n)
{
    int64_t room = ORDER_CHUNK;
    while (room < n) room *= 2;
    return room;
}

extern "C" int cu_order(const cu_order_args *a, cu_stream s)
{
    const uint32_t room = (uint32_t)cu_order_room(a->n), blocks = room / ORDER_CHUNK;
    const size_t smem = ORDER_CHUNK * sizeof(uint64_t);
    int e = cu_start(order_chunk, blocks, ORDER_THREADS, smem, s, a->key, a->row, (uint32_t)a->n,
                     (uint32_t)ORDER_CHUNK, true);
    for (uint32_t stage = 2 * ORDER_CHUNK; stage <= room && !e; stage *= 2) {
        for (uint32_t step = stage / 2; step >= ORDER_CHUNK && !e; step /= 2)
            e = cu_start(order_step, blocks_of(room / 2, ORDER_THREADS), ORDER_THREADS, 0, s,
                         a->key, room / 2, stage, step);
        if (!e)
            e = cu_start(order_chunk, blocks, ORDER_THREADS, smem, s, a->key, a->row,
                         (uint32_t)a->n, stage, false);
    }
    return e;
}

template <class T> static int last(const cu_scatter_args *a, int64_t slice_bytes, cu_stream s)
{
    const uint32_t units = (uint32_t)(slice_bytes / (int64_t)sizeof(T)), n = (uint32_t)a->n;
    const uint32_t total = n * units;
    return cu_start(scatter_last<T>, blocks_of(total, SCATTER_THREADS), SCATTER_THREADS, 0, s,
                    (T *)a->y, (const T *)a->x, a->key, n, cu_div_of(units), total);
}

template <class OF> static int runs(const cu_scatter_args *a, cu_stream s)
{
    const uint32_t total = (uint32_t)(a->n * a->slice);
    return cu_start(scatter_runs<OF>, blocks_of(total, SCATTER_THREADS), SCATTER_THREADS, 0, s, *a,
                    cu_div_of((uint32_t)a->slice), total);
}

extern "C" int cu_scatter(const cu_scatter_args *a, cu_stream s)
{
    if (!a->n || !a->slice) return 0;
    if (a->put != CU_PUT) {
        if (a->type == NB_F64) return runs<scatter_double>(a, s);
        if (a->type == NB_F32 || a->type == NB_F16 || a->type == NB_BF16)
            return runs<scatter_float>(a, s);
        return runs<scatter_integer>(a, s);
    }
    const int64_t bytes = a->slice * a->bytes;
    const uintptr_t all = (uintptr_t)a->y | (uintptr_t)a->x | (uintptr_t)bytes;
    if (all % 16 == 0) return last<uint4>(a, bytes, s);
    if (all % 8 == 0) return last<uint64_t>(a, bytes, s);
    if (all % 4 == 0) return last<uint32_t>(a, bytes, s);
    if (all % 2 == 0) return last<uint16_t>(a, bytes, s);
    return last<uint8_t>(a, bytes, s);
}
