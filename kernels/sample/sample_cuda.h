/* sample_cuda.h - from rows of logits in device memory to the next tokens, one launch for a batch.
 *
 * The stages and what they mean are those of runtime/llm/sample/sampler.h: mask, bias, penalties,
 * temperature, top-k, top-p, min-p, one draw by a counter of the request. Greedy tokens are the
 * same as the CPU's; draws follow the same distribution from the same random number, so tokens
 * differ only where a rounded sum of weights falls on the other side of it. */
#ifndef SAMPLE_CUDA_H
#define SAMPLE_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of one row, in device memory; 0 is "off" as in ig_sampling. */
typedef struct {
    float temperature, top_p, min_p;
    float repetition, presence, frequency; /* repetition 0 and 1: off */
    uint32_t top_k;
    uint32_t n_before, n_prompt; /* tokens in `before`, and how many of them are the prompt */
    uint32_t window;             /* the last tokens that penalties look at; 0: all */
    uint32_t n_bias;             /* entries of the row's bias; ids differ */
    uint32_t masked;             /* the row's mask counts */
    uint32_t logprob;            /* of the token that is taken is wanted */
    uint32_t pad;
    uint64_t seed, index; /* request, and number of the token in its answer */
} cu_sample_row;

enum { CU_SAMPLE_OK, CU_SAMPLE_NAN, CU_SAMPLE_NONE_LEFT, CU_SAMPLE_INFINITE };

/* All pointers are device memory; strides are in elements. mask [rows, mask_stride] (bit id % 64 of
 * word id / 64), before and bias may be NULL where no row uses them. token [rows]; status [rows]:
 * one of the above, the token then means nothing. logprob [rows] or NULL. scratch:
 * cu_sample_scratch(rows, vocab) bytes. */
typedef struct {
    const float *logits;
    const cu_sample_row *row;
    const uint64_t *mask;
    const int32_t *before;
    const uint32_t *bias_id;
    const float *bias_add;
    int32_t *token, *status;
    float *logprob;
    void *scratch;
    int64_t logits_stride, mask_stride, before_stride, bias_stride;
    int rows, vocab;
} cu_sample_args;

/* 8 bytes a logit; rows without bias and penalties do not touch it. */
size_t cu_sample_scratch(size_t rows, size_t vocab);
int cu_sample(const cu_sample_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
