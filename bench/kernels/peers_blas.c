/* peers_blas.c - OpenBLAS and BLIS: products of plain row-major matrices. */
#include "bench/kernels/peers.h"

#include <dlfcn.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, MOST = 2 };

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void dgemm_fn(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
                      int lda, const double *b, int ldb, double beta, double *c, int ldc);

typedef struct {
    const char *name;
    sgemm_fn *sgemm;
    dgemm_fn *dgemm;
    void (*set_threads)(size_t n); /* before calls; cheap when nothing changes */
} library;

static library libraries[MOST];
static size_t n_libraries;

static void (*openblas_set)(int n);
static void (*blis_set)(long n);

static void openblas_threads(size_t n)
{
    static size_t now;
    if (n != now) openblas_set((int)n);
    now = n;
}

static void blis_threads(size_t n)
{
    static size_t now;
    if (n != now) blis_set((long)n);
    now = n;
}

static bool add_library(void *handle, const char *name, void (*set_threads)(size_t n))
{
    library *l = &libraries[n_libraries];
    *l = (library){.name = name, .set_threads = set_threads};
    *(void **)&l->sgemm = dlsym(handle, "cblas_sgemm");
    *(void **)&l->dgemm = dlsym(handle, "cblas_dgemm");
    if (!l->sgemm || !l->dgemm) return false;
    n_libraries++;
    return true;
}

bool peer_openblas(void *handle)
{
    *(void **)&openblas_set = dlsym(handle, "openblas_set_num_threads");
    return openblas_set && add_library(handle, "openblas", openblas_threads);
}

bool peer_blis(void *handle)
{
    *(void **)&blis_set = dlsym(handle, "bli_thread_set_num_threads");
    return blis_set && add_library(handle, "blis", blis_threads);
}

typedef struct {
    const library *blas;
    int m, n, k;
    const void *a, *b;
    void *c;
} product;

static void run_f32(void *arg, ig_pool *pool)
{
    const product *p = arg;
    p->blas->set_threads(ig_pool_threads(pool));
    p->blas->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0,
                   p->c, p->n);
}

static void run_f64(void *arg, ig_pool *pool)
{
    const product *p = arg;
    p->blas->set_threads(ig_pool_threads(pool));
    p->blas->dgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0,
                   p->c, p->n);
}

/* All of them share operands: none writes what another one reads. */
static void add_products(bench *b, bench_fn *run, const product *of)
{
    for (size_t i = 0; i < n_libraries; i++) {
        product *p = bench_take(b, sizeof *p);
        *p = *of;
        p->blas = &libraries[i];
        bench_add(b, libraries[i].name, run, p);
    }
}

void blas_gemm_f32(bench *b, size_t m, size_t n, size_t k)
{
    if (!n_libraries) return;
    product p = {.m = (int)m, .n = (int)n, .k = (int)k};
    p.a = bench_f32(b, m * k, -1, 1);
    p.b = bench_f32(b, k * n, -1, 1);
    p.c = bench_f32(b, m * n, 0, 0);
    add_products(b, run_f32, &p);
}

void bench_vs_gemm_f64(bench *b, size_t m, size_t n, size_t k)
{
    if (!n_libraries) return;
    product p = {.m = (int)m, .n = (int)n, .k = (int)k};
    p.a = bench_f64(b, m * k, -1, 1);
    p.b = bench_f64(b, k * n, -1, 1);
    p.c = bench_f64(b, m * n, 0, 0);
    add_products(b, run_f64, &p);
}
