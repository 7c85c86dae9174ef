/* svm_cuda.h - launcher of support vector machines. */
#ifndef SVM_CUDA_H
#define SVM_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_SVM_LINEAR, CU_SVM_POLY, CU_SVM_RBF, CU_SVM_SIGMOID };

/* scores f32 [rows, n_out] and, for classifiers, index i64 [rows] (each may be NULL) of x [rows,
 * cols] of any number: runtime/ops/svm.c, whose tables these are, in device memory. n_vectors 0:
 * the model is linear, with n_classes rows of coefficients (1: a regressor's). n_classes 0: a
 * regressor. starts i32 [n_classes + 1]: where each class's vectors begin. Rows go `chunk` at a
 * time through scratch of cu_svm_room() doubles. rows, vectors and pairs of classes < 2^31. */
typedef struct {
    const void *x;
    const float *vectors, *coefficients, *rho, *proba;
    const int32_t *starts;
    float *scores;
    int64_t *index;
    double *room;
    int64_t rows, cols, n_vectors, n_classes, n_pairs, n_proba, n_out, chunk;
    double gamma, coef0, degree;
    int x_dtype, kernel, post;
    bool one_class, positive; /* no coefficient is negative */
} cu_svm_args;

/* cu_svm_room - doubles of scratch that one row takes. */
static inline int64_t cu_svm_room(const cu_svm_args *a)
{
    const int64_t k = a->n_classes;
    return (a->n_vectors ? a->n_vectors
            : k          ? k
                         : 1) +
           a->n_pairs + 1 + 2 * (k + 1) + (a->n_proba ? 2 * k * k : 0);
}

int cu_svm(const cu_svm_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
