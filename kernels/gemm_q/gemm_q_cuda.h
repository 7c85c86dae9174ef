/* gemm_q_cuda.h - launchers of the CUDA products with weights of 4 and 8 bits:
 * y [m, n] = finish(x [m, k] W^T), W in the tiles of q_tiles.h.
 *
 * x is brought to f16 by cu_q_acts first: each row times a power of two that puts its largest
 * element between 2^14 and 2^15, so that f16 loses at most 2^-12 of an element that is not 2^29
 * times smaller than the row's largest. Sums are f32. The order of every sum depends on the sizes
 * and the device alone: the same bits from run to run. */
#ifndef GEMM_Q_CUDA_H
#define GEMM_Q_CUDA_H

#include "kernels/cuda/stream.h"
#include "kernels/gemm_q/finish_cuda.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- activations ---- */

/* How x is rounded first, as gemm_q.h says: not, to 8 bits in groups of 32 (ig_q_act), to e4m3 by
 * rows or in groups of 128 (ig_q_e4m3_row). */
typedef enum { CU_Q_ASIS, CU_Q_A8, CU_Q_F8_ROWS, CU_Q_F8_GROUPS } cu_q_round;

/* x as tiles: [k / 64][rows][64] f16, rows a multiple of 8; the 16 bytes c of row r lie at c ^ (r %
 * 8), which is the 128-byte swizzle of a tile that begins at a multiple of 1024 bytes. k beyond the
 * matrix and rows beyond m are zeros. factor [rows]: what the rows are to be multiplied by; with
 * CU_Q_F8_ROWS the row's scale, and the tiles have its e4m3 as they are. */
typedef struct {
    uint16_t *tiles;
    float *factor;
    const void *x; /* [.., k], ldx elements between rows */
    int64_t ldx;
    cu_float type;        /* of x */
    const int32_t *order; /* row i comes from row order[i] of x (-1: zeros); NULL: from row i */
    int m, rows, k;
    cu_q_round round; /* before */
} cu_q_acts_args;

int cu_q_acts(const cu_q_acts_args *a, cu_stream s);

/* ---- the product ---- */

typedef struct {
    const uint8_t *quants;
    const uint16_t *scales, *offsets; /* scales NULL: 16 bits; offsets NULL: none */
    const float *row;
    int bits, group_log2, groups;
    int n, k;             /* of the tiles: multiples of 64 */
    int64_t expert_bytes; /* from one matrix to the next, of all four parts */
    int e4m3;             /* 8 bits are a float; groups of 64 or more, no offsets */
} cu_q_weights;

/* Rows [first, first + rows) of x meet the matrix `expert`; first is a multiple of 8. */
typedef struct {
    int expert, first, rows, unused;
} cu_q_slot;

/* How a product of one matrix runs; the sums of each have an order of their own. */
typedef enum {
    CU_Q_MODEL, /* the first of cu_gemm_q_variants */
    CU_Q_FEW,   /* cu_gemm_q_few */
    CU_Q_T8,    /* sm_80, so many tokens a block */
    CU_Q_T16,
    CU_Q_T32,
    CU_Q_T64,
    CU_Q_W128, /* sm_90a, wgmma, so many tokens a block */
    CU_Q_W256,
    CU_Q_F8, /* cu_gemm_f8 of gemm_f8_cuda.h: no variant of cu_gemm_q */
    CU_Q_VARIANTS
} cu_q_variant;

typedef struct {
    cu_q_weights w;
    const uint16_t *x; /* of cu_q_acts */
    const float *factor;
    int m, rows; /* rows of y, and of x's tiles */
    cu_finish finish;
    /* Many matrices: what meets what, made on the device. A slot has at most `tokens` rows, 8, 16,
     * 32 or 64. slots NULL: one matrix; tokens is then chosen here. */
    const cu_q_slot *slots;
    const int *n_slots;
    int max_slots, tokens;
    int few;              /* see cu_gemm_q_few; goes with CU_Q_FEW */
    cu_q_variant variant; /* without slots */
    float *partial;       /* cu_gemm_q_scratch bytes */
    int *tickets; /* cu_gemm_q_tickets zeros, zeros again afterwards: of this product alone */
} cu_gemm_q_args;

/* Room for a product on the present device; of sizes alone. */
size_t cu_gemm_q_scratch(const cu_gemm_q_args *a);
size_t cu_gemm_q_tickets(const cu_gemm_q_args *a);
int cu_gemm_q(const cu_gemm_q_args *a, cu_stream s);
/* Up to four rows of x as they come: what cu_q_acts and cu_gemm_q do, in one launch. `x` says what
 * cu_q_acts would get, without tiles, factor and order; a->few is set, and x and factor are not
 * read. Where cu_gemm_q_is_few says so. */
int cu_gemm_q_few(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s);
static inline int cu_gemm_q_is_few(int64_t m, int64_t k) { return m <= 4 && m * k <= 16384; }
/* cu_gemm_q_variants - what the present device may run a->m tokens of one matrix on, the model's
 * choice first: how many, at most `most`. cu_gemm_q_name - for people and files. */
int cu_gemm_q_variants(cu_q_variant *out, int most, const cu_gemm_q_args *a);
const char *cu_gemm_q_name(cu_q_variant v);
/* The two that it chooses from: whatever the chip and any m; many tokens of one matrix on Hopper.
 */
int cu_gemm_q_sm80(const cu_gemm_q_args *a, cu_stream s);
int cu_gemm_q_sm90(const cu_gemm_q_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
