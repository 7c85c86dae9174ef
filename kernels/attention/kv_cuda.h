/* kv_cuda.h - the cache of keys and values as CUDA kernels see it.
 *
 * Pages are those of pages.h in the form of ig_page_format_init_device. What one step does with
 * them is told by an image of int32 at a fixed place of device memory, filled on the host from an
 * ig_kv_step (runtime/device/cuda/kv_tables.h) and sent in one copy, so that launches that were
 * recorded in a graph serve any lengths:
 *
 *     head     CU_KV_HEAD words: see cu_kv_word
 *     items    cu_kv_item each: spans of at most CU_KV_FEW tokens, whole or a chunk of keys each
 *     rows     cu_kv_row each, by row of the flat tokens: the span it belongs to
 *     tickets  [spans that are cut][heads_most], zero; whoever uses one leaves it zero
 *     tiles    first rows of the pieces of at most CU_KV_TILE tokens of the longer spans
 *     pages    the block tables of all spans, one after the other
 *
 * A step may have fewer rows than the launch: the rest are padding, whose results are zeros.
 *
 * How a sequence's keys are added up depends on nothing but its own length: chunks of
 * cu_kv_chunk(length) keys, each summed alone, then joined in order. Whether one block takes all
 * chunks of a span or each its own is a matter of scheduling and leaves every bit as it is. */
#ifndef CU_KV_CUDA_H
#define CU_KV_CUDA_H

#include "kernels/attention/pages.h"

#ifdef __CUDACC__
#    define CU_KV_INLINE static __host__ __device__ inline
#else
#    define CU_KV_INLINE static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CU_KV_FEW = 8,         /* queries of a span that read its pages as decoding does */
    CU_KV_TILE = 128,      /* tokens of a tile */
    CU_KV_CHUNK = 64,      /* the least of a chunk, in keys */
    CU_KV_CHUNKS = 32,     /* the most of a span */
    CU_KV_PART_ROWS = 2048 /* (token, chunk) pairs that wait to be joined; with more, spans stay
                              whole */
};

/* Words of the head; sections are given by the index of their first word. */
typedef enum {
    CU_KV_N_ROWS,
    CU_KV_N_ITEMS,
    CU_KV_N_TILES,
    CU_KV_ROWS_AT,
    CU_KV_TICKETS_AT,
    CU_KV_TILES_AT,
    CU_KV_HEADS_MOST,
    CU_KV_HEAD = 16 /* the items begin here */
} cu_kv_word;

/* The span of a row: its tokens are the rows [row, row + n), numbers before .. before + n - 1 of
 * the sequence; `pages`: index of the word that names its first page. */
typedef struct {
    int32_t row, n, before, pages;
} cu_kv_row;

/* Keys [begin, end) of a span; part: where the results of token i and chunk c wait, at part + c * n
 * + i; -1: it is whole. ticket: of kv head h at ticket + h. */
typedef struct {
    cu_kv_row span;
    int32_t begin, end, part, ticket;
} cu_kv_item;

/* What launches are given, by value. The pool, the layers and the image stay where they are as long
 * as the cache is open; the counts are those of the present step. */
typedef struct cu_kv_tables {
    unsigned char *base; /* device memory: page i begins at base + i * page_bytes */
    int64_t page_bytes;
    int32_t *image;            /* device memory */
    const ig_kv_layer *layers; /* [n_layers], host memory */
    int32_t n_layers;
    int32_t n_rows, n_items, n_tiles;
} cu_kv_tables;

/* Keys of a chunk for a span that ends at `length` tokens. */
CU_KV_INLINE int cu_kv_chunk(int length)
{
    int chunk = CU_KV_CHUNK;
    while ((int64_t)chunk * CU_KV_CHUNKS < length) chunk *= 2;
    return chunk;
}

/* (token, chunk) pairs that a launch of so many rows may have to keep. */
CU_KV_INLINE int64_t cu_kv_part_rows(int64_t rows)
{
    const int64_t most = CU_KV_PART_ROWS;
    return rows * CU_KV_CHUNKS < most ? rows * CU_KV_CHUNKS : most;
}

#ifdef __cplusplus
}
#endif

#endif
