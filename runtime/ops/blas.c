/* blas.c - see blas.h. */
#include "runtime/ops/blas.h"

#if IG_HAVE_OPENBLAS

#    include <cblas.h>
#    include <limits.h>
#    include <pthread.h>

enum { WORTH = 64 * 64 * 64 };

static pthread_mutex_t one_call = PTHREAD_MUTEX_INITIALIZER; /* the thread count is global */

bool ig_blas_worth(size_t m, size_t n, size_t k)
{
    const bool fits = m <= INT_MAX && n <= INT_MAX && k <= INT_MAX;
    return fits && (double)m * (double)n * (double)k >= WORTH;
}

void ig_blas_gemm(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  bool a_turned, bool b_turned, float alpha, size_t n_threads)
{
    const int M = (int)m, N = (int)n, K = (int)k;
    pthread_mutex_lock(&one_call);
    openblas_set_num_threads((int)n_threads);
    cblas_sgemm(CblasRowMajor, a_turned ? CblasTrans : CblasNoTrans,
                b_turned ? CblasTrans : CblasNoTrans, M, N, K, alpha, a, a_turned ? M : K, b,
                b_turned ? K : N, 0, c, N);
    pthread_mutex_unlock(&one_call);
}

#else

bool ig_blas_worth(size_t m, size_t n, size_t k)
{
    (void)m, (void)n, (void)k;
    return false;
}

void ig_blas_gemm(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  bool a_turned, bool b_turned, float alpha, size_t n_threads)
{
    (void)c, (void)a, (void)b, (void)m, (void)n, (void)k, (void)a_turned, (void)b_turned,
        (void)alpha;
    (void)n_threads;
}

#endif
