/* sample_cuda.h - drawing tokens from rows of logits, one launch for a batch; see draw.h. */
#ifndef SAMPLE_CUDA_H
#define SAMPLE_CUDA_H

#include "kernels/cuda/stream.h"
#include "kernels/sample/draw.h"

#ifdef __cplusplus
extern "C" {
#endif

int cu_sample(const ig_draw_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
