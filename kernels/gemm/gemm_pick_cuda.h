/* gemm_pick_cuda.h - which variant of the product a shape runs on, and in how many pieces its K is
 * cut: a model, a pure function of shape and chip, and what a measured choice is made of. */
#ifndef GEMM_PICK_CUDA_H
#define GEMM_PICK_CUDA_H

#include "kernels/gemm/gemm_cuda.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t m, n, k, batch;
    int element, c_bytes; /* bytes of an element of a and b: 2, or 4 for f32; of c */
    bool may_split;       /* there is room for partial sums */
    bool tma;             /* operands may be read by TMA: one matrix each, or dense batches */
} cu_gemm_shape;

typedef enum {
    CU_GEMM_M128N128,     /* sm_80, 128x128x32, 4 stages */
    CU_GEMM_M64N64,       /* sm_80, 64x64x64, 3 stages */
    CU_GEMM_F32_M128N128, /* f32: 128x128x16, 3 stages */
    CU_GEMM_F32_M64N64,
    CU_GEMM_F32_M16N128,
    CU_GEMM_COOPERATIVE, /* sm_90a, 128x256x64, whole tiles */
    CU_GEMM_STREAM_K,    /* the same; the last tiles are cut along K */
    CU_GEMM_PING_PONG,   /* sm_90a, 128x128x64 */
    CU_GEMM_CLUSTER,     /* sm_90a, 128x256x64 by pairs of blocks that share W; whole tiles */
    CU_GEMM_THIN16,      /* sm_90a, up to so many rows of a, 128 of b */
    CU_GEMM_THIN32,
    CU_GEMM_THIN64,
    CU_GEMM_THIN128,
    CU_GEMM_VARIANTS
} cu_gemm_variant;

/* A variant's block: tile, resources, where it runs. */
typedef enum { CU_GEMM_MMA, CU_GEMM_FMA, CU_GEMM_WGMMA, CU_GEMM_THIN } cu_gemm_kind;
typedef struct {
    const char *name;
    cu_gemm_kind kind;
    int element;                    /* bytes */
    int bm, bn, bk, stages, per_sm; /* blocks a multiprocessor, by registers */
    int shared_bytes;
    int cc_min, cc_max;
    int cluster; /* blocks, one row tile each, that bring the columns' side once */
} cu_gemm_block;
const cu_gemm_block *cu_gemm_block_of(int variant);

/* Does the choice cut K, which needs room? */
static inline bool cu_gemm_choice_cuts(const cu_gemm_choice *c)
{
    return c->splits > 1 || c->cut_steps > 0;
}
/* Bytes of partial sums; 0: none. */
size_t cu_gemm_choice_room(const cu_gemm_choice *c, const cu_gemm_shape *shape,
                           const cu_chip *chip);

/* The cheapest choice; `only` >= 0: of that variant. No splits: none can run. */
cu_gemm_choice cu_gemm_pick(const cu_gemm_shape *shape, const cu_chip *chip, int only);

/* The cheapest choice of each variant, the cheapest variant first: how many, at most `most`. */
int cu_gemm_rank(cu_gemm_choice *out, int most, const cu_gemm_shape *shape, const cu_chip *chip);

/* That variant with K in `splits` pieces (stream-K and ping-pong: 1). No splits: it cannot run. */
cu_gemm_choice cu_gemm_choice_of(const cu_gemm_shape *shape, const cu_chip *chip, int variant,
                                 int splits);

/* What the model is given for a product that has room. */
cu_gemm_shape cu_gemm_shape_of(const cu_gemm_args *a);
cu_gemm_shape cu_gemm_f32_shape_of(const cu_gemm_f32_args *a);

/* Hopper's variants (gemm_cuda90.cu); what cu_gemm checks has been checked. */
int cu_gemm_hopper(const cu_gemm_args *g, const cu_gemm_choice *c, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
