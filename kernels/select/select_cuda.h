/* select_cuda.h - elements that count among others, on a device: which they are in their order. */
#ifndef SELECT_CUDA_H
#define SELECT_CUDA_H

#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y i64 [rows, tokens]: pad + 1, pad + 2 .. for the tokens of a row other than `pad`, in their
 * order; pad for those. pad -1: 0, 1 .. for all (runtime/ops/token_positions.c). */
typedef struct {
    const void *ids; /* [rows, tokens] integers of `type`, a cu_number */
    int64_t *y;
    int64_t rows, tokens, pad;
    int type;
} cu_positions_args;

int cu_positions(const cu_positions_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
