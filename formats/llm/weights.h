/* weights.h - the tensors of a checkpoint where they lie, and the constants that are made of them.
 *
 * A source (safetensors, GGUF, llama2.c) lists its tensors in an ig_checkpoint. A description of a
 * model (model.h) refers to rows of them. Builders turn such references into lazy constants: the
 * graph knows type and size, and the content is read, converted and packed when the writer asks for
 * it, so that converting needs memory for one weight at a time. */
#ifndef IG_LLM_WEIGHTS_H
#define IG_LLM_WEIGHTS_H

#include <stdatomic.h>

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/log.h"
#include "runtime/graph/ir.h"

/* ---- what is stored -------------------------------------------------------------------------- */

/* Values taken apart as a format of kernels/gemm_q has them (ig_q_source). */
typedef struct {
    uint8_t *q;            /* [n] */
    float *scale, *offset; /* one for each group; of two levels, D and E of each IG_Q_SUPER */
    int8_t *s, *t;         /* one for each group; only of two levels, else not touched */
} ig_split;

/* An element type of a source. Elements come in blocks (of 1 for plain types); a row is a whole
 * number of blocks. */
typedef struct {
    const char *name; /* as the source calls it, for people: "BF16", "Q4_0" */
    size_t block, block_bytes;
    /* What `keep` stores: `format` (a name of kernels/gemm_q/q_formats.def), or where that is NULL
     * the float type `dtype` (f32, f16, bf16). */
    ingot_dtype dtype;
    const char *format;
    /* widen - n elements, whole blocks, as f32. `from` need not be aligned. */
    void (*widen)(float *to, const void *from, size_t n);
    /* split - n elements, whole blocks, as `format` has them. NULL: the weights are rounded to
     * `format` (ig_q_quantise). */
    void (*split)(const ig_split *to, const void *from, size_t n);
} ig_stored_type;

/* The plain types, for sources of all kinds: f32, f16, bf16, and f64, which becomes f32; e4m3 with
 * scales that go for whole rows, or for blocks of a multiple of 128 columns. */
extern const ig_stored_type ig_stored_f32, ig_stored_f16, ig_stored_bf16, ig_stored_f64;
extern const ig_stored_type ig_stored_f8, ig_stored_f8_blocks;

/* What the stored values are to be multiplied by: one number for each block of rows by cols of the
 * tensor as a matrix. */
typedef struct {
    const float *v; /* [blocks of rows][across] */
    size_t rows, cols, across;
} ig_scales;

typedef struct {
    const char *name;
    const ig_stored_type *type;
    int rank;                  /* at least 1 */
    int64_t dims[IG_MAX_RANK]; /* outermost first, as PyTorch has them */
    const unsigned char *data; /* C order; the source checked that all of it is there */
    const atomic_bool *bad;    /* NULL, or raised when its file could not be read (fault.h) */
    const ig_scales *scales;   /* of e4m3; NULL: ones */
    bool used;
} ig_stored;

typedef struct {
    ig_stored *tensors; /* by name once ig_checkpoint_sort has run */
    size_t n;
} ig_checkpoint;

/* ig_stored_bytes - of a tensor of that type and shape; false: it does not fit, or a row is no
 * whole number of blocks. */
bool ig_stored_bytes(const ig_stored_type *type, int rank, const int64_t *dims, size_t *bytes);

/* ig_checkpoint_sort - after the list is filled. E_FORMAT: a name is there twice. */
ingot_status ig_checkpoint_sort(ig_checkpoint *c, ingot_error *err);
ig_stored *ig_checkpoint_find(const ig_checkpoint *c, const char *name); /* or NULL */
/* ig_checkpoint_unused - say in the log which tensors nobody used. */
void ig_checkpoint_unused(const ig_checkpoint *c, const ig_log *log);

/* ---- references ------------------------------------------------------------------------------ */

/* Rows of a tensor seen as a matrix (its last dimension are the columns): `count` blocks of `block`
 * rows, `stride` apart, from `first` on. They are the rows of W [n, k] in y = x W^T.
 * Of a vector, and where the tensor is W^T (`turned`, [k, n]), elements of a row are meant. */
typedef struct {
    ig_stored *tensor; /* NULL: the model has no such weight */
    size_t first, block, stride, count;
    bool turned;
} ig_rows;

/* ig_rows_of - all of a tensor; NULL gives none. Marks it as used.
 * ig_rows_cut - n rows from `first` on; r is one block, as ig_rows_of and ig_rows_cut give it. */
ig_rows ig_rows_of(ig_stored *tensor, bool turned);
ig_rows ig_rows_cut(ig_rows r, size_t first, size_t n);
static inline size_t ig_rows_n(const ig_rows *r) { return r->block * r->count; }
size_t ig_rows_k(const ig_rows *r); /* 1 for vectors */

/* ig_rows_read - row i as f32 [k]. ig_rows_split - the same as f has it,
 * where ig_rows_splits: without loss. E_IO: the file was
 * cut off. E_DATA: an e4m3 to be split is no number. */
ingot_status ig_rows_read(float *to, const ig_rows *r, size_t i, ingot_error *err);
ingot_status ig_rows_split(const ig_split *to, const ig_rows *r, const ig_q_format *f, size_t i,
                           ingot_error *err);
bool ig_rows_splits(const ig_rows *r, const ig_q_format *f);

/* ---- constants ------------------------------------------------------------------------------- */

/* --dtype */
typedef enum {
    IG_KEEP, /* floats as they are stored, few bits as near as a format of ours comes */
    IG_TO_F32,
    IG_TO_F16,
    IG_TO_BF16,
    IG_TO_Q8, /* i8g32 */
    IG_TO_Q4, /* i4g32; embedding and output i8g32 */
    IG_TO_F8, /* e4m3 with a scale a row (f8c), for 128 k of it (f8g128); embedding and output .. */
    IG_TO_F8_BLOCKS /* .. as they are stored */
} ig_weight_target;

/* Their names, in that order, NULL-terminated; and the way back, -1: no such name. */
extern const char *const ig_weight_targets[];
int ig_weight_target_named(const char *name);

typedef enum {
    IG_ROLE_PRODUCT,
    IG_ROLE_VOCABULARY, /* embedding and output: 8 bits where products have 4 */
    IG_ROLE_EXACT       /* routers and the like: a float type in any case */
} ig_weight_role;

typedef struct {
    ig_graph *graph;
    ig_heap *heap; /* for what filling needs */
    ig_weight_target target;
    bool round_f8; /* products with weights of e4m3 round x to e4m3 as well */
} ig_weights;

/* A constant and how products read it. */
typedef struct {
    ig_id id;
    const ig_q_format *format; /* NULL: floats */
    size_t n, k;               /* of W, or of one expert's */
} ig_weight;

/* All constants are lazy. E_NOMEM; E_FORMAT: parts of different width. While they are filled:
 * E_DATA (a value that the target type cannot hold; names the tensor), E_IO, E_NOMEM.
 *
 * ig_weight_product - for matmul and matmul_q: W [n, k] made of the parts' rows one after the
 *                     other. [k, n] in P16, or panels of few bits.
 * ig_weight_gated   - for glu; gate and up [n, k]: packed as ig_op_glu wants it.
 * ig_weight_experts - for moe: as the two above for each of n_experts, stacked. `up` NULL: `gate`
 *                     is a plain product.
 * ig_weight_table   - for embed: [n, k] in plain rows, or panels of few bits.
 * ig_weight_same    - would `keep` store them alike, so that one product can hold all? */
ingot_status ig_weight_product(ig_weight *w, const ig_weights *c, ig_weight_role role,
                               const ig_rows *parts, size_t n_parts, ingot_error *err);
ingot_status ig_weight_gated(ig_weight *w, const ig_weights *c, const ig_rows *gate,
                             const ig_rows *up, ingot_error *err);
ingot_status ig_weight_experts(ig_weight *w, const ig_weights *c, const ig_rows *gate,
                               const ig_rows *up, size_t n_experts, ingot_error *err);
ingot_status ig_weight_table(ig_weight *w, const ig_weights *c, ig_weight_role role,
                             const ig_rows *rows, ingot_error *err);
bool ig_weight_same(const ig_rows *parts, size_t n_parts);

/* ig_weight_vector - f32 [n] (add + each element), made of the parts one after the other, and
 * filled at once: vectors are small. gated: two parts, the gate's bias and up's, in ig_op_glu's
 * order.
 */
ingot_status ig_weight_vector(ig_id *id, const ig_weights *c, const ig_rows *parts, size_t n_parts,
                              float add, bool gated, ingot_error *err);

#endif
