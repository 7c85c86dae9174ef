/* attention_scratch.h - how a call divides its scratch:
 *
 *     packed K [tk / 16 up][d][16] | packed V [dv / 16 up][tk][16] | scores [28][score_row] | 1 /
 * sum [28]
 */
#ifndef IG_ATTENTION_SCRATCH_H
#define IG_ATTENTION_SCRATCH_H

#include <stddef.h>

enum { QUERIES = 28 }; /* in a block: two AVX-512 tiles of 14 rows */

/* score_row - the distance between rows of scores: not a multiple of 2 KB, where rows would meet in
 * the same sets of L1. */
static inline size_t score_row(size_t tk)
{
    const size_t row = (tk + 15) / 16 * 16;
    return row % 512 == 0 ? row + 16 : row;
}

#endif
