/* reduce_fns.h - the loops behind the op `reduce`. Floats are gathered in f64, integers in 64 bits.
 */
#ifndef IG_OPS_REDUCE_FNS_H
#define IG_OPS_REDUCE_FNS_H

#include "runtime/ops/block.h"

enum { IG_REDUCE_LANES = 8 };

/* acc[i] takes x[i] in, for columns; or acc[i % LANES] takes x[i], for rows. shift: [as acc],
 * subtracted first by the function that needs it. */
typedef void ig_reduce_fn(void *acc, const void *x, size_t n, const void *shift);

typedef struct {
    ig_reduce_fn *columns, *rows;
} ig_reduce_pair;

typedef enum {
    IG_REDUCE_SUM,
    IG_REDUCE_ABS,
    IG_REDUCE_SQUARE,
    IG_REDUCE_PROD,
    IG_REDUCE_MAX,
    IG_REDUCE_MIN,
    IG_REDUCE_EXP,
    IG_REDUCE_KINDS
} ig_reduce_kind;

/* calc: F64, I64 or U64. EXP: F64 only. */
ig_reduce_pair ig_reduce_find(ig_reduce_kind kind, ig_calc calc);

/* ig_reduce_start - n accumulators at the value that changes nothing; for MAX and MIN the limit of
 * the stored dtype. */
void ig_reduce_start(void *acc, size_t n, ig_reduce_kind kind, ig_calc calc, ingot_dtype dtype);

/* ig_reduce_join - acc[0] = all lanes, in a fixed order. */
void ig_reduce_join(void *acc, ig_reduce_kind kind, ig_calc calc);

#endif
