/* peers.h - libraries that Ingot is timed beside: found at run time, never linked. */
#ifndef IG_BENCH_PEERS_H
#define IG_BENCH_PEERS_H

#include "bench/kernels/bench.h"

/* peers_open - load those of the list (comma-separated; NULL: all that are installed; "": none).
 * One that is named and not installed is an error that says which package brings it: E_ARG. */
ingot_status peers_open(const char *list, ingot_error *err);

/* The BLAS libraries that were loaded: i = 0, 1, ..; NULL past the last. */
typedef struct {
    const char *name;
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                  int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*dgemm)(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
                  int lda, const double *b, int ldb, double beta, double *c, int ldc);
    void (*set_threads)(size_t n); /* before calls; cheap when nothing changes */
} bench_blas;
const bench_blas *bench_blas_peer(size_t i);

/* The names that --vs takes, and whether each was loaded; NULL past the last. */
const char *peers_name(size_t i);
bool peers_loaded(size_t i);
const char *peers_package(size_t i);

/* bench_vs_gemm_f32 - add each BLAS (and oneDNN) that computes C[M, N] = A[M, K] B[K, N]: operands
 * of their own, of the same sizes. bench_vs_gemm_f64: the same in fp64, BLAS only. */
void bench_vs_gemm_f32(bench *b, size_t m, size_t n, size_t k);
void bench_vs_gemm_f64(bench *b, size_t m, size_t n, size_t k);

#endif
