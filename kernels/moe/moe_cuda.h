/* moe_cuda.h - launchers for mixtures of experts on the device: who meets whom, and the sum.
 *
 * The lists are made on the device, so that a graph can be recorded whatever the router says:
 *
 *     cu_moe_route    logits -> chosen, weight [tokens, top], best first
 *     cu_moe_list     chosen -> order [rows]: the token of each row, -1 none; the rows of an expert
 *                     follow each other from a multiple of 8 on; row [tokens, top] of each pair;
 *                     slots: runs of at most `tile` rows that meet one expert
 *     (two products over the slots, kernels/gemm_q/gemm_q_cuda.h)
 *     cu_moe_combine  y[t] = sum over i, in order, of weight[t, i] * x[row[t, i]]
 *
 * Which of an expert's rows a token gets may differ between runs; its result does not. */
#ifndef MOE_CUDA_H
#define MOE_CUDA_H

#include "kernels/gemm_q/gemm_q_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CU_MOE_SOFTMAX,
    CU_MOE_TOP_SOFTMAX,
    CU_MOE_SIGMOID
} cu_moe_scores; /* see ops/moe.c */

typedef struct {
    const float *logits; /* [tokens, experts] */
    int32_t *chosen;
    float *weight;
    int tokens, experts, top;
    cu_moe_scores scores;
    int renormalise;
    float scale;
} cu_moe_route_args;

int cu_moe_route(const cu_moe_route_args *a, cu_stream s);

typedef struct {
    const int32_t *chosen;
    int tokens, experts, top, tile;
    int32_t *order, *row;
    int rows; /* cu_moe_rows() */
    cu_q_slot *slots;
    int *n_slots;
    int *work; /* [2 * experts] */
} cu_moe_list_args;

int cu_moe_list(const cu_moe_list_args *a, cu_stream s);

/* Room for rows and slots, whatever is chosen; and the tile that suits. pairs: tokens * top. */
static inline int64_t cu_moe_used(int64_t pairs, int64_t experts)
{
    return pairs < experts ? pairs : experts;
}
static inline int64_t cu_moe_rows(int64_t pairs, int64_t experts)
{
    return (pairs + 7 * cu_moe_used(pairs, experts) + 7) / 8 * 8;
}
static inline int64_t cu_moe_slots(int64_t pairs, int64_t experts, int64_t tile)
{
    const int64_t used = cu_moe_used(pairs, experts);
    return used + (pairs - used) / tile;
}
static inline int cu_moe_tile(int64_t pairs, int64_t experts)
{
    const int64_t used = cu_moe_used(pairs, experts), each = used ? pairs / used : 0;
    return each <= 8 ? 8 : each <= 16 ? 16 : each <= 32 ? 32 : 64;
}

/* A product over the slots with experts of f32, in f32 as they are: W [n, k] of each in panels of
 * 16 rows, [panels][k][16]. x [.., k] of f32, rows as cu_q_acts_args says. */
typedef struct {
    const float *x, *w;
    int64_t ldx;
    const int32_t *order;
    const cu_q_slot *slots;
    const int *n_slots;
    int max_slots, tile, k, panels;
    cu_finish finish;
} cu_moe_f32_args;

int cu_moe_f32(const cu_moe_f32_args *a, cu_stream s);

typedef struct {
    const float *x, *weight; /* [rows, k], [tokens, top] */
    const int32_t *row;
    float *y; /* [tokens, k] */
    int tokens, top, k;
} cu_moe_combine_args;

int cu_moe_combine(const cu_moe_combine_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
