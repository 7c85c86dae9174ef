/* blas.c - see blas.h. */
#include "runtime/ops/blas.h"
#include "runtime/base/checked.h"
#include "runtime/base/library.h"

#include <limits.h>
#include <pthread.h>

enum { WORTH = 64 * 64 * 64, ROW_MAJOR = 101, AS_IT_IS = 111, TURNED = 112 }; /* of cblas.h */

static struct {
    bool there;
    const char *(*config)(void);
    void (*set_threads)(int n);
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                  int lda, const float *b, int ldb, float beta, float *c, int ldc);
} blas;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t one_call = PTHREAD_MUTEX_INITIALIZER; /* the thread count is global */

/* It starts its threads when it is loaded, so only those who use it may. */
static void load(void)
{
#if !IG_MINIMAL
    static const char *const files[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
    void *library = ig_library_open(files, IG_LEN(files));
    if (!library) return;
    ig_library_find(library, "openblas_get_config", &blas.config);
    ig_library_find(library, "openblas_set_num_threads", &blas.set_threads);
    ig_library_find(library, "cblas_sgemm", &blas.sgemm);
    blas.there = blas.config && blas.set_threads && blas.sgemm;
#endif
}

const char *ig_blas_name(void)
{
    pthread_once(&once, load);
    return blas.there ? blas.config() : NULL;
}

bool ig_blas_worth(size_t m, size_t n, size_t k)
{
    const bool fits = m <= INT_MAX && n <= INT_MAX && k <= INT_MAX;
    return fits && (double)m * (double)n * (double)k >= WORTH && ig_blas_name();
}

void ig_blas_gemm(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  bool a_turned, bool b_turned, float alpha, size_t n_threads)
{
    const int M = (int)m, N = (int)n, K = (int)k;
    pthread_mutex_lock(&one_call);
    blas.set_threads((int)n_threads);
    blas.sgemm(ROW_MAJOR, a_turned ? TURNED : AS_IT_IS, b_turned ? TURNED : AS_IT_IS, M, N, K,
               alpha, a, a_turned ? M : K, b, b_turned ? K : N, 0, c, N);
    pthread_mutex_unlock(&one_call);
}
