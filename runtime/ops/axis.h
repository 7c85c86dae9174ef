/* axis.h - a tensor seen from one of its axes: [outer, n, inner]. */
#ifndef IG_OPS_AXIS_H
#define IG_OPS_AXIS_H

#include "runtime/graph/op.h"

typedef struct {
    size_t outer, n, inner;
} ig_axis_view;

/* axis: 0 <= axis < rank. The dims are sizes whose product was checked. */
static inline ig_axis_view ig_axis_split(int rank, const int64_t *dims, int axis)
{
    ig_axis_view v = {1, (size_t)dims[axis], 1};
    for (int i = 0; i < axis; i++) v.outer *= (size_t)dims[i];
    for (int i = axis + 1; i < rank; i++) v.inner *= (size_t)dims[i];
    return v;
}

/* ig_axis_wrap - a possibly negative axis within [0, rank); false outside. */
static inline bool ig_axis_wrap(int64_t axis, int rank, int *out)
{
    if (axis < -(int64_t)rank || axis >= rank) return false;
    *out = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

#endif
