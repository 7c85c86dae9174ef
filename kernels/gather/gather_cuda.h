/* gather_cuda.h - rows that index tensors point to, on a device.
 *
 * Gathers and scatters of every kind go in two steps: cu_rows turns indices into numbers of rows
 * (slices of the data, down to single elements), then rows are picked (here) or combined
 * (kernels/scatter/scatter_cuda.h). An index outside its dimension gives row -1, which reads as
 * zeros and is never written, and is told to `fault` (kernels/cuda/fault.h). */
#ifndef GATHER_CUDA_H
#define GATHER_CUDA_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/index.h"
#include "kernels/cuda/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor of indices of any integer type. */
typedef struct {
    const void *p;
    int bytes; /* of an element: 1, 2, 4 or 8 */
    bool is_signed;
} cu_indices;

/* row[i] = base + sum over d < k of wrap(index[at + d], size[d]) * step[d], for each element i of
 * the walk, whose operand 0 counts `base` and operand 1 `at`. Negative indices count from the end.
 */
typedef struct {
    int32_t *row; /* [walk.total] */
    cu_indices index;
    cu_walk walk;
    int k;
    int64_t size[CU_RANK], step[CU_RANK];
    cu_fault_to fault; /* at: of the index tensor */
} cu_rows_args;

int cu_rows(const cu_rows_args *a, cu_stream s);

/* to[i] = from[row[i]] for i < n, rows of `bytes` each (n times the units of a row < 2^31). Units
 * are the widest that the pointers and `bytes` are aligned to. */
typedef struct {
    void *to;
    const void *from;
    const int32_t *row;
    int64_t n, bytes;
} cu_pick_rows_args;

int cu_pick_rows(const cu_pick_rows_args *a, cu_stream s);

/* to[i] = scale * table[id[i]] in f32: rows of a table of vectors. An id outside gives zeros. */
typedef struct {
    float *to;         /* [n, size] */
    const void *table; /* [rows, size] */
    int table_type;    /* of cu_table_type */
    cu_indices id;     /* [n] */
    int64_t n, size, rows;
    float scale;
    cu_fault_to fault;
} cu_embed_args;
typedef enum { CU_TABLE_F32, CU_TABLE_F16, CU_TABLE_BF16 } cu_table_type;

int cu_embed(const cu_embed_args *a, cu_stream s);

/* Sequences [time, batch] (time_first) or [batch, time] of steps, the first len[b] of each in
 * reverse: row[i] for cu_pick_rows. */
typedef struct {
    int32_t *row; /* [time * batch] */
    cu_indices len;
    int64_t time, batch;
    bool time_first;
    cu_fault_to fault;
} cu_reverse_rows_args;

int cu_reverse_rows(const cu_reverse_rows_args *a, cu_stream s);

/* Indices over a tensor of the dims `from` as rows (elements) of one of the dims `to`; -1: outside
 * of either. Dims innermost first. */
typedef struct {
    int32_t *row;         /* [n] */
    const int64_t *index; /* [n] */
    int64_t n;
    int rank; /* 1..CU_RANK */
    int64_t from[CU_RANK], to[CU_RANK];
    cu_fault_to fault;
} cu_place_rows_args;

int cu_place_rows(const cu_place_rows_args *a, cu_stream s);

/* Keys (row << 32 | i), all of other rows, for updates [outer, steps] of a cache [outer, limit]:
 * step s of outer o goes to (first[o / per_batch] + s), modulo the limit. A first position that
 * is negative, or that lets steps pass the limit where they may not wrap, drops the update. */
typedef struct {
    uint64_t *key;    /* [outer * steps] */
    cu_indices first; /* p NULL: all 0 */
    int64_t outer, steps, limit, per_batch;
    bool wraps;
    cu_fault_to fault; /* at: the batch */
} cu_cache_keys_args;

int cu_cache_keys(const cu_cache_keys_args *a, cu_stream s);

/* Integers [n] that shall lie in 0..most, for kernels that are safe with any and tell nothing. */
typedef struct {
    cu_indices v;
    int64_t n, most;
    cu_fault_to fault;
} cu_check_args;

int cu_check(const cu_check_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
