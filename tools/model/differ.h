/* differ.h - how far two outputs are from each other. */
#ifndef IG_TOOL_DIFFER_H
#define IG_TOOL_DIFFER_H

#include "tools/data/array.h"

typedef struct {
    bool comparable; /* same shape, and both numbers or both texts */
    bool numbers;
    size_t n;
    double max_abs, mean_abs;
    double relative;          /* max_abs by the largest magnitude in a */
    double cosine;            /* NaN: one of them is all zero */
    size_t n_equal;           /* elements */
    size_t rows, rows_agreed; /* along the last axis: the same place is largest */
} ig_difference;

ig_difference ig_differ(const ig_array *a, const ig_array *b);

#endif
