/* lookup_cuda.h - from keys to what a table says of them, on a device: encoders of labels and
 * categories, counts of n-grams.
 *
 * Tables are open addressing with linear steps, a power of two of slots at most half full, so that
 * every search ends; a slot is one load of 16 bytes. Hosts fill them (runtime/device/cuda/ops/
 * lookup.c), so both sides take the first place from CU_SLOT_AT. */
#ifndef LOOKUP_CUDA_H
#define LOOKUP_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys are 64 bits: integers with their sign, floats as the bits of a double, of which -0 is 0 and
 * every NaN is all ones. */
typedef struct {
    uint64_t key;
    int32_t index; /* -1: the slot is free */
    uint32_t unused;
} cu_slot;

/* An edge of a trie of n-grams. */
typedef struct {
    uint32_t node, item;
    uint32_t to;     /* 0: the slot is free; the root is node 0 */
    uint32_t column; /* + 1 of the n-gram that ends at `to`; 0: none does */
} cu_gram_slot;

/* The first of 2^(64 - shift) slots for 64 bits. Method: multiplicative hashing (Knuth, TAOCP 3,
 * 6.4). */
#define CU_SLOT_AT(bits, shift) \
    ((uint32_t)(((bits) ^ (bits) >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> (shift)))

/* y[i] = values[index of x[i]], or *other where x[i] is no key, as bytes; values NULL: the index
 * itself, or -1. whole: floats are truncated to i64, of which they keep the nearest, NaN 0. */
typedef struct {
    const void *x; /* [n], n < 2^31 */
    const cu_slot *slots;
    const void *values, *other;
    void *y; /* [n] of `bytes` (1, 2, 4, 8), or int32_t */
    int64_t n;
    int x_dtype, shift, bytes;
    bool whole;
    cu_fault_to fault; /* without values: of elements that are no key */
} cu_lookup_args;

int cu_lookup(const cu_lookup_args *a, cu_stream s);

/* y f32 [n, k]: 1 at index[i] of row i, else 0. n * k < 2^31. */
int cu_one_of(float *y, const int32_t *index, int64_t n, int64_t k, cu_stream s);

/* Counts of n-grams of items [rows, cols] (-1: of no n-gram), runtime/ops/tfidf.c: y f32 [rows,
 * width], zeros when it is called. skips: items of an n-gram lie up to so much further apart.
 * weights f32 [width], or NULL: ones. rows * cols, rows * width < 2^31. */
enum { CU_COUNT_TF, CU_COUNT_IDF, CU_COUNT_TFIDF };
typedef struct {
    const int32_t *items;
    const cu_gram_slot *grams;
    const float *weights;
    void *y;
    int64_t rows, cols, width, least, most, skips;
    int shift, mode;
} cu_count_args;

int cu_count_grams(const cu_count_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
