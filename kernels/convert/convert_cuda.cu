// convert_cuda.cu - instances and launchers of the kernels that convert, repeat and mask elements.
#include "kernels/cuda/launch.cuh"
#include "kernels/convert/convert_cuda.h"
#include "kernels/convert/convert_sm80.cuh"

static uint32_t blocks_for(int64_t items, int64_t each)
{
    const int64_t blocks = (items + each - 1) / each;
    return blocks ? (uint32_t)blocks : 1;
}

// Blocks of a kernel that loops over its items: at most a few waves.
static uint32_t blocks_looping(int64_t items)
{
    enum { WAVES = 16 };
    const int64_t want = (items + CONVERT_THREADS - 1) / CONVERT_THREADS;
    const int64_t most = (int64_t)cu_this_chip().processors * WAVES;
    return (uint32_t)(want < most ? want : most);
}

template <int S, int D> static int cast(const cu_cast_args *a, cu_stream s)
{
    const bool narrow = el_signed(a->to) && el_bytes(a->to) <= 4;
    const cast_how how = {a->from, a->to, S, D, a->round, a->saturate, narrow};
    return cu_start(cast_k<S, D>, blocks_for(a->n / 4, CONVERT_THREADS * CONVERT_LOADS),
                    CONVERT_THREADS, 0, s, a->x, a->y, (uint32_t)a->n, how);
}

template <int S> static int cast_from(const cu_cast_args *a, cu_stream s)
{
    const int to = el_bytes(a->to);
    return to == 8   ? cast<S, 8>(a, s)
           : to == 4 ? cast<S, 4>(a, s)
           : to == 2 ? cast<S, 2>(a, s)
                     : cast<S, 1>(a, s);
}

extern "C" int cu_cast(const cu_cast_args *a, cu_stream s)
{
    const int from = el_bytes(a->from);
    if (a->n == 0) return 0;
    return from == 8   ? cast_from<8>(a, s)
           : from == 4 ? cast_from<4>(a, s)
           : from == 2 ? cast_from<2>(a, s)
                       : cast_from<1>(a, s);
}

extern "C" int cu_byte_table(const cu_byte_table_args *a, cu_stream s)
{
    if (a->n == 0) return 0;
    return cu_start(byte_table_k, blocks_for(a->n / 4, CONVERT_THREADS * 4), CONVERT_THREADS, 256,
                    s, a->x, a->table, a->y, (uint32_t)a->n);
}

extern "C" int cu_ones(const cu_ones_args *a, cu_stream s)
{
    if (a->n == 0) return 0;
    return cu_start(ones_k, blocks_looping(a->n / 4 + 1), CONVERT_THREADS, 0, s, a->y,
                    (uint32_t)a->n);
}

template <int S> static int trilu(const cu_trilu_args *a, cu_stream s)
{
    const int64_t total = a->n * a->rows * a->columns;
    if (total == 0) return 0;
    return cu_start(trilu_k<S>, blocks_looping(total), CONVERT_THREADS, 0, s, a->x, a->y,
                    (uint32_t)total, cu_div_of((uint32_t)a->rows), cu_div_of((uint32_t)a->columns),
                    a->k, a->upper);
}

extern "C" int cu_trilu(const cu_trilu_args *a, cu_stream s)
{
    return a->bytes == 8   ? trilu<8>(a, s)
           : a->bytes == 4 ? trilu<4>(a, s)
           : a->bytes == 2 ? trilu<2>(a, s)
                           : trilu<1>(a, s);
}

template <int S> static int one_hot(const cu_one_hot_args *a, cu_stream s)
{
    const int64_t total = a->outer * a->depth * a->inner;
    if (total == 0) return 0;
    return cu_start(one_hot_k<S>, blocks_looping(total), CONVERT_THREADS, 0, s, a->index, a->values,
                    a->y, (uint32_t)total, cu_div_of((uint32_t)a->depth),
                    cu_div_of((uint32_t)a->inner), el_bytes(a->dtype), a->dtype, a->on);
}

extern "C" int cu_one_hot(const cu_one_hot_args *a, cu_stream s)
{
    return a->bytes == 8   ? one_hot<8>(a, s)
           : a->bytes == 4 ? one_hot<4>(a, s)
           : a->bytes == 2 ? one_hot<2>(a, s)
                           : one_hot<1>(a, s);
}
