// norm_cuda.cu - instances and launchers of normalisations.
#include "kernels/cuda/launch_as.cuh"
#include "kernels/norm/norm_sm80.cuh"

template <int S, int LANES> static int rows(const norm_job &j, cu_stream s)
{
    const unsigned threads = LANES == 32 ? NORM_THREADS : LANES, each = threads / LANES;
    return cu_start_ahead(norm_rows_k<S, LANES>, (j.rows + each - 1) / each, threads,
                          threads / 32 * sizeof(float), s, j);
}

template <class T, int S> static int long_rows(const norm_job &j, cu_stream s)
{
    return cu_start(norm_long_k<T, S>, j.rows, NORM_THREADS, NORM_THREADS / 32 * sizeof(T), s, j);
}

template <int S> static int floats(const norm_job &j, cu_stream s)
{
    if (j.n <= rows_tile<S, 32, NORM_PACKS>::MOST) return rows<S, 32>(j, s);
    if (j.n <= rows_tile<S, 256, NORM_PACKS>::MOST) return rows<S, 256>(j, s);
    if (j.n <= rows_tile<S, 512, NORM_PACKS>::MOST) return rows<S, 512>(j, s);
    return long_rows<float, S>(j, s);
}

extern "C" int cu_norm(const cu_norm_args *a, cu_stream s)
{
    if (a->rows == 0 || a->cols == 0) return 0;
    norm_job j = {};
    j.x = a->x, j.residual = a->residual, j.gamma = a->gamma, j.beta = a->beta;
    j.y = a->y, j.mean = a->mean, j.inv_std = a->inv_std;
    j.rows = (uint32_t)a->rows, j.period = (uint32_t)a->period, j.row = (uint32_t)a->row;
    j.inner = cu_div_of((uint32_t)a->inner);
    j.n = (int)a->cols, j.dtype = a->dtype, j.eps = a->eps, j.rms = a->rms;
    switch (el_bytes(a->dtype)) {
    case 8:
        return long_rows<double, 8>(j, s);
    case 4:
        return floats<4>(j, s);
    default:
        return floats<2>(j, s);
    }
}

extern "C" int cu_fold(const cu_fold_args *a, cu_stream s)
{
    return cu_start(fold_k, (unsigned)((a->n + NORM_THREADS - 1) / NORM_THREADS), NORM_THREADS, 0,
                    s, *a);
}

template <class T, int S> static int lrn(const cu_lrn_args *a, cu_stream s)
{
    const int64_t total = a->samples * a->channels * a->inner;
    if (total == 0) return 0;
    return cu_start(lrn_k<T, S>, (unsigned)((total + NORM_THREADS - 1) / NORM_THREADS),
                    NORM_THREADS, 0, s, a->x, a->y, (uint32_t)total,
                    cu_div_of((uint32_t)a->channels), cu_div_of((uint32_t)a->inner), (int)a->before,
                    (int)a->after, (T)a->scale, (T)a->beta, (T)a->bias, a->dtype);
}

extern "C" int cu_lrn(const cu_lrn_args *a, cu_stream s)
{
    switch (el_bytes(a->dtype)) {
    case 8:
        return lrn<double, 8>(a, s);
    case 4:
        return lrn<float, 4>(a, s);
    case 2:
        return lrn<float, 2>(a, s);
    default:
        return lrn<float, 1>(a, s);
    }
}

extern "C" int cu_row_normalize(const cu_row_normalize_args *a, cu_stream s)
{
    if (a->rows == 0 || a->cols == 0) return 0;
    return cu_start(row_normalize_k, (unsigned)a->rows, NORM_THREADS,
                    NORM_THREADS / 32 * sizeof(double), s, a->x, a->y, (int)a->cols,
                    el_bytes(a->dtype), a->dtype, a->kind);
}
