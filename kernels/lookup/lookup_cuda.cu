// lookup_cuda.cu - launchers of searches in tables.
#include "kernels/cuda/launch.cuh"
#include "kernels/lookup/lookup_sm80.cuh"

static uint32_t blocks_for(int64_t items)
{
    return (uint32_t)((items + LOOKUP_THREADS - 1) / LOOKUP_THREADS);
}

extern "C" int cu_lookup(const cu_lookup_args *a, cu_stream s)
{
    return cu_start(lookup_k, blocks_for(a->n), LOOKUP_THREADS, 0, s, *a, el_bytes(a->x_dtype));
}

extern "C" int cu_one_of(float *y, const int32_t *index, int64_t n, int64_t k, cu_stream s)
{
    if (n == 0 || k == 0) return 0;
    return cu_start(one_of_k, blocks_for(n * k), LOOKUP_THREADS, 0, s, y, index, (uint32_t)(n * k),
                    cu_div_of((uint32_t)k));
}

extern "C" int cu_count_grams(const cu_count_args *a, cu_stream s)
{
    const int64_t places = a->rows * a->cols, counts = a->rows * a->width;
    if (counts == 0) return 0;
    int status = 0;
    if (places)
        status = cu_start(count_grams_k, blocks_for(places), LOOKUP_THREADS, 0, s, *a,
                          (uint32_t)places, cu_div_of((uint32_t)a->cols));
    if (status) return status;
    return cu_start(weigh_counts_k, blocks_for(counts), LOOKUP_THREADS, 0, s, *a, (uint32_t)counts,
                    cu_div_of((uint32_t)a->width));
}
