// softmax_cuda.cu - instances and launcher of softmax.
#include "kernels/cuda/launch.cuh"
#include "kernels/softmax/softmax_sm80.cuh"

template <int S, int LANES> static int rows(const cu_softmax_args *a, cu_stream s)
{
    const unsigned threads = LANES == 32 ? SOFTMAX_THREADS : LANES, each = threads / LANES;
    const uint32_t n = (uint32_t)a->outer;
    return cu_start(softmax_rows_k<S, LANES>, (n + each - 1) / each, threads,
                    threads / 32 * sizeof(float), s, a->x, a->y, n, (int)a->n, a->dtype, a->log);
}

// A thread a line is enough where there are many: neighbours read neighbours.
template <class T, int S> static int lines(const cu_softmax_args *a, cu_stream s)
{
    enum { LINES_ENOUGH = 4096 };
    const uint32_t n = (uint32_t)(a->outer * a->inner);
    const bool together = a->inner == 1 || n < LINES_ENOUGH;
    const uint32_t blocks = together ? n : (n + SOFTMAX_THREADS - 1) / SOFTMAX_THREADS;
    return cu_start(softmax_lines_k<T, S>, blocks, SOFTMAX_THREADS,
                    SOFTMAX_THREADS / 32 * sizeof(T), s, a->x, a->y, n, (int)a->n,
                    cu_div_of((uint32_t)a->inner), a->dtype, a->log, together);
}

template <int S> static int floats(const cu_softmax_args *a, cu_stream s)
{
    if (a->inner > 1 || a->n > rows_tile<S, 512, SOFTMAX_PACKS>::MOST) return lines<float, S>(a, s);
    if (a->n > rows_tile<S, 256, SOFTMAX_PACKS>::MOST) return rows<S, 512>(a, s);
    if (a->n > rows_tile<S, 32, SOFTMAX_PACKS>::MOST) return rows<S, 256>(a, s);
    return rows<S, 32>(a, s);
}

extern "C" int cu_softmax(const cu_softmax_args *a, cu_stream s)
{
    if (a->outer == 0 || a->n == 0 || a->inner == 0) return 0;
    switch (el_bytes(a->dtype)) {
    case 8:
        return lines<double, 8>(a, s);
    case 4:
        return floats<4>(a, s);
    default:
        return floats<2>(a, s);
    }
}
