/* class_scores.h - from raw scores of a classifier to what its users see: ONNX-ML's post
 * transforms, and the second class of a binary classifier that scores only one. */
#ifndef IG_OPS_CLASS_SCORES_H
#define IG_OPS_CLASS_SCORES_H

#include "runtime/graph/attr.h"

typedef enum {
    IG_POST_NONE,
    IG_POST_SOFTMAX,
    IG_POST_LOGISTIC,
    IG_POST_SOFTMAX_ZERO,
    IG_POST_PROBIT
} ig_post;

extern const char *const ig_post_names[]; /* choices of an attribute */

/* How one score becomes two: not at all, 1 - s, or -s. */
typedef enum { IG_SECOND_NONE, IG_SECOND_COMPLEMENT, IG_SECOND_NEGATED } ig_second;

/* ig_post_scores - transform n scores in place. */
void ig_post_scores(double *v, size_t n, ig_post post);

/* ig_post_pair - v[0] is the only score; v[0..2) become those of both classes. */
void ig_post_pair(double *v, ig_post post, ig_second second);

#endif
