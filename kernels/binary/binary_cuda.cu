// binary_cuda.cu - instances and launchers of the elementwise kernels of broadcast operands.
#include "kernels/cuda/launch.cuh"
#include "kernels/binary/binary_sm80.cuh"

// The walk's operands in the order that Op takes them.
template <class Op>
static int run(const Op &op, const void *a, const void *b, const void *c, void *y, const cu_walk &w,
               cu_stream s)
{
    enum { SCALARS = 4 }; // elements a thread, where there are no packs
    const uint32_t units = cu_walk_packs(&w), each = BINARY_THREADS * BINARY_LOADS;
    const uint32_t blocks =
        units ? (units + each - 1) / each : w.total / (BINARY_THREADS * SCALARS) + 1;
    if (!w.total) return 0;
    return cu_start(walk_k<Op>, blocks, BINARY_THREADS, 0, s, a, b, c, y, units, w, op);
}

template <class T, int S> static int binary(const cu_binary_args *a, cu_stream s)
{
    const bin_op<T, S> op = {a->fn, a->dtype, a->bits, a->fn >= CU_BINARY_equal};
    return run(op, a->a, a->b, nullptr, a->y, a->walk, s);
}

extern "C" int cu_binary(const cu_binary_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->dtype);
    switch (el_kind_of(a->dtype)) {
    case EL_F64:
        return binary<double, 8>(a, s);
    case EL_F32:
        return bytes == 4   ? binary<float, 4>(a, s)
               : bytes == 2 ? binary<float, 2>(a, s)
                            : binary<float, 1>(a, s);
    default:
        return bytes == 8   ? binary<uint64_t, 8>(a, s)
               : bytes == 4 ? binary<uint64_t, 4>(a, s)
               : bytes == 2 ? binary<uint64_t, 2>(a, s)
                            : binary<uint64_t, 1>(a, s);
    }
}

// The walk with its first operand moved behind the other two.
static cu_walk first_last(const cu_walk &w)
{
    cu_walk v = w;
    for (int d = 0; d < CU_RANK; d++) {
        v.stride[0][d] = w.stride[1][d];
        v.stride[1][d] = w.stride[2][d];
        v.stride[2][d] = w.stride[0][d];
    }
    return v;
}

template <int S> static int where(const cu_where_args *a, cu_stream s)
{
    return run(where_op<S>{false}, a->a, a->b, a->condition, a->y, first_last(a->walk), s);
}

extern "C" int cu_where(const cu_where_args *a, cu_stream s)
{
    return a->bytes == 8   ? where<8>(a, s)
           : a->bytes == 4 ? where<4>(a, s)
           : a->bytes == 2 ? where<2>(a, s)
                           : where<1>(a, s);
}

template <class T, int S> static int scale_shift(const cu_scale_shift_args *a, cu_stream s)
{
    return run(scale_shift_op<T, S>{a->dtype, false}, a->scale, a->shift, a->x, a->y,
               first_last(a->walk), s);
}

extern "C" int cu_scale_shift(const cu_scale_shift_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->dtype);
    return bytes == 8   ? scale_shift<double, 8>(a, s)
           : bytes == 4 ? scale_shift<float, 4>(a, s)
           : bytes == 2 ? scale_shift<float, 2>(a, s)
                        : scale_shift<float, 1>(a, s);
}

extern "C" int cu_binary_i8(const cu_binary_i8_args *a, cu_stream s)
{
    const i8_op op = {a->fn, a->a_zero,  a->b_zero,  a->y_zero,  a->a_signed, a->b_signed,
                      false, a->a_scale, a->b_scale, a->y_scale, a->low,      a->high};
    return run(op, a->a, a->b, nullptr, a->y, a->walk, s);
}
