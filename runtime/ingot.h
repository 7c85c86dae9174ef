/* ingot.h - the public interface of Ingot, an inference runtime.
 *
 *     #include <ingot.h>
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         ingot_error err;
 *         ingot_runtime *rt;
 *         ingot_model *model;
 *         ingot_session *s;
 *         float image[64] = {0}, score[10];
 *         if (ingot_runtime_open(&rt, NULL, &err) ||
 *             ingot_model_open(&model, rt, "digits.ingot", NULL, &err) ||
 *             ingot_session_open(&s, model, NULL, &err))
 *             return puts(err.text), 1;
 *         ingot_tensor in = ingot_view_f32(image, 4, (int64_t[]){1, 1, 8, 8});
 *         ingot_tensor out = ingot_view_f32(score, 2, (int64_t[]){1, 10});
 *         if (ingot_session_run(s, &out, 1, &in, 1, &err)) return puts(err.text), 1;
 *         ingot_session_close(&s), ingot_model_close(&model), ingot_runtime_close(&rt);
 *     }
 *
 * Every call that can fail returns an ingot_status and fills the caller's ingot_error (which may be
 * NULL). Outputs come first, the error last. Handles are opaque; option structs begin with
 * `size_t size` (set it to sizeof the struct) and all-zero fields mean the defaults. */
#ifndef INGOT_H
#define INGOT_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#    define INGOT_API       __attribute__((visibility("default")))
#    define INGOT_MUST_USE  __attribute__((warn_unused_result))
#    define INGOT_PRINTF(f) __attribute__((format(printf, f, f + 1)))
#else
#    define INGOT_API
#    define INGOT_MUST_USE
#    define INGOT_PRINTF(f)
#endif

/* ---- status and error ---------------------------------------------------------------------- */

#define INGOT_STATUS_MAP(X)                   \
    X(OK, 0, "success")                       \
    X(E_ARG, -1, "invalid argument")          \
    X(E_NOMEM, -2, "out of memory")           \
    X(E_IO, -3, "input or output failed")     \
    X(E_FORMAT, -4, "malformed model file")   \
    X(E_UNSUPPORTED, -5, "unsupported model") \
    X(E_DATA, -6, "invalid input data")       \
    X(E_FULL, -7, "a limit is reached")       \
    X(E_CANCELLED, -8, "cancelled")           \
    X(E_DEVICE, -9, "device unavailable")     \
    X(E_INTERNAL, -10, "internal error")

typedef enum {
#define X(name, code, text) INGOT_##name = code,
    INGOT_STATUS_MAP(X)
#undef X
} ingot_status;

typedef struct {
    ingot_status status;
    const char *file; /* where in Ingot, for bug reports */
    int line;
    char text[488]; /* what, where, how to mend; always terminated */
} ingot_error;

/* ingot_status_text - a short English text for a status; never NULL. */
INGOT_API const char *ingot_status_text(ingot_status status);

/* ingot_version - "MAJOR.MINOR.PATCH" of the library that is running. */
INGOT_API const char *ingot_version(void);

/* ---- element types ------------------------------------------------------------------------- */

/* X(name, code, bytes of an element in memory). The codes are stored in files and never change.
 * 4-bit and 2-bit elements take a byte each in memory, widened; strings are ingot_str. */
#define INGOT_DTYPE_MAP(X) \
    X(F32, 1, 4)           \
    X(F64, 2, 8)           \
    X(F16, 3, 2)           \
    X(BF16, 4, 2)          \
    X(I8, 5, 1)            \
    X(I16, 6, 2)           \
    X(I32, 7, 4)           \
    X(I64, 8, 8)           \
    X(U8, 9, 1)            \
    X(U16, 10, 2)          \
    X(U32, 11, 4)          \
    X(U64, 12, 8)          \
    X(BOOL, 13, 1)         \
    X(STR, 14, 16)         \
    X(C64, 15, 8)          \
    X(C128, 16, 16)        \
    X(F8E4M3FN, 17, 1)     \
    X(F8E4M3FNUZ, 18, 1)   \
    X(F8E5M2, 19, 1)       \
    X(F8E5M2FNUZ, 20, 1)   \
    X(F8E8M0, 21, 1)       \
    X(F4E2M1, 22, 1)       \
    X(I4, 23, 1)           \
    X(U4, 24, 1)           \
    X(I2, 25, 1)           \
    X(U2, 26, 1)

typedef enum {
    INGOT_NONE = 0,
#define X(name, code, bytes) INGOT_##name = code,
    INGOT_DTYPE_MAP(X)
#undef X
} ingot_dtype;

/* An element of a string tensor: n bytes of UTF-8 at p, not terminated, borrowed. */
typedef struct {
    const char *p;
    size_t n;
} ingot_str;

enum { INGOT_MAX_RANK = 8 };

/* ---- allocator ----------------------------------------------------------------------------- */

/* All memory of a runtime comes from one function: p == NULL allocates `now` bytes, now == 0 frees,
 * else p is resized from `old` to `now` bytes. Returns 64-byte aligned memory or NULL. Thread-safe.
 */
typedef struct {
    void *(*fn)(void *ud, void *p, size_t old, size_t now);
    void *ud;
} ingot_alloc;

/* ---- tensors ------------------------------------------------------------------------------- */

/* A view of caller-owned or session-owned memory: C order, element-aligned.
 *
 * As an input: name NULL means "by position". As an output of a run: with data set, the result is
 * written there (its dtype and dims must be what the run gives); with data NULL the fields are
 * filled and data points to memory of the session, valid until its next run. A sequence has items
 * and n_items instead of data; an empty optional has `absent`. */
typedef struct ingot_tensor {
    const char *name;
    ingot_dtype dtype;
    int rank;
    int64_t dims[INGOT_MAX_RANK];
    void *data;
    const struct ingot_tensor *items; /* a sequence's elements, session-owned */
    size_t n_items;
    bool is_sequence;
    bool absent;
} ingot_tensor;

/* ingot_view - a tensor over data, not copied. rank 0..8; dims [rank]. */
INGOT_API ingot_tensor ingot_view(ingot_dtype dtype, void *data, int rank, const int64_t *dims);
INGOT_API ingot_tensor ingot_view_f32(float *data, int rank, const int64_t *dims);
INGOT_API ingot_tensor ingot_view_i64(int64_t *data, int rank, const int64_t *dims);

/* ingot_tensor_elements - the product of the dims; 0 when it is negative or does not fit. */
INGOT_API size_t ingot_tensor_elements(const ingot_tensor *t);
INGOT_API size_t ingot_dtype_bytes(ingot_dtype dtype);     /* of an element in memory; 0: unknown */
INGOT_API const char *ingot_dtype_name(ingot_dtype dtype); /* "f32"; never NULL */

/* ---- runtime ------------------------------------------------------------------------------- */

typedef struct ingot_runtime ingot_runtime;
typedef struct ingot_model ingot_model;
typedef struct ingot_session ingot_session;

typedef enum { INGOT_LOG_ERROR, INGOT_LOG_WARN, INGOT_LOG_INFO, INGOT_LOG_DEBUG } ingot_log_level;

typedef struct {
    size_t size;       /* sizeof(ingot_runtime_options) */
    size_t n_threads;  /* 0: all cores this process may use; 1: no thread is ever created */
    bool pin;          /* bind threads to cores */
    ingot_alloc alloc; /* fn NULL: libc */
    void (*log)(void *ud, ingot_log_level level, const char *text); /* NULL: stderr */
    void *log_ud;
    ingot_log_level log_level; /* messages above it are dropped; 0: errors only */
    /* The host's own executor instead of our threads: calls fn(arg, i) for every i < n on threads
     * of its choice and returns when all are done. n <= n_threads. */
    void (*parallel)(void *ud, size_t n, void (*fn)(void *arg, size_t i), void *arg);
    void *parallel_ud;
    bool guard_maps; /* a model file that is truncated while mapped gives E_IO instead of SIGBUS:
                        installs a SIGBUS handler that passes foreign faults on */
} ingot_runtime_options;

/* ingot_runtime_open - threads, memory and log that models borrow. options NULL: defaults.
 * Errors: E_NOMEM, E_ARG (size of a newer header, an INGOT_CPU_ISA that this CPU lacks).
 * Threads: the runtime may be shared by all. */
INGOT_API INGOT_MUST_USE ingot_status ingot_runtime_open(ingot_runtime **out,
                                                         const ingot_runtime_options *options,
                                                         ingot_error *err);
/* ingot_runtime_close - after its models are closed. NULL is fine; sets *rt to NULL. */
INGOT_API void ingot_runtime_close(ingot_runtime **rt);
INGOT_API size_t ingot_runtime_threads(const ingot_runtime *rt);

typedef struct {
    size_t live_bytes, peak_bytes; /* through the runtime's allocator; mapped files do not count */
    size_t n_allocations;
} ingot_memory;
INGOT_API ingot_memory ingot_runtime_memory(const ingot_runtime *rt);
INGOT_API void ingot_runtime_reset_peak(ingot_runtime *rt);

/* ---- models -------------------------------------------------------------------------------- */

typedef struct {
    size_t size;        /* sizeof(ingot_model_options) */
    bool check_digests; /* verify all of the file, weights too, before it is used */
} ingot_model_options;

/* ingot_model_open - map an .ingot file. Weights are used where they lie: nothing is copied.
 *
 * Errors: E_IO (not there, not readable), E_FORMAT (malformed: says section, offset, reason),
 * E_UNSUPPORTED (newer file, unknown op), E_NOMEM. *out is NULL on failure.
 * Threads: a model is immutable; any number of sessions and threads may share it. */
INGOT_API INGOT_MUST_USE ingot_status ingot_model_open(ingot_model **out, ingot_runtime *rt,
                                                       const char *path,
                                                       const ingot_model_options *options,
                                                       ingot_error *err);
/* ingot_model_open_memory - the same over n bytes of a file's image, 64-byte aligned, borrowed
 * until the model and its sessions are closed. */
INGOT_API INGOT_MUST_USE ingot_status ingot_model_open_memory(ingot_model **out, ingot_runtime *rt,
                                                              const void *bytes, size_t n,
                                                              const ingot_model_options *options,
                                                              ingot_error *err);
/* ingot_model_close - gives up the caller's hold; sessions that are open keep it alive. */
INGOT_API void ingot_model_close(ingot_model **model);

/* What a model says of an input or output. dims: a size, or -1 where the model leaves it open; then
 * dim_names[i] is its name ("batch") or NULL. Texts belong to the model. */
typedef struct {
    const char *name;
    ingot_dtype dtype;
    int rank; /* -1: any */
    int64_t dims[INGOT_MAX_RANK];
    const char *dim_names[INGOT_MAX_RANK];
    bool is_sequence, optional;
} ingot_value_info;

INGOT_API size_t ingot_model_n_inputs(const ingot_model *m);
INGOT_API size_t ingot_model_n_outputs(const ingot_model *m);
/* false: no such index */
INGOT_API bool ingot_model_input(ingot_value_info *out, const ingot_model *m, size_t i);
INGOT_API bool ingot_model_output(ingot_value_info *out, const ingot_model *m, size_t i);
/* ingot_model_meta - a text of the file's META ("name", "version", "source.format"…), or NULL. */
INGOT_API const char *ingot_model_meta(const ingot_model *m, const char *key);

/* ---- sessions ------------------------------------------------------------------------------- */

/* What one step of a run did, for tracing. */
typedef struct {
    const char *name, *op, *kernel;
    uint64_t begin_ns, end_ns; /* monotonic clock */
    double flops, bytes;
} ingot_trace;

typedef struct {
    size_t size;    /* sizeof(ingot_session_options) */
    bool fast_math; /* false: bitwise the same answer for any batch, thread count and CPU */
    size_t dynamic_limit_bytes; /* bound of memory for results whose size only the data tells; 0: 4
                                   GiB */
    void (*trace)(void *ud, const ingot_trace *step); /* NULL: none */
    void *trace_ud;
} ingot_session_options;

/* ingot_session_open - plans and working memory for one caller at a time; cheap.
 * Threads: one call at a time per session (ingot_session_cancel excepted); sessions run in
 * parallel. */
INGOT_API INGOT_MUST_USE ingot_status ingot_session_open(ingot_session **out, ingot_model *model,
                                                         const ingot_session_options *options,
                                                         ingot_error *err);
INGOT_API void ingot_session_close(ingot_session **s); /* waits for an asynchronous run */

typedef struct {
    size_t activation_bytes;   /* one block for all intermediate values and scratch */
    size_t plan_bytes;         /* tables and kernel state */
    size_t unshared_bytes;     /* what the values would take without sharing memory */
    size_t n_steps, n_dynamic; /* kernel launches; of them sized at run time */
    bool exact; /* no step's memory depends on the data: a run takes exactly these bytes */
} ingot_plan;

/* ingot_session_plan - prepare for inputs of these shapes (data may be NULL): the next run with
 * them allocates nothing. info may be NULL. */
INGOT_API INGOT_MUST_USE ingot_status ingot_session_plan(ingot_plan *info, ingot_session *s,
                                                         const ingot_tensor *in, size_t n_in,
                                                         ingot_error *err);

/* ingot_session_run - run the model once.
 *
 *   out  [n_out] by name, or by position where the name is NULL; n_out may be less than the
 * model's. in   [n_in]  every input of the model, by name or position. Borrowed, never copied. For
 * a sequence set is_sequence, items and n_items.
 *
 * On failure no output of the caller is promised. Errors: E_DATA (wrong name, dtype or shape; a
 * value that an op cannot take), E_ARG (an output buffer that does not fit), E_NOMEM, E_CANCELLED,
 * E_IO (the file was changed while mapped), E_FULL. Memory: none is allocated when the shapes were
 * planned or run before and the plan is exact. */
INGOT_API INGOT_MUST_USE ingot_status ingot_session_run(ingot_session *s, ingot_tensor *out,
                                                        size_t n_out, const ingot_tensor *in,
                                                        size_t n_in, ingot_error *err);

/* ingot_session_run_async - the same on a thread of the session; done(ud, status, err) is called
 * there when it ends. out, in and what they point to must live until then. E_ARG: a run is in
 * progress. */
typedef void ingot_done_fn(void *ud, ingot_status status, const ingot_error *err);
INGOT_API INGOT_MUST_USE ingot_status ingot_session_run_async(ingot_session *s, ingot_tensor *out,
                                                              size_t n_out, const ingot_tensor *in,
                                                              size_t n_in, ingot_done_fn *done,
                                                              void *ud, ingot_error *err);
INGOT_API void ingot_session_wait(ingot_session *s); /* until no asynchronous run is in progress */

/* ingot_session_cancel - the run in progress ends with E_CANCELLED at its next step; without one
 * nothing happens. Threads: any. */
INGOT_API void ingot_session_cancel(ingot_session *s);

#ifdef __cplusplus
}
#endif
#endif
