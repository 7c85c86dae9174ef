/* cpu_sample.h - the CPU's sampler for tests that are not C. */
#ifndef TESTS_CUDA_CPU_SAMPLE_H
#define TESTS_CUDA_CPU_SAMPLE_H

#include "kernels/sample/sample_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The token of a row, and its logprob; where not NULL, p [vocab] gets the distribution that it is
 * drawn from. A CU_SAMPLE_ status. */
int cpu_sample(int32_t *token, float *logprob, double *p, const float *logits, int vocab,
               const cu_sample_row *row, const uint64_t *mask, const int32_t *before,
               const uint32_t *bias_id, const float *bias_add);

#ifdef __cplusplus
}
#endif

#endif
