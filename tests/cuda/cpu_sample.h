/* cpu_sample.h - the CPU's sampler for tests that are not C. */
#ifndef TESTS_CUDA_CPU_SAMPLE_H
#define TESTS_CUDA_CPU_SAMPLE_H

#include "kernels/sample/draw.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the CPU draws from a row of logits: the token, its logprob and the n_top likeliest with
 * theirs, the likeliest first. An IG_DRAW_ status. */
int cpu_sample(int32_t *token, float *logprob, ig_drawn_top *tops, const float *logits, int vocab,
               const ig_draw *draw, const uint32_t *list);

/* The same of what a device drew. */
void cpu_of_device(int32_t *token, float *logprob, ig_drawn_top *tops, const ig_draw *draw,
                   const ig_drawn *drawn, const ig_drawn_top *drawn_tops);

#ifdef __cplusplus
}
#endif

#endif
