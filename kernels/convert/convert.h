/* convert.h - one element type to another; convert.def lists the pairs.
 *
 *   y  [n]; does not overlap x
 *   x  [n]
 *
 * Integers that do not fit keep their low bits; floats round to nearest even. Bound by memory:
 * plain loops that the flags of each ISA file vectorise. Class E (a NaN is a NaN). Threads: pure;
 * split n anywhere. */
#ifndef IG_CONVERT_H
#define IG_CONVERT_H

#include "kernels/cpu.h"
#include "runtime/ingot.h"

typedef void convert_fn(void *y, const void *x, size_t n);

#define K(family, fn, needs) convert_fn fn;
#include "kernels/convert/convert.kern"
#undef K

/* ig_convert - the best usable variant for a pair of dtypes; NULL: it is not in the list. */
convert_fn *ig_convert(ingot_dtype from, ingot_dtype to);

#endif
