// reduce_cuda.cu - instances and launchers of reductions.
#include "kernels/cuda/launch.cuh"
#include "kernels/reduce/reduce_sm80.cuh"

enum { MANY = 1024, SPLIT_LEAST = 4096, SPLITS_MOST = 256, LINES_ENOUGH = 4096 };

// Threads an output, and how its elements are split over blocks.
typedef struct {
    int lanes;
    uint32_t splits, piece;
} shape;

static shape shape_of(const cu_walk &kept, const cu_walk &gone, int processors)
{
    const bool rows = gone.rank == 1 && gone.stride[0][0] == 1;
    shape v = {1, 1, gone.total ? gone.total : 1};
    if (rows || gone.stride[0][0] < kept.stride[0][0] || kept.total == 1)
        v.lanes = gone.total <= 16 ? 1 : gone.total <= MANY ? 32 : REDUCE_THREADS;
    const uint32_t blocks =
        (uint32_t)(((uint64_t)kept.total * v.lanes + REDUCE_THREADS - 1) / REDUCE_THREADS);
    const uint32_t enough = (uint32_t)processors * 4;
    const uint32_t least = v.lanes == 1 ? 64 : SPLIT_LEAST; // elements of a split
    if (!kept.total || blocks >= enough || gone.total < 2 * least) return v;
    uint32_t want = enough / blocks;
    if (want > gone.total / least) want = gone.total / least;
    if (want > SPLITS_MOST) want = SPLITS_MOST;
    v.piece = (gone.total + want - 1) / want;
    v.splits = (gone.total + v.piece - 1) / v.piece;
    return v;
}

// The order of calc types: bytes of an accumulator, and the dtype that parts have.
static int wide_dtype(int dtype)
{
    switch (el_kind_of(dtype)) {
    case EL_F32:
        return INGOT_F32;
    case EL_F64:
        return INGOT_F64;
    default:
        return el_signed(dtype) ? INGOT_I64 : INGOT_U64;
    }
}

extern "C" size_t cu_reduce_scratch(const cu_reduce_args *a, int processors)
{
    const shape v = shape_of(a->kept, a->gone, processors);
    return v.splits > 1 ? (size_t)v.splits * a->kept.total * el_bytes(wide_dtype(a->dtype)) : 0;
}

// What changes nothing: for extremes of integers the limit of the stored type.
static uint64_t start_of(int kind, int dtype)
{
    const bool max = kind == CU_REDUCE_MAX, min = kind == CU_REDUCE_MIN,
               one = kind == CU_REDUCE_PROD;
    switch (el_kind_of(dtype)) {
    case EL_F32:
        return max ? 0xff800000u : min ? 0x7f800000u : one ? 0x3f800000u : 0;
    case EL_F64:
        return max   ? 0xfff0000000000000ull
               : min ? 0x7ff0000000000000ull
               : one ? 0x3ff0000000000000ull
                     : 0;
    default: {
        const bool is_signed = el_signed(dtype);
        const uint64_t high = ~(uint64_t)0 >> (64 - el_bits(dtype) + is_signed);
        return min ? high : max ? (is_signed ? ~high : 0) : one;
    }
    }
}

template <class T, int S>
static int gather(const reduce_job &j, const cu_walk &kept, const cu_walk &gone, const shape &v,
                  cu_stream s)
{
    const uint64_t threads = (uint64_t)kept.total * v.lanes;
    const dim3 grid((unsigned)((threads + REDUCE_THREADS - 1) / REDUCE_THREADS), v.splits);
    return cu_start(reduce_k<T, S>, grid, REDUCE_THREADS, REDUCE_THREADS / 32 * sizeof(T), s, j,
                    kept, gone, v.lanes);
}

template <class T, int S> static int reduce(const cu_reduce_args *a, cu_stream s)
{
    const shape v = shape_of(a->kept, a->gone, cu_this_chip().processors);
    reduce_job j = {a->x,          a->shift, a->y,        a->kind,
                    a->finish,     a->dtype, a->dtype,    start_of(a->kind, a->dtype),
                    a->gone.total, v.piece,  v.splits > 1};
    if (j.part) j.y = a->part;
    const int status = gather<T, S>(j, a->kept, a->gone, v, s);
    if (status || !j.part) return status;
    cu_walk kept, gone; // of the parts [splits, outputs]
    const int64_t one = 1, row = a->kept.total;
    cu_walk_begin(&kept, 1);
    cu_walk_dim(&kept, row, &one);
    cu_walk_begin(&gone, 1);
    cu_walk_dim(&gone, v.splits, &row);
    j.x = a->part, j.y = a->y, j.part = false;
    j.dtype = wide_dtype(a->dtype);
    // what was mapped already is only joined
    if (a->kind == CU_REDUCE_ABS || a->kind == CU_REDUCE_SQUARE || a->kind == CU_REDUCE_EXP)
        j.kind = CU_REDUCE_SUM;
    const shape last = {a->kept.total < 64 ? 32 : 1, 1, v.splits};
    j.piece = v.splits;
    return gather<T, sizeof(T)>(j, kept, gone, last, s);
}

extern "C" int cu_reduce(const cu_reduce_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->dtype);
    if (!a->kept.total) return 0;
    switch (el_kind_of(a->dtype)) {
    case EL_F64:
        return reduce<double, 8>(a, s);
    case EL_F32:
        return bytes == 4   ? reduce<float, 4>(a, s)
               : bytes == 2 ? reduce<float, 2>(a, s)
                            : reduce<float, 1>(a, s);
    default:
        return bytes == 8   ? reduce<uint64_t, 8>(a, s)
               : bytes == 4 ? reduce<uint64_t, 4>(a, s)
               : bytes == 2 ? reduce<uint64_t, 2>(a, s)
                            : reduce<uint64_t, 1>(a, s);
    }
}

template <int S> static int arg_reduce(const cu_arg_reduce_args *a, cu_stream s)
{
    const uint32_t lines = (uint32_t)(a->outer * a->inner), n = (uint32_t)a->n;
    const bool apart = a->inner > 1 && lines >= LINES_ENOUGH;
    const int lanes = apart || n <= 16 ? 1 : n <= MANY ? 32 : REDUCE_THREADS;
    const uint64_t threads = (uint64_t)lines * lanes;
    return cu_start(arg_reduce_k<S>, (unsigned)((threads + REDUCE_THREADS - 1) / REDUCE_THREADS),
                    REDUCE_THREADS, REDUCE_THREADS / 32 * sizeof(uint64_t), s, a->x, a->y, lines, n,
                    cu_div_of((uint32_t)a->inner), a->dtype, a->smallest, a->last, lanes);
}

extern "C" int cu_arg_reduce(const cu_arg_reduce_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->dtype);
    if (a->outer * a->inner == 0) return 0;
    return bytes == 8   ? arg_reduce<8>(a, s)
           : bytes == 4 ? arg_reduce<4>(a, s)
           : bytes == 2 ? arg_reduce<2>(a, s)
                        : arg_reduce<1>(a, s);
}

template <class T> static int cumulate(const cu_cumulate_args *a, cu_stream s)
{
    const uint32_t lines = (uint32_t)(a->outer * a->inner);
    const bool together = a->n > 32 && lines < LINES_ENOUGH;
    const uint32_t blocks = together ? lines : (lines + REDUCE_THREADS - 1) / REDUCE_THREADS;
    return cu_start(cumulate_k<T>, blocks, REDUCE_THREADS, REDUCE_THREADS / 32 * sizeof(T), s, a->x,
                    a->y, lines, (uint32_t)a->n, cu_div_of((uint32_t)a->inner), el_bytes(a->dtype),
                    a->dtype, a->prod, a->exclusive, a->reverse, together);
}

extern "C" int cu_cumulate(const cu_cumulate_args *a, cu_stream s)
{
    if (a->outer * a->n * a->inner == 0) return 0;
    return el_kind_of(a->dtype) == EL_INT ? cumulate<uint64_t>(a, s) : cumulate<double>(a, s);
}
