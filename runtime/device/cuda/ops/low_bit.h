/* low_bit.h - products with weights in tiles (kernels/gemm_q/q_tiles.h) on the device: what
 * matmul_q, glu and moe share.
 *
 * Weights are one matrix or many of the same size (experts), in the CPU's panels on the host. */
#ifndef IG_CU_LOW_BIT_H
#define IG_CU_LOW_BIT_H

#include "kernels/gemm_q/gemm_f8_cuda.h"
#include "kernels/gemm_q/q_tiles.h"
#include "runtime/device/cuda/ops/common.h"

typedef struct {
    const ig_q_format *format; /* NULL: weights of f16 or bf16 (dtype) in IG_P16 */
    ingot_dtype dtype;
    size_t n, k;      /* of a matrix */
    size_t matrices;  /* 1 or more */
    cu_q_round round; /* of x before: ig_cu_low_round */
} ig_cu_low_weights;

/* ig_cu_low_take - the constant input `in` in tiles, shared by all that read it so; given back with
 * ig_cu_unpack(d, *held). Declines what is no constant or too large. */
ingot_status ig_cu_low_take(void **held, cu_q_weights *w, ig_device *d, ig_device_bind *b,
                            uint32_t in, const ig_cu_low_weights *spec);

/* A bound product. */
typedef struct {
    void *weights;                          /* ig_cu_pack's */
    cu_gemm_q_args gemm;                    /* weights and sizes */
    size_t at_tiles, at_factor, at_partial; /* in scratch */
    int k;
    cu_q_round round;
    bool f8; /* both operands are 8-bit floats: cu_gemm_f8 */
} ig_cu_low;

/* ig_cu_low_bind - the constant input `in` as `spec` says, for m rows of y. With slots: at most
 * max_slots of `tokens` rows, which lie among `m` rows (a multiple of 8). Takes the constant and
 * room. Declines what the device cannot do: b->declined. p stays where it is until it is unbound;
 * nothing is held where it failed or declined. */
ingot_status ig_cu_low_bind(ig_cu_low *p, ig_device *d, ig_device_bind *b, uint32_t in,
                            const ig_cu_low_weights *spec, size_t m, int max_slots, int tokens);

void ig_cu_low_unbind(ig_cu_low *p, ig_device *d); /* may be all zeros */

/* ig_cu_low_run - x [.., k] of `type`, rows ldx apart; order, slots and n_slots are NULL but for
 * experts. */
typedef struct {
    const void *x;
    int64_t ldx;
    cu_float type;
    const int32_t *order;
    const cu_q_slot *slots;
    const int *n_slots;
    cu_finish finish;
} ig_cu_low_args;
int ig_cu_low_run(const ig_cu_low *p, ig_device_stream *s, const ig_device_run *r,
                  const ig_cu_low_args *a);

/* What an attribute `acts` asks for beside weights of f (NULL: floats). */
cu_q_round ig_cu_low_round(const char *acts, const ig_q_format *f);
/* glu with weights of few bits: what ops/glu.c calls where the attribute `format` is set. */
extern const ig_cu_op ig_cu_glu_low;

#endif
