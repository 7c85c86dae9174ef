/* compare.h - elementwise comparisons that give a byte of 0 or 1: f32, and integers of 32 and 64
 * bits.
 *
 *   y     [n]; does not overlap a and b
 *   a     [n]
 *   b     [n], or one value where one_b is set
 *
 * A NaN is neither equal to, nor less or greater than, anything. Bound by memory: plain loops that
 * the flags of each ISA file vectorise. Class E. Threads: pure; split n anywhere. */
#ifndef IG_COMPARE_H
#define IG_COMPARE_H

#include "kernels/cpu.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    IG_EQUAL,
    IG_LESS,
    IG_LESS_OR_EQUAL,
    IG_GREATER,
    IG_GREATER_OR_EQUAL,
    IG_COMPARISONS
} ig_comparison;

typedef void compare_fn(uint8_t *y, const void *a, const void *b, size_t n, ig_comparison how,
                        bool one_b);

#define K(family, fn, needs) compare_fn fn;
#include "kernels/compare/compare.kern"
#undef K

compare_fn *ig_compare_f32(void);
compare_fn *ig_compare_i32(void);
compare_fn *ig_compare_i64(void);

#endif
