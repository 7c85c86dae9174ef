/* broadcast.h - walking tensors that are broadcast against each other.
 *
 * A plan joins neighbouring dimensions that every operand walks alike, so that most cases end with
 * one or two: equal shapes are one run, a bias on the last axis is [rows, columns]. Operands are
 * C-contiguous, so on the innermost dimension each has stride 1, or 0: one value for the whole run.
 */
#ifndef IG_OPS_BROADCAST_H
#define IG_OPS_BROADCAST_H

#include "runtime/graph/op.h"

enum { IG_BROADCAST_MAX = 4 };

typedef struct {
    int rank; /* of the joined shape, at least 1 */
    size_t n; /* operands */
    int64_t dims[IG_MAX_RANK];
    int64_t stride[IG_BROADCAST_MAX][IG_MAX_RANK]; /* in elements; 0: repeated */
    size_t total;                                  /* elements of the result */
    double each_ns; /* what an element takes; set to IG_NS_BLOCK by make */
} ig_broadcast;

/* A run: elements [at, at + n) of the result; operand k starts at element in[k] and moves by
 * step[k], 0 or 1. */
typedef struct {
    size_t at, n;
    size_t in[IG_BROADCAST_MAX];
    size_t step[IG_BROADCAST_MAX];
} ig_broadcast_part;

typedef void ig_broadcast_fn(void *arg, const ig_broadcast_part *part);

/* ig_broadcast_make - types are static, n <= IG_BROADCAST_MAX; each broadcasts to out. false: one
 * does not. */
bool ig_broadcast_make(ig_broadcast *b, const ig_type *out, const ig_type *const *in, size_t n);

/* ig_broadcast_run - all parts, each at most `longest` elements (0: no limit), on the pool. */
void ig_broadcast_run(const ig_broadcast *b, ig_pool *pool, size_t longest, ig_broadcast_fn *fn,
                      void *arg);

#endif
