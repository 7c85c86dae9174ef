/* gemm_cuda.h - launchers of the CUDA matrix products of floats.
 *
 *     c[i] = act(alpha * a[i] b[i]^T + bias + residual[i])      for i < batch
 *
 * a [m, k] and b [n, k] have rows along k; sums are f32. cu_gemm multiplies 16-bit floats on matrix
 * units and wants rows that its asynchronous copies can read (see cu_gemm_rows); cu_gemm_f32
 * multiplies f32 in f32 (one fused multiply-add a product), whatever the strides. Operands of other
 * forms are brought into theirs by cu_gemm_cast. Runs of a product give the same bits each time. */
#ifndef GEMM_CUDA_H
#define GEMM_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CU_F32, CU_F16, CU_BF16 } cu_float;
static inline int cu_float_bytes(cu_float t) { return t == CU_F32 ? 4 : 2; }

/* Activations: those of runtime/ops/act.def, by the same names. */
typedef enum {
#define A(name) CU_ACT_##name,
#include "kernels/gemm/act_cuda.def"
#undef A
} cu_act;

/* Product i of a batch, i in row-major order over dims: where its matrices begin, in elements.
 * c and the residual are dense: product i begins at i * c_step. rank 0: one product. */
enum { CU_GEMM_RANK = 6 };
typedef struct {
    int rank;
    int dims[CU_GEMM_RANK];
    int64_t a_step[CU_GEMM_RANK], b_step[CU_GEMM_RANK]; /* 0: repeated */
    int64_t c_step, r_step;
} cu_gemm_batch;

static inline int64_t cu_gemm_batch_count(const cu_gemm_batch *b)
{
    int64_t n = 1;
    for (int d = 0; d < b->rank; d++) n *= b->dims[d];
    return n;
}

/* What becomes of finished sums. Bias, residual and c are of one type. */
typedef struct {
    void *c;
    const void *bias;     /* [n] or NULL */
    const void *residual; /* [m, n] or NULL; not with gated */
    int64_t ldc, ld_residual;
    float alpha;
    int act; /* cu_act */
    float act_a, act_b;
    /* The n columns of b are 8 of up, then the same 8 of gate, and so on (kernels/gemm/glu.h); c
     * [m, columns] = up * act(gate). */
    bool gated;
    int columns; /* of c: n unless gated */
} cu_gemm_out;

/* How a product runs: chosen once for a shape, when a node is bound, or by the launcher. */
typedef struct {
    int variant;             /* a cu_gemm_variant of gemm_pick_cuda.h */
    int splits, split_steps; /* blocks a tile; K steps of each but the last. 0 splits: not chosen */
    int whole, cut_steps;    /* stream-K: tiles that are not cut; K steps a block of the others */
    double cycles;           /* what the model expects */
} cu_gemm_choice;

/* ---- matrix units: bf16 or f16 operands ---- */

typedef struct {
    cu_float type, c_type; /* of a and b: CU_F16 or CU_BF16; c: f32 or the same */
    const void *a, *b;
    int m, n, k;
    int64_t lda, ldb;
    cu_gemm_batch batch;
    cu_gemm_out out;
    /* Room of cu_gemm_room(), 256-byte aligned; NULL: K is not split. */
    void *room;
    int *tickets; /* CU_GEMM_TICKETS ints, zero; left zero. With room. */
    int only;     /* 0: the best variant; else 1 + a cu_gemm_variant, for tests and tuning */
    cu_gemm_choice choice; /* of gemm_pick_cuda.h, or zero: by its model */
} cu_gemm_args;

enum { CU_GEMM_TICKETS = 4096 };
enum { CU_INVALID = 1 }; /* cudaErrorInvalidValue */

/* Can cu_gemm read such rows: base 16-byte aligned, ld and k multiples of 8? */
static inline bool cu_gemm_rows(const void *base, int64_t ld, int64_t k)
{
    return (uintptr_t)base % 16 == 0 && ld % 8 == 0 && k % 8 == 0;
}

/* ... and those of every matrix of a batch: steps that are multiples of 8? */
static inline bool cu_gemm_steps(const cu_gemm_batch *b)
{
    for (int d = 0; d < b->rank; d++)
        if (b->a_step[d] % 8 || b->b_step[d] % 8) return false;
    return true;
}

/* CU_INVALID where it cannot read the operands. */
int cu_gemm(const cu_gemm_args *a, cu_stream s);
/* cu_gemm_room - bytes of room for the product: 0 where K will not be split. cu_gemm_name - the
 * variant that runs, for people. */
size_t cu_gemm_room(const cu_gemm_args *a);
const char *cu_gemm_name(const cu_gemm_args *a);

/* ---- f32 ---- */

/* a: element (i, x) at a[i * a_row + x * a_col], (m x k); b: element (x, j) at b[j * b_row + x *
 * b_col]. One of each pair should be 1. */
typedef struct {
    const float *a, *b;
    int m, n, k;
    int64_t a_row, a_col, b_row, b_col;
    cu_gemm_batch batch;
    cu_gemm_out out; /* of f32 */
    void *room;      /* of cu_gemm_f32_room(), or NULL */
    int *tickets;
    int only;
    cu_gemm_choice choice; /* as above */
} cu_gemm_f32_args;

int cu_gemm_f32(const cu_gemm_f32_args *a, cu_stream s);
size_t cu_gemm_f32_room(const cu_gemm_f32_args *a);

/* ---- operands in the form that cu_gemm reads ---- */

/* y [batch, rows, ld] of `to`, ld a multiple of 8 that is `cols` or more, zero past cols, from x
 * [batch, rows, cols] (turned: [batch, cols, rows]) of `from`, dense. Finite values beyond f16's
 * range become its largest. split (f32 to bf16): y [batch, rows, 3, ld] with x = y0 + y1 + y2. */
typedef struct {
    cu_float from, to;
    const void *x;
    void *y;
    int64_t batch;
    int rows, cols, ld;
    bool turned, split;
} cu_gemm_cast_args;

int cu_gemm_cast(const cu_gemm_cast_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
