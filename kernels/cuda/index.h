/* index.h - walking tensors of any shape on a device: what hosts prepare and kernels read.
 *
 * A walk says where element i of a result lies in up to four operands: the result's dimensions
 * with, for each operand, a stride in elements (0: repeated; any value for slices and
 * transpositions). Neighbouring dimensions that every operand walks alike are joined on the host,
 * so that equal shapes end with one dimension and a bias with two. Kernels divide by constants of
 * the launch with one multiplication.
 *
 * Results have fewer than 2^31 elements; offsets are 64 bits wide. */
#ifndef CU_INDEX_H
#define CU_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CU_RANK = 8, CU_OPERANDS = 4, CU_MOST = INT32_MAX /* elements of a result */ };

/* Division of n < 2^31 by d >= 1: n / d = (multiply_high(n, magic) + n) >> shift. Method: Granlund
 * & Montgomery 1994, "Division by invariant integers using multiplication". */
typedef struct {
    uint32_t d, magic, shift;
} cu_div;

static inline cu_div cu_div_of(uint32_t d)
{
    cu_div v = {d, 0, 0};
    while (v.shift < 32 && ((uint64_t)1 << v.shift) < d) v.shift++;
    v.magic = (uint32_t)(((((uint64_t)1 << v.shift) - d) << 32) / d + 1);
    return v;
}

typedef struct {
    int rank, n;          /* dimensions, at least 1; operands */
    uint32_t total;       /* elements of the result */
    cu_div dims[CU_RANK]; /* innermost first */
    int64_t stride[CU_OPERANDS][CU_RANK];
} cu_walk;

/* ---- on the host ---- */

/* cu_walk_begin, then cu_walk_dim for each dimension of the result, the innermost first: its size
 * and the step of each of the n operands. false: too many dimensions or elements for a device. */
static inline void cu_walk_begin(cu_walk *w, int n)
{
    memset(w, 0, sizeof *w);
    w->n = n;
    w->rank = 1;
    w->total = 1;
    w->dims[0] = cu_div_of(1);
}

static inline bool cu_walk_dim(cu_walk *w, int64_t size, const int64_t *step)
{
    if (size == 1) return true;
    if (size < 0 || (size && w->total > (uint64_t)CU_MOST / (uint64_t)size)) return false;
    const bool first = w->rank == 1 && w->dims[0].d == 1;
    bool joins = !first && size;
    const int d = w->rank - 1;
    for (int k = 0; k < w->n; k++) joins = joins && step[k] == w->stride[k][d] * w->dims[d].d;
    w->total *= (uint32_t)size;
    if (!size) return true; /* nothing is walked */
    if (joins) {
        w->dims[d] = cu_div_of(w->dims[d].d * (uint32_t)size);
        return true;
    }
    if (!first && w->rank == CU_RANK) return false;
    const int at = first ? 0 : w->rank++;
    w->dims[at] = cu_div_of((uint32_t)size);
    for (int k = 0; k < w->n; k++) w->stride[k][at] = step[k];
    return true;
}

/* cu_walk_flat - all operands lie like the result: one flat run. */
static inline bool cu_walk_flat(const cu_walk *w)
{
    bool flat = w->rank == 1;
    for (int k = 0; k < w->n && w->dims[0].d > 1; k++) flat = flat && w->stride[k][0] == 1;
    return flat;
}

/* cu_walk_packs - how many packs of four neighbours of the result each operand can give as one
 * vector or one repeated element: total / 4, or 0 where the shape does not allow it. The rest, at
 * most three elements of a flat run, goes one by one. */
static inline uint32_t cu_walk_packs(const cu_walk *w)
{
    if (w->rank > 1 && w->dims[0].d % 4) return 0;
    for (int k = 0; k < w->n; k++) {
        if (w->stride[k][0] != 0 && w->stride[k][0] != 1) return 0;
        for (int d = 1; d < w->rank; d++)
            if (w->stride[k][0] == 1 && w->stride[k][d] % 4) return 0;
    }
    return w->total / 4;
}

/* cu_walk_runs - the walk in units of v neighbours, as vector loads need them: v divides the
 * innermost dimension, on which each operand has step 1 or 0, and all other steps. The strides stay
 * in elements: a kernel multiplies its innermost index by v. false, and nothing is changed, where
 * that is not so. */
static inline bool cu_walk_runs(cu_walk *w, uint32_t v)
{
    if (w->dims[0].d % v) return false;
    for (int k = 0; k < w->n; k++) {
        if (w->stride[k][0] != 0 && w->stride[k][0] != 1) return false;
        for (int d = 1; d < w->rank; d++)
            if (w->stride[k][0] == 1 && w->stride[k][d] % (int64_t)v) return false;
    }
    w->dims[0] = cu_div_of(w->dims[0].d / v);
    w->total /= v;
    for (int k = 0; k < w->n; k++) w->stride[k][0] *= v;
    return true;
}

#endif
