/* resize.c - weighted sums along an axis; see resize.h. The bodies are in resize_body.inc. */
#include "kernels/resize/resize.h"

#define T        float
#define WEIGHT   weight32
#define NAME(fn) fn##_f32
#include "kernels/resize/resize_body.inc"
#undef T
#undef WEIGHT
#undef NAME

#define T        double
#define WEIGHT   weight
#define NAME(fn) fn##_f64
#include "kernels/resize/resize_body.inc"
