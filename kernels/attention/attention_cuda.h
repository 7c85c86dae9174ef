/* attention_cuda.h - launchers of attention on CUDA devices, over pages of a cache and over plain
 * tensors. Scores go through the rule of attention.h. Threads: any; errors: the runtime's number,
 * cudaErrorInvalidValue for what the kernels cannot do. */
#ifndef ATTENTION_CUDA_H
#define ATTENTION_CUDA_H

#include "kernels/attention/kv_cuda.h"
#include "kernels/cuda/fault.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What elements are in memory; the first are those of ig_page_type. BOOL: one byte, of masks. */
typedef enum { CU_ATT_F32, CU_ATT_F16, CU_ATT_BF16, CU_ATT_I8, CU_ATT_F8, CU_ATT_BOOL } cu_att_type;

typedef struct {
    float scale, softcap; /* softcap > 0: z = softcap tanh(z / softcap) */
    const float *slopes;  /* [heads] or NULL: z += slope (j - position of i) */
    const float *sinks;   /* [heads] or NULL: one more logit, without a value */
    int32_t causal;       /* no key after the query's own position */
    int32_t left, right;  /* nor further than that before and after it; < 0: no bound */
    float hidden;         /* y of a query that sees nothing */
} cu_att_rule;

/* ---- over pages ---- */

/* A step's tokens: keys and values are appended, then every query reads its sequence's pages. Query
 * head h reads kv head h / (heads / kv_heads). Strides in elements. */
typedef struct {
    cu_kv_tables kv;
    int32_t layer;
    int32_t rows, heads, kv_heads, d, dv;
    const void *q, *k, *v; /* [rows, heads, d], [rows, kv_heads, d], [rows, kv_heads, dv] */
    int64_t q_row, k_row, v_row;
    cu_att_type x_type;        /* of q, k and v: F32, F16 or BF16 */
    const float *table;        /* [rows, 2, half]: cosines, sines; NULL: nothing turns */
    int32_t half, interleaved; /* as in kernels/rope/rope.h */
    float *y;                  /* [rows, heads, dv] */
    void *turned;              /* scratch, cu_paged_scratch */
    float *parts;              /* scratch */
    cu_att_rule rule;          /* causal; right is not used */
} cu_paged_args;

/* Bytes of scratch, multiples of 256, for a launch of these rows, heads, d and dv. */
void cu_paged_scratch(const cu_paged_args *a, int64_t *turned_bytes, int64_t *parts_bytes);

/* Turns q and k, rounds k and v into pages and q to what the pages' kernels multiply; zeros y of
 * padding rows. */
int cu_paged_append(const cu_paged_args *a, cu_stream s);
/* y of all spans. Those of at most CU_KV_FEW tokens and longer ones have kernels of their own,
 * which are started where the step has such spans: a recording serves every step of at most its
 * rows with the same kinds (kv.n_items > 0, kv.n_tiles > 0). */
int cu_paged_attend(const cu_paged_args *a, cu_stream s);
/* Both. */
int cu_paged_attention(const cu_paged_args *a, cu_stream s);

/* ---- over tensors ---- */

/* Strides in elements. */
typedef struct {
    void *y;
    const void *q, *k, *v;
    cu_att_type type, y_type; /* F32, F16 or BF16: of q, k and v; of y: the same, or F32 */
    int32_t batch, heads, kv_heads, tq, tk, d, dv;
    int64_t q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row;
    int64_t y_batch, y_head, y_row;
    const void *mask; /* NULL, or [batch, heads, tq, mask_len]: BOOL true: look; else to add. Keys
                         past mask_len are hidden. Stride 0: repeated */
    cu_att_type mask_type; /* F32, F16, BF16, BOOL */
    int64_t mask_batch, mask_head, mask_row;
    int32_t mask_len;
    int32_t offset; /* query i stands at key i + offset */
    cu_att_rule rule;
} cu_attention_args;

int cu_attention(const cu_attention_args *a, cu_stream s);

/* The same of `n` batch elements from `first` on. */
cu_attention_args cu_attention_some(const cu_attention_args *a, int32_t first, int32_t n);

/* Heads of these sizes that cu_attention and cu_paged_attend have the shared memory for. */
int cu_attention_can(int64_t d, int64_t dv);

/* ---- of any types, summed in f64: runtime/ops/attention_rows.h on the device ---- */

/* What the output of scores holds, in the order of the op's choices. */
typedef enum {
    CU_SCORES_RAW,
    CU_SCORES_CAPPED,
    CU_SCORES_MASKED,
    CU_SCORES_SOFTMAX
} cu_scores_stage;

typedef struct {
    cu_attention_args of; /* sizes, strides, pointers and which keys the rule hides */
    int q_type, k_type, v_type, y_type, mask_type, scores_type; /* of cu_number */
    double scale, softcap;                                      /* softcap 0: none */
    bool narrow;     /* the CPU sums in f32, so the mask is rounded to it: -1e300 hides a key */
    bool hidden_nan; /* a query that sees nothing gives NaN, else zeros */
    void *scores;    /* [batch, heads, tq, tk], or NULL */
    cu_scores_stage stage;
    const int64_t *keys; /* [batch] in device memory: so many are there, and the last query stands
                            at the last of them; NULL: all. Told to `fault`: more than tk */
    cu_fault_to fault;
    double *room;   /* [blocks, tk] */
    int32_t blocks; /* that share batch * heads * tq queries, fewer than 2^31 - blocks */
} cu_attention_rows_args;

int cu_attention_rows(const cu_attention_rows_args *a, cu_stream s);

/* to [batch, heads, past_tokens + tokens, size] = past [.., past_tokens, ..] (NULL: none), then
 * rows of `from`, whose strides in elements are given; elements of `bytes` 1, 2, 4 or 8. */
typedef struct {
    void *to;
    const void *past, *from;
    int64_t from_batch, from_head, from_row;
    int32_t batch, heads, past_tokens, tokens, size, bytes;
} cu_join_args;

int cu_join_tokens(const cu_join_args *a, cu_stream s);

/* y [heads, n, n]: y[h, i, j] = table [.., heads] at row bucket[n - 1 + j - i]; bucket [2 n - 1] in
 * device memory, one a distance. */
typedef struct {
    float *y;
    const float *table;
    const int32_t *bucket;
    int32_t heads, n;
} cu_relative_bias_args;

int cu_relative_bias(const cu_relative_bias_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
