/* einsum_parse.h - the equation of an einsum, and what its labels mean for given ranks. */
#ifndef IG_OPS_EINSUM_PARSE_H
#define IG_OPS_EINSUM_PARSE_H

#include "runtime/graph/ir.h"

enum {
    IG_EINSUM_INPUTS = 16,
    IG_EINSUM_LETTERS = 52,
    IG_EINSUM_LABELS = IG_EINSUM_LETTERS + IG_MAX_RANK, /* letters, then dims of the ellipsis */
};

/* Labels of a tensor's dimensions, in order. */
typedef struct {
    int rank;
    int label[IG_MAX_RANK];
} ig_einsum_term;

typedef struct {
    size_t n;
    ig_einsum_term in[IG_EINSUM_INPUTS], out;
} ig_einsum;

/* ig_einsum_parse - ranks [n] of the inputs, all known. On failure *why says what is wrong. */
bool ig_einsum_parse(ig_einsum *e, const char *equation, const int *ranks, size_t n,
                     const char **why);

#endif
