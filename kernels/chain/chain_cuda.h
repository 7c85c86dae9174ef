/* chain_cuda.h - launcher of a chain of elementwise steps: one kernel that reads the operands once,
 * keeps what lies between the steps in registers and writes the last result. */
#ifndef CHAIN_CUDA_H
#define CHAIN_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_CHAIN_STEPS = 16, CU_CHAIN_KEPT = 2 };

typedef enum {
    CU_CHAIN_UNARY,  /* fn of kernels/unary (none that tests), parameters p and q */
    CU_CHAIN_BINARY, /* fn of kernels/binary, arithmetic */
    CU_CHAIN_TEST,   /* fn of kernels/binary, a comparison: a bool */
    CU_CHAIN_CLIP,   /* fn: 1 there is a lower limit p, 2 an upper one q, 3 both */
    CU_CHAIN_WHERE,  /* c ? a : b */
    CU_CHAIN_CAST    /* a */
} cu_chain_kind;

/* Where a step finds an operand: what is below CU_OPERANDS is an input. */
enum {
    CU_CHAIN_KEPT_FIRST = CU_OPERANDS,                   /* what an earlier step put there */
    CU_CHAIN_LAST = CU_CHAIN_KEPT_FIRST + CU_CHAIN_KEPT, /* the step before */
    CU_CHAIN_NUMBER                                      /* a constant: of a it is p, of b q */
};

typedef struct {
    uint8_t kind, fn, a, b, c;
    uint8_t keep;  /* 1 + the place that the result is put in besides; 0: nowhere */
    uint8_t dtype; /* ingot_dtype that the result is rounded to: f32, f16, bf16; bool */
    float p, q;
} cu_chain_step;

/* Values are f32 in registers, rounded after each step as a stored tensor would be: the bits of the
 * steps one after the other, but for those of NaN. Inputs and y: f32, f16, bf16, bool; the walk is
 * of the inputs, y is contiguous. Pointers are 16-byte aligned. */
typedef struct {
    const void *in[CU_OPERANDS];
    void *y;
    cu_walk walk;
    int n_steps;
    uint8_t in_dtype[CU_OPERANDS], y_dtype;
    cu_chain_step steps[CU_CHAIN_STEPS];
} cu_chain_args;

int cu_chain(const cu_chain_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
