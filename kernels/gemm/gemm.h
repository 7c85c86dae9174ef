/* gemm.h - fp32 matrix multiplication with prepacked weights of 32 or 16 bits.
 *
 *     C[m, n] = epilogue(sum over k of A[m, k] B[k, n])
 *
 * B lies in panels of 16 columns, N zero-padded:
 *
 *     gemm_f32    F32P16  [N/16][K][16] f32
 *     gemm_f16    F16P16  [N/16][K][16] IEEE halves
 *     gemm_bf16   B16P16  [N/16][K/2][16][2] bfloat16, an odd K zero-padded
 *
 * Weights of 16 bits are widened exactly and then multiplied as floats: the same bits as gemm_f32
 * on the widened weights, from half the memory.
 *
 * gemm_bf16_fast takes rows of bf16 as well, for math=fast: `a`, lda and k count pairs of 32 bits
 * (K is even), b is B16P16. It may round where and as it likes (class T): within a few K 2^-24 of
 * the sum of the products' sizes; denormals may count as zero.
 *
 * A and C are plain rows. Contract: each output is made of runs of IG_GEMM_RUN products, each ONE
 * chain of fused multiply-adds in increasing k from +0, and the runs are added in order; whatever
 * M, the tile, the range or the ISA: all variants give the same bits, and a row's result does not
 * depend on the rows beside it. (One chain over all of K loses bits where K is long and the sums
 * cancel.)
 *
 * The functions compute rows [m0, m1) and panels [p0, p1) of the whole, so that threads can share
 * one product: a caller splits panels (small M) or rows, never K. Nothing is allocated; up to 64 KB
 * of stack is used. C must not overlap A, B or the residual. */
#ifndef IG_GEMM_H
#define IG_GEMM_H

#include "kernels/cpu.h"
#include "kernels/gemm/epilogue.h"

enum { IG_PANEL = 16, IG_GEMM_RUN = 128 };

typedef struct {
    float *c;       /* [M, N], ldc elements between rows */
    const float *a; /* [M, K], lda elements between rows */
    const void *b;  /* panels, of the type that the function names */
    size_t ldc, lda, n, k;
    ig_epilogue epilogue;
} ig_gemm_f32_args;

static inline size_t ig_gemm_panels(size_t n) { return n / IG_PANEL + (n % IG_PANEL != 0); }
/* The packed elements of B [K, N]; the caller has checked that K * (N + 15) does not wrap. */
static inline size_t ig_gemm_packed(size_t k, size_t n) { return ig_gemm_panels(n) * IG_PANEL * k; }

/* The K of B16P16 in memory. */
static inline size_t ig_gemm_even(size_t k) { return k + k % 2; }

typedef void gemm_f32_fn(const ig_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1);
typedef gemm_f32_fn gemm_f16_fn, gemm_bf16_fn, gemm_bf16_fast_fn;

/* Pack panels [p0, p1) of B, where B[k, n] = src[k * ld_k + n * ld_n]: (ld_k, ld_n) = (N, 1) for a
 * row-major B, (1, K) for a transposed one. dst is panel 0 of the whole. */
typedef void gemm_pack_f32_fn(float *dst, const float *src, size_t k, size_t n, size_t ld_k,
                              size_t ld_n, size_t p0, size_t p1);
typedef void gemm_pack_f16_fn(uint16_t *dst, const uint16_t *src, size_t k, size_t n, size_t ld_k,
                              size_t ld_n, size_t p0, size_t p1);
typedef gemm_pack_f16_fn gemm_pack_bf16_fn;

#define K(family, fn, needs) family##_fn fn;
#include "kernels/gemm/gemm.kern"
#include "kernels/gemm/gemm_f16.kern"
#include "kernels/gemm/gemm_bf16.kern"
#include "kernels/gemm/gemm_bf16_fast.kern"
#include "kernels/gemm/gemm_pack.kern"
#include "kernels/gemm/gemm_pack_f16.kern"
#include "kernels/gemm/gemm_pack_bf16.kern"
#undef K

gemm_f32_fn *ig_gemm_f32(void); /* asked once, when a node is bound */
gemm_f16_fn *ig_gemm_f16(void);
gemm_bf16_fn *ig_gemm_bf16(void);
gemm_bf16_fast_fn *ig_gemm_bf16_fast(void); /* NULL: nothing faster than gemm_bf16 */
gemm_pack_f32_fn *ig_gemm_pack_f32(void);
gemm_pack_f16_fn *ig_gemm_pack_f16(void);
gemm_pack_bf16_fn *ig_gemm_pack_bf16(void);

#endif
