// gather_cuda.cu - instances and launchers of gathers.
#include "kernels/cuda/launch.cuh"
#include "kernels/gather/gather_sm80.cuh"

static unsigned blocks_of(uint64_t n, uint64_t each) { return (unsigned)((n + each - 1) / each); }

extern "C" int cu_rows(const cu_rows_args *a, cu_stream s)
{
    return cu_start(gather_row_numbers, blocks_of(a->walk.total, GATHER_THREADS), GATHER_THREADS, 0,
                    s, *a);
}

extern "C" int cu_reverse_rows(const cu_reverse_rows_args *a, cu_stream s)
{
    const uint32_t n = (uint32_t)(a->time * a->batch);
    if (!n) return 0;
    const cu_div inner = cu_div_of((uint32_t)(a->time_first ? a->batch : a->time));
    return cu_start(gather_reversed, blocks_of(n, GATHER_THREADS), GATHER_THREADS, 0, s, *a, inner,
                    n);
}

extern "C" int cu_place_rows(const cu_place_rows_args *a, cu_stream s)
{
    return cu_start(gather_places, blocks_of((uint64_t)a->n, GATHER_THREADS), GATHER_THREADS, 0, s,
                    *a);
}

extern "C" int cu_cache_keys(const cu_cache_keys_args *a, cu_stream s)
{
    const uint32_t n = (uint32_t)(a->outer * a->steps);
    if (!n) return 0;
    return cu_start(gather_cache_keys, blocks_of(n, GATHER_THREADS), GATHER_THREADS, 0, s, *a,
                    cu_div_of((uint32_t)a->steps), n);
}

extern "C" int cu_check(const cu_check_args *a, cu_stream s)
{
    return cu_start(gather_check, blocks_of((uint64_t)a->n, GATHER_THREADS), GATHER_THREADS, 0, s,
                    *a);
}

template <class T> static int pick_rows(const cu_pick_rows_args *a, cu_stream s)
{
    const uint32_t units = (uint32_t)(a->bytes / (int64_t)sizeof(T)), n = (uint32_t)a->n;
    const uint32_t total = n * units;
    return cu_start(gather_rows<T>, blocks_of(total, GATHER_THREADS * GATHER_EACH), GATHER_THREADS,
                    0, s, (T *)a->to, (const T *)a->from, a->row, cu_div_of(units), total);
}

extern "C" int cu_pick_rows(const cu_pick_rows_args *a, cu_stream s)
{
    if (!a->n || !a->bytes) return 0;
    const uintptr_t all = (uintptr_t)a->to | (uintptr_t)a->from | (uintptr_t)a->bytes;
    if (all % 16 == 0) return pick_rows<uint4>(a, s);
    if (all % 8 == 0) return pick_rows<uint64_t>(a, s);
    if (all % 4 == 0) return pick_rows<uint32_t>(a, s);
    if (all % 2 == 0) return pick_rows<uint16_t>(a, s);
    return pick_rows<uint8_t>(a, s);
}

template <int V> static int embed(const cu_embed_args *a, cu_stream s)
{
    const uint32_t units = (uint32_t)(a->size / V), total = (uint32_t)a->n * units;
    return cu_start(embed_rows<V>, blocks_of(total, GATHER_THREADS), GATHER_THREADS, 0, s, *a,
                    cu_div_of(units), total);
}

extern "C" int cu_embed(const cu_embed_args *a, cu_stream s)
{
    if (!a->n || !a->size) return 0;
    const bool wide = a->size % 8 == 0 && ((uintptr_t)a->to | (uintptr_t)a->table) % 16 == 0;
    return wide ? embed<8>(a, s) : embed<1>(a, s);
}
