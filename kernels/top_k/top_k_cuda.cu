// top_k_cuda.cu - instances and launcher of the k best.
#include "kernels/cuda/launch.cuh"
#include "kernels/top_k/top_k_sm80.cuh"

extern "C" size_t cu_top_k_scratch(int64_t lines, int64_t k)
{
    return (size_t)lines * (size_t)k * (sizeof(uint64_t) + sizeof(uint32_t));
}

template <int S> static int run(const top_k_job &j, cu_stream s)
{
    const int status =
        cu_start(top_k_select_k<S>, j.lines, TOP_K_THREADS, sizeof(top_k_room), s, j);
    if (status) return status;
    const dim3 grid(j.lines, (j.k + TOP_K_RANKERS - 1) / TOP_K_RANKERS);
    return cu_start(top_k_rank_k<S>, grid, TOP_K_RANKERS,
                    TOP_K_RANKERS * (sizeof(uint64_t) + sizeof(uint32_t)), s, j);
}

extern "C" int cu_top_k(const cu_top_k_args *a, cu_stream s)
{
    const int bytes = el_bytes(a->dtype);
    top_k_job j = {};
    j.x = a->x, j.values = a->values, j.index = a->index;
    j.lines = (uint32_t)(a->outer * a->inner), j.n = (uint32_t)a->n, j.k = (uint32_t)a->k;
    j.keys = (uint64_t *)a->scratch;
    j.place = (uint32_t *)(j.keys + (size_t)j.lines * j.k);
    j.inner = cu_div_of((uint32_t)(a->inner ? a->inner : 1));
    j.dtype = a->dtype, j.smallest = a->smallest;
    j.key_bits = bytes == 8 ? 64 : el_kind_of(a->dtype) == EL_F32 ? 32 : 8 * bytes;
    if (!j.lines || !j.k) return 0;
    return bytes == 8   ? run<8>(j, s)
           : bytes == 4 ? run<4>(j, s)
           : bytes == 2 ? run<2>(j, s)
                        : run<1>(j, s);
}
