/* top_k.h - the k best of a row of f32, best first, with their places.
 *
 * Best is the largest or the smallest; NaN is the largest of all, -0 equals 0, of equal elements
 * the lower index is the better one. The row is read once: a kernel finds, many elements at a time,
 * what can still be among the best, which in a long row is almost nothing; what it finds is
 * gathered and cut back to k whenever twice as many (or 64 more) have come together. So a row of n
 * takes O(n + k log k) in any order of its elements.
 *
 * Class E. Threads: pure. */
#ifndef IG_TOP_K_H
#define IG_TOP_K_H

#include "kernels/cpu.h"

#include <stdbool.h>
#include <stddef.h>

/* The places at [<= n], ascending, of the elements of x [n] that are better than the bound or not
 * to be compared with it (one of the two is a NaN). Returns how many. n < 2^32. */
typedef size_t top_k_beyond_fn(uint32_t *at, const float *x, size_t n, float bound, bool largest);

#define K(family, fn, needs) top_k_beyond_fn fn;
#include "kernels/top_k/top_k.kern"
#undef K

top_k_beyond_fn *ig_top_k_beyond_f32(void);

/* An element that may be among the best, as one number: the larger, the better. */
typedef uint64_t ig_top_k_entry;

/* ig_top_k_room - *entries: how many ig_top_k needs for k; false: the size overflows. */
bool ig_top_k_room(size_t k, size_t *entries);

/* ig_top_k - the k best of x [n]: held[0..k), best first. held has ig_top_k_room(k) entries;
 * k <= n < 2^32.
 * ig_top_k_index - the place of an entry's element in x.
 * ig_top_k_by_index - brings n entries into the order of their elements in x. */
void ig_top_k(ig_top_k_entry *held, top_k_beyond_fn *beyond, const float *x, size_t n, size_t k,
              bool largest);
void ig_top_k_by_index(ig_top_k_entry *held, size_t n);
static inline size_t ig_top_k_index(ig_top_k_entry e) { return (uint32_t)~e; }

#endif
