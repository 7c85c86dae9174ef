/* generate_cuda.h - launchers of the kernels that make elements of nothing but their place. */
#ifndef GENERATE_CUDA_H
#define GENERATE_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] for i < n, of `type` (cu_number). n < 2^31. */
typedef struct {
    void *y;
    int type;
    int64_t n;
} cu_made;

/* start + i * step: of integers, which wrap, or in f64, rounded once. */
typedef struct {
    cu_made out;
    int64_t start, step;
    double start_f, step_f;
} cu_range_args;
int cu_range(const cu_range_args *a, cu_stream s);

/* Ones on diagonal k of a matrix with so many columns. */
typedef struct {
    cu_made out;
    int64_t columns, k;
} cu_eye_args;
int cu_eye(const cu_eye_args *a, cu_stream s);

/* term[0] - term[1] cos(t) + term[2] cos(2 t), t = 2 pi i / by; one element is 1. */
typedef struct {
    cu_made out;
    double by, term[3];
} cu_window_args;
int cu_window(const cu_window_args *a, cu_stream s);

/* [rows, columns]: column c rises from row edge[c] to 1 at edge[c + 1] and falls to 0 at
 * edge[c + 2]. edge: [columns + 2], not falling, in device memory. */
typedef struct {
    cu_made out;
    int64_t columns;
    const int32_t *edge;
} cu_triangles_args;
int cu_triangles(const cu_triangles_args *a, cu_stream s);

/* Random numbers of the stream `key` (runtime/ops/random.h): uniform in [a, b), or normal with mean
 * a and deviation b. calls: in device memory, how often this was launched: each launch then has a
 * stream of its own; NULL: always the same numbers. */
typedef struct {
    cu_made out;
    bool normal;
    double a, b;
    uint64_t key, *calls;
} cu_random_args;
int cu_random(const cu_random_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
