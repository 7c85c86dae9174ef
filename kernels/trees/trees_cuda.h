/* trees_cuda.h - launchers of decision trees and linear models. */
#ifndef TREES_CUDA_H
#define TREES_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A node, 16 bytes: the bits of an f32 threshold; the feature with the test above it (runtime/ops/
 * tree_ensemble.h); the child where the test holds and the other one. Of a leaf: first weight and
 * how many. A forest of f64 thresholds has them apart, and 0 here. */
typedef struct {
    uint32_t threshold, feature_mode;
    int32_t yes, no;
} cu_tree_node;
enum { CU_TREE_MODE_SHIFT = 26, CU_TREE_FEATURES_MOST = 1 << CU_TREE_MODE_SHIFT };

enum { CU_TREE_SUM, CU_TREE_AVERAGE, CU_TREE_MIN, CU_TREE_MAX };
/* What every leaf of a forest adds: one weight; one to each target, in their order; anything. */
enum { CU_TREE_ONE, CU_TREE_ALL, CU_TREE_ANY };
enum { CU_POST_NONE, CU_POST_SOFTMAX, CU_POST_LOGISTIC, CU_POST_SOFTMAX_ZERO, CU_POST_PROBIT };
enum { CU_BINARY_PLAIN, CU_BINARY_SIGN, CU_BINARY_HALF };

/* scores [rows, n_targets] (f32, f64 or f16; may be NULL) and, for classifiers, the class's index
 * [rows] or NULL, of x [rows, cols] of any number: what runtime/ops/tree_ensemble.c gives, its sums
 * in the same order. Tables are device memory; thresholds (f64) NULL: those of the nodes. weights
 * and base are f32, or f64 with `wide`. leaves i32 [n_roots, chunk]: scratch; values f64 [chunk,
 * n_targets + 1] and seen [chunk, n_targets + 1] likewise; chunk: rows that go at a time. */
typedef struct {
    const void *x, *weights, *base;
    const cu_tree_node *nodes;
    const double *thresholds;
    const int32_t *roots, *targets;
    void *scores;
    int64_t *index;
    int32_t *leaves;
    double *values;
    uint8_t *seen;
    int64_t rows, cols, n_roots, n_targets, n_base, chunk;
    int x_dtype, scores_dtype, aggregate, post, binary, form;
    bool wide, classifier;
} cu_trees_args;

int cu_trees(const cu_trees_args *a, cu_stream s);

/* scores f32 [rows, pair ? 2 : n_scores] and index i64 [rows] (each may be NULL) of x [rows, cols]:
 * runtime/ops/linear_model.c. intercepts NULL: none. values f64 [rows, n_scores + 1]: scratch. */
typedef struct {
    const void *x;
    const float *coefficients, *intercepts;
    float *scores;
    int64_t *index;
    double *values;
    int64_t rows, cols, n_scores;
    int x_dtype, post;
    bool classifier, pair;
} cu_linear_args;

int cu_linear(const cu_linear_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
