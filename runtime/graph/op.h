/* op.h - what an op is: shapes, cost, choice of kernel, execution.
 *
 * One file in runtime/ops/ and one line in ops.def make an op. The contexts below are what an op
 * sees; it never touches graphs, plans or files. An omitted optional input is NULL in every array.
 */
#ifndef IG_OP_H
#define IG_OP_H

#include <stdatomic.h>
#include "runtime/base/pool.h"
#include "runtime/graph/ir.h"
#include "runtime/graph/kv_step.h"

typedef enum { IG_MATH_EXACT, IG_MATH_FAST } ig_math;
typedef struct ig_exec ig_exec;

/* ---- infer: types of the outputs --------------------------------------------------------------
 * Called while converting (dims may be symbols or unknown), when a plan is made (dims are sizes)
 * and, for steps whose shape only the data tells, at run time. Content an op needs (a Reshape's
 * target) is in known[i], or NULL: then leave dims IG_DIM_UNKNOWN, or the rank IG_RANK_UNKNOWN.
 * Outputs arrive as unknown tensors. Errors: E_FORMAT for what can never be right, with
 * ig_infer_fail. */
typedef struct ig_infer {
    const ig_node *node;
    const void *attrs;
    const ig_type *const *in;
    const ig_tensor *const *known; /* content, NULL where not known */
    ig_type *out;                  /* [n_out] */
    uint32_t n_in, n_out;
    ingot_error *err;
} ig_infer;

/* ---- bind: choose kernels for sizes that are all known ------------------------------------------
 */
typedef struct ig_bind {
    const ig_node *node;
    const void *attrs;
    const ig_type *const *in;
    const ig_tensor *const *known; /* constants; layout by in_layout */
    const ig_type *const *out;
    const ig_layout *in_layout;
    uint32_t n_in, n_out;
    size_t n_threads;
    ig_math math;
    ig_arena *arena; /* lives as long as the plan; for state */
    ig_exec *exec;   /* owner, for ops with subgraphs */
    ingot_error *err;
    /* results */
    void *state;
    size_t scratch_bytes; /* 64-byte aligned memory that run gets in r->scratch */
    const char *kernel;   /* name of the chosen kernel, for people */
} ig_bind;

/* ---- run --------------------------------------------------------------------------------------
 */
typedef struct ig_run {
    const ig_node *node;
    const void *attrs;
    void *state;
    const ig_tensor *const *in;
    ig_tensor *const *out; /* memory is there already, except for IG_OP_ALLOCATES */
    uint32_t n_in, n_out;
    void *scratch;
    ig_pool *pool; /* NULL: one thread */
    ig_arena
        *side; /* strings, sequences, sizes that only the data tells; lives until the next run */
    ig_arena *brief; /* scratch of a size that only the data tells; gone when run returns */
    const atomic_bool *cancel; /* may be NULL; long ops poll it */
    const ig_kv_step *kv;      /* NULL: the run has no cache of keys and values */
    struct ig_comm *comm;      /* NULL: the run has no other ranks */
    ingot_error *err;
} ig_run;

typedef struct ig_cost {
    double flops; /* multiply and add count 1 each */
    double bytes; /* read and written at least once */
} ig_cost;

enum {
    IG_OP_VIEW = 1 << 0,        /* output 0 has the bytes of input 0; never run */
    IG_OP_INPLACE = 1 << 1,     /* output 0 may overwrite input 0 when the byte sizes agree */
    IG_OP_ALLOCATES = 1 << 2,   /* run makes its outputs with ig_run_output: sizes only data tells,
                                   strings, sequences */
    IG_OP_TYPE_ONLY = 1 << 3,   /* the result depends on the inputs' types, not their content */
    IG_OP_RANDOM = 1 << 4,      /* two calls differ: never folded or merged */
    IG_OP_KINDS = 1 << 5,       /* takes sequences and optionals; others are refused before infer */
    IG_OP_KEEP_BIND = 1 << 7,   /* bind is dear (it packs weights) and asks for the content of
                                   constants only: a step that is bound when it runs keeps it for the
                                   next run with the same types */
    IG_OP_INPLACE_ANY = 1 << 8, /* output 0 may overwrite any one input, likewise */
    IG_OP_PACKED = 1 << 6, /* takes constants in packed layouts, but never as input 0; the check
                              refuses    others, bind a layout that is not the op's */
};

struct ig_op {
    const char *name;                          /* stored in .ingot files: never renamed */
    uint16_t min_in, max_in, min_out, max_out; /* IG_MANY: no limit */
    uint16_t n_sub;                            /* subgraphs */
    uint32_t flags;
    const ig_attr *attrs;
    size_t attrs_bytes;
    ingot_status (*infer)(ig_infer *c);
    ingot_status (*bind)(ig_bind *b);              /* NULL: nothing to choose */
    ingot_status (*run)(ig_run *r);                /* NULL only for IG_OP_VIEW */
    void (*unbind)(void *state);                   /* NULL: state is arena memory only */
    void (*cost)(ig_cost *cost, const ig_bind *b); /* NULL: one operation an output element */
};

#define IG_MANY UINT16_MAX

const ig_op *ig_op_find(const char *name); /* NULL: no such op */
const ig_op *const *ig_op_list(size_t *n);

/* ---- helpers for infer
 * ---------------------------------------------------------------------------- */

/* ig_infer_fail - E_FORMAT with "NAME (OP): " before the text. */
#define ig_infer_fail(c, ...) ig_node_fail((c)->err, INGOT_E_FORMAT, (c)->node, __VA_ARGS__)
#define ig_run_fail(r, ...)   ig_node_fail((r)->err, INGOT_E_DATA, (r)->node, __VA_ARGS__)
#define ig_bind_fail(b, ...)  ig_node_fail((b)->err, INGOT_E_UNSUPPORTED, (b)->node, __VA_ARGS__)
ingot_status ig_node_fail(ingot_error *err, ingot_status status, const ig_node *node,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

bool ig_has(const ig_infer *c, size_t i); /* input i is given */
ingot_status ig_infer_same(ig_infer *c);  /* every output has the type of input 0 */
/* ig_infer_broadcast - dims of the NumPy broadcast of the given types; E_FORMAT: they do not fit.
 */
ingot_status ig_infer_broadcast(ig_infer *c, ig_type *out, const ig_type *const *types, size_t n);
/* ig_infer_axis - a possibly negative axis within [0, rank); E_FORMAT outside. rank must be known.
 */
ingot_status ig_infer_axis(ig_infer *c, int64_t axis, int rank, int *out);
/* ig_known_ints - content of known integer input i as int64 (any integer type). *v lies in a static
 * thread-local-free buffer given by the caller. Returns the count, or -1: unknown, not integers, or
 * more than cap. */
int ig_known_ints(const ig_infer *c, size_t i, int64_t *v, size_t cap);
bool ig_dim_equal(int64_t a, int64_t b);  /* surely equal: same size or same symbol */
bool ig_dim_differ(int64_t a, int64_t b); /* surely different sizes */

/* ---- helpers for run
 * ------------------------------------------------------------------------------- */

/* ig_run_output - make output i of a type that the data told; memory from the side arena
 * (uninitialised content is zero). E_NOMEM, or E_FULL past the side arena's bound. */
ingot_status ig_run_output(ig_run *r, size_t i, ingot_dtype dtype, int rank, const int64_t *dims);
/* ig_run_sequence - make output i a sequence of n items; fill ((ig_tensor *)out->data)[k] yourself.
 */
ingot_status ig_run_sequence(ig_run *r, size_t i, ingot_dtype dtype, size_t n);
/* ig_run_text - copy a string's bytes to the side arena. p == NULL with n > 0: no memory. */
ingot_str ig_run_text(ig_run *r, const char *p, size_t n);
/* ig_tensor_copy - deep copy into an arena (strings and sequences too); false: no memory. */
bool ig_tensor_copy(ig_tensor *out, const ig_tensor *in, ig_arena *arena);
bool ig_run_cancelled(const ig_run *r);

#endif
