/* gemm_f8_cuda.h - launchers of CUDA products of 8-bit floats by 8-bit floats (e4m3):
 *
 *     y [m, n] = finish(sum over groups of 128 k of x_scale [m] w_scale [n] (sum of x [m, k] w [n,
 * k]))
 *
 * with weights in the tiles of q_tiles.h, the ones that products with activations of 16 bits read
 * as well. The sums of 128 k are the tensor cores', which keep some 14 bits of sums of 8-bit
 * floats (DeepGEMM's observation); what they add up to is f32. Hopper (sm_90a), Ada (sm_89). */
#ifndef GEMM_F8_CUDA_H
#define GEMM_F8_CUDA_H

#include "kernels/gemm_q/gemm_q_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x as tiles: e4m3 [k / 128][rows][128], rows a multiple of 8; in each row's 128 bytes the 16 bytes
 * c lie at c ^ (row % 8), and of each 16 k the pairs 0 4 1 5 2 6 3 7 follow each other: that is the
 * order in which a thread has the weights of a tile, made for mma of f16. k beyond the matrix and
 * rows beyond m are zeros. scale [groups][rows], groups 1 or a group for every 128 k. */
typedef struct {
    uint8_t *tiles;
    float *scale;
    const void *x; /* [m, k], ldx elements between rows */
    int64_t ldx;
    cu_float type;        /* of x */
    const int32_t *order; /* as cu_q_acts_args says */
    int m, rows, k;
    cu_q_round round; /* CU_Q_F8_ROWS or CU_Q_F8_GROUPS */
} cu_f8_acts_args;

typedef struct {
    cu_q_weights w; /* e4m3 */
    const uint8_t *x;
    const float *scale; /* both of cu_f8_acts */
    int m, rows;
    int x_groups; /* scale has a group for every 128 k */
    cu_finish finish;
    /* Many matrices, as cu_gemm_q_args says; a slot has at most CU_F8_SLOT rows. */
    const cu_q_slot *slots;
    const int *n_slots;
    int max_slots;
} cu_gemm_f8_args;

enum { CU_F8_SLOT = 128 };

/* cu_gemm_f8_suits - has the chip such units, and are m rows of a matrix so many that they and not
 * the reading of the weights set the pace? Else cu_gemm_q is the product, with cu_q_acts' rounding.
 */
static inline int cu_gemm_f8_suits(int cc, int64_t m) { return cc >= 89 && m > 64; }

int cu_f8_acts(const cu_f8_acts_args *a, cu_stream s);
int cu_gemm_f8(const cu_gemm_f8_args *a, cu_stream s);
/* The kernels that they choose from. */
int cu_f8_acts_sm90(const cu_f8_acts_args *a, cu_stream s);
int cu_f8_acts_sm89(const cu_f8_acts_args *a, cu_stream s);
int cu_gemm_f8_sm90(const cu_gemm_f8_args *a, cu_stream s);
int cu_gemm_f8_sm89(const cu_gemm_f8_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
