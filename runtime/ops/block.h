/* block.h - any numeric dtype as one of four types that loops are written for.
 *
 * An op that must serve twenty element types computes in f32, f64, i64 or u64 and moves its data
 * through blocks that fit the L1 cache. Where the stored type is the computing type nothing is
 * copied. Floats narrower than f32 are rounded once, when they are stored. */
#ifndef IG_OPS_BLOCK_H
#define IG_OPS_BLOCK_H

#include "runtime/base/dtype.h"

typedef enum { IG_CALC_F32, IG_CALC_F64, IG_CALC_I64, IG_CALC_U64, IG_CALC_NONE } ig_calc;

enum { IG_BLOCK = 256, IG_GRAIN = 16384 /* elements that are worth a thread */ };

/* ig_grain_ns - how many elements make a task, when one takes so many nanoseconds on one core. A
 * barrier costs 0.8 us at two threads, but what the other core wrote comes at 10 to 25 GB/s where
 * cores do not share a cache: 11 us of layer norm took 22 on two threads of such a machine. */
enum { IG_TASK_NS = 8000 };
static inline size_t ig_grain_ns(double each) { return (size_t)(IG_TASK_NS / each) + 1; }

/* What an element takes: of f32 by a kernel that moves it, takes its exponential, or its error
 * function; by blocks of another type; by a function of libm. */
#define IG_NS_MOVE  0.1
#define IG_NS_EXP   0.2
#define IG_NS_ERF   0.5
#define IG_NS_BLOCK 1.0
#define IG_NS_LIBM  10.0

/* A block in memory, for any computing type. */
typedef union {
    float f32[IG_BLOCK];
    double f64[IG_BLOCK];
    int64_t i64[IG_BLOCK];
    uint64_t u64[IG_BLOCK];
} ig_block;

/* ig_calc_of - the type in which a dtype is computed without loss; NONE: strings and complex. */
ig_calc ig_calc_of(ingot_dtype dtype);
ingot_dtype ig_calc_dtype(ig_calc calc); /* the dtype whose elements these are */

/* ig_load - elements [at, at + n) of `in` as `calc`; n <= IG_BLOCK. Floats become integers by
 * truncation, clipped to what 64 bits hold, NaN as 0.
 * ig_view - the same without a copy where the types agree: a pointer into `in` or to `block`. */
void ig_load(ig_block *out, ig_calc calc, const void *in, ingot_dtype dtype, size_t at, size_t n);
const void *ig_view(ig_block *block, ig_calc calc, const void *in, ingot_dtype dtype, size_t at,
                    size_t n);

/* ig_store - n elements of `calc` to [at, at + n) of `out`. Float to float rounds to nearest even;
 * integers that do not fit keep their low bits; floats become integers by truncation, clipped to 32
 * bits for signed types of 32 and fewer bits, to 64 for others, before the low bits are kept. Bool:
 * not zero. 8-bit floats saturate.
 * ig_room - where to compute the block: into `out` itself where the types agree, else `block`;
 * ig_store then has nothing left to do. */
void ig_store(void *out, ingot_dtype dtype, size_t at, const void *in, ig_calc calc, size_t n);
void *ig_room(ig_block *block, ig_calc calc, void *out, ingot_dtype dtype, size_t at);

/* ig_load_one - one element as double or int64. */
double ig_load_f64(const void *in, ingot_dtype dtype, size_t at);
int64_t ig_load_i64(const void *in, ingot_dtype dtype, size_t at);

#endif
