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
 * (Libc gives what the plugin for GPUs needs on the host: runtimes share the devices of a process.)
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
    const char *device; /* "cpu", "cuda:0" */
} ingot_trace;

typedef struct {
    size_t size;    /* sizeof(ingot_session_options) */
    bool fast_math; /* false: bitwise the same answer for any batch, thread count and CPU */
    size_t dynamic_limit_bytes; /* bound of memory for results whose size only the data tells; 0: 4
                                   GiB */
    void (*trace)(void *ud, const ingot_trace *step); /* NULL: none */
    void *trace_ud;
    /* Where to run: "cpu" (and NULL), "cuda:0", or "auto": the first device that can be used, else
     * the CPU. What a device lacks a kernel for runs on the CPU. Results differ from the CPU's by
     * rounding, and are the same from run to run. */
    const char *device;
    size_t device_bytes;    /* budget of all memory on it, which all in the process share that use
                               it: the first one sets it; 0: */
    double device_fraction; /* of what is free then; 0: 0.9, less on devices of a few GiB */
} ingot_session_options;

/* ingot_session_open - plans and working memory for one caller at a time; cheap.
 *
 * A device that has no memory for the weights or the activations gives E_NOMEM when a plan is made.
 * A run in which the device is lost ends with E_DEVICE, and later runs of the session are on the
 * CPU. A run in which the device refuses a step ends with E_DEVICE, too, and the session stays
 * there. Under "auto" the CPU makes the run in any of these cases, and all later ones. Who moved to
 * the CPU says so in the log and by ingot_session_device. Errors: E_ARG (an option; no such
 * device's name; a budget larger than the device's memory, or another than it has), E_DEVICE (no
 * such device: says why), E_NOMEM. Threads: one call at a time per session (ingot_session_cancel
 * excepted); sessions run in parallel. */
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

/* ingot_session_device - where the session's steps run now: "cpu", "cuda:0". *why (may be NULL):
 * why a session that had a device has none any more, or NULL. Texts live until the session is
 * closed. */
INGOT_API const char *ingot_session_device(const ingot_session *s, const char **why);

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

/* ---- text generation -------------------------------------------------------------------------
 *
 *     ingot_generator *g;
 *     ingot_generation *t;
 *     ingot_result r;
 *     const ingot_request ask = {.size = sizeof ask, .text = "Once upon a time", .max_tokens = 64};
 *     if (ingot_generator_open(&g, model, NULL, &err) ||
 *         ingot_generator_submit(&t, g, &ask, &err) || ingot_generation_wait(&r, t, &err))
 *         return puts(err.text), 1;
 *     printf("%.*s\n", (int)r.text.n, r.text.p);
 *     ingot_generation_close(&t), ingot_generator_close(&g);
 *
 * A generator has one thread of its own, which computes the requests of all callers together, a
 * token of each a step (continuous batching, Yu et al. 2022), prompts in chunks beside them
 * (Agrawal et al. 2023), over one cache of keys and values in pages (Kwon et al. 2023). What a
 * request gives is bitwise the same alone and among others. */

typedef struct ingot_generator ingot_generator;
typedef struct ingot_generation ingot_generation; /* one request on its way */

typedef enum {
    INGOT_KV_AUTO, /* the type of the model's weights; f16 for quantized ones */
    INGOT_KV_F32,
    INGOT_KV_F16,
    INGOT_KV_BF16,
    INGOT_KV_I8,
    INGOT_KV_F8 /* e4m3, on devices only */
} ingot_kv_type;

typedef struct {
    size_t size;           /* sizeof(ingot_generator_options) */
    size_t context;        /* most tokens of a prompt and its answer; 0: what the model knows */
    size_t kv_bytes;       /* budget of keys and values; 0: for max_sequences whole contexts, but at
                              most a quarter of the machine's memory */
    ingot_kv_type kv_type; /* what keys and values are rounded to */
    size_t page_tokens;    /* of a page of the cache, a multiple of 16; 0: 64 */
    size_t chunk;          /* most tokens of prompts in a step; 0: 512; SIZE_MAX: whole prompts */
    size_t max_sequences;  /* that are computed together; 0: 16 */
    size_t max_queue;      /* requests that wait; one more is refused with E_FULL; 0: 4096 */
    bool fast_math;        /* as a session's */
    bool private_cache;    /* a prompt that begins like an earlier one is computed again */
    ingot_model *draft;    /* a smaller model with the same vocabulary whose guesses are checked
                              several at once (Leviathan et al. 2023); NULL: none. Answers are the
                              same with and without */
    size_t draft_tokens;   /* guesses at a time; 0: 4 */
    size_t lookup;         /* guess what followed the same words earlier in the text, so many tokens
                              at a time; 0: off. Answers are the same with and without */
    size_t kv_spare_bytes; /* host memory for pages that had to give way, so that they come back
                              instead of being computed again; 0: none. Meant for caches in a
                              device's memory */
    size_t ranks;          /* share heads and hidden columns among so many ranks (tensor
                              parallelism), each with its part of the threads and of the weights;
                              0 and 1: one does all. On devices: as many as are given */
    const char *device;    /* as a session's; "cuda:0,cuda:1": these share the model as ranks. Where
                              it fails, what is under way is computed again on the CPU */
    size_t device_bytes;   /* as a session's; pages of keys and values are part of it */
    double device_fraction;
} ingot_generator_options;

/* ingot_generator_open - the cache, the working memory and the thread of a model's generator.
 *
 * The model stays open until the generator is closed, as does the draft model, which is of the same
 * runtime. Errors: E_ARG (an option, a draft with another vocabulary), E_UNSUPPORTED (the model is
 * no decoder; ranks or devices cannot share it), E_DEVICE (no such device), E_NOMEM. */
INGOT_API INGOT_MUST_USE ingot_status ingot_generator_open(ingot_generator **out,
                                                           ingot_model *model,
                                                           const ingot_generator_options *options,
                                                           ingot_error *err);
/* ingot_generator_close - cancels what is on its way and waits for its end. Generations must be
 * closed before. */
INGOT_API void ingot_generator_close(ingot_generator **g);

/* How the next token is chosen. All zero: the likeliest, nothing else. The order of the stages is
 * that of the fields. */
typedef struct {
    const int32_t *bias_ids; /* [n_bias] tokens whose logits are raised by bias[i] */
    const float *bias;
    size_t n_bias;
    float repetition_penalty; /* > 1: what occurred, prompt too, is less likely; 0 and 1: off */
    float presence_penalty;   /* for tokens that occur in the answer */
    float frequency_penalty;  /* for each time that they do */
    size_t penalty_window;    /* the last tokens that penalties look at; 0: all */
    float temperature;        /* 0: the likeliest token is taken */
    size_t top_k;             /* 0: off */
    float top_p;              /* 0 and 1: off */
    float min_p;              /* 0: off */
    float typical_p;          /* 0 and 1: off */
    uint64_t seed;            /* the same seed gives the same answer */
} ingot_sampling;

/* ingot_generator_sampling - what the model's makers recommend (its generation_config). */
INGOT_API void ingot_generator_sampling(ingot_sampling *out, const ingot_generator *g);

typedef struct {
    const char *role;    /* "system", "user", "assistant": what the model's template knows */
    const char *content; /* UTF-8, terminated */
} ingot_message;

typedef struct {
    int32_t id;
    float logprob; /* natural logarithm, of the model's own distribution */
} ingot_logprob;

/* A token of an answer. */
typedef struct {
    int32_t id;
    float logprob;            /* 0 unless asked for */
    const ingot_logprob *top; /* [n_top] the likeliest at its place */
    size_t n_top;
} ingot_token;

/* What is new of an answer. Text comes in whole characters, and later than its tokens where they
 * end within one or may begin a stop string. At the end `text` is what was left. Borrowed for the
 * call. */
typedef struct {
    ingot_str text;
    const ingot_token *tokens;
    size_t n_tokens;
} ingot_piece;

typedef enum {
    INGOT_CUT_NEVER,  /* a prompt that is too long is an error */
    INGOT_CUT_OLDEST, /* forget its beginning: of messages the oldest that are no system message,
                         of text and ids the first tokens behind the one that begins a text */
} ingot_cut;

/* What is asked: a text, ids, ids and a text that goes on where they end, or messages. All is
 * copied. */
typedef struct {
    size_t size; /* sizeof(ingot_request) */
    const char *text;
    size_t n_text; /* 0: the text is terminated */
    const int32_t *ids;
    size_t n_ids;
    const ingot_message *messages; /* by the model's chat template, with room for the answer */
    size_t n_messages;
    size_t max_tokens; /* of the answer; 0: until the context is full */
    bool prompt_only;  /* compute the prompt, answer nothing */
    bool ignore_eos;   /* go on past the model's end-of-text tokens */
    bool raw;          /* text: no token that begins a text is added, special tokens are text */
    ingot_sampling sampling;
    const ingot_str *stop; /* [n_stop] texts that end the answer; they are not part of it */
    size_t n_stop;
    bool logprobs;                     /* of the tokens of the answer */
    size_t top_logprobs;               /* and of so many likeliest ones; at most 64 */
    const char *json_schema, *grammar; /* the answer is of this schema, or of this grammar (GBNF) */
    int priority;                      /* higher goes first */
    uint64_t deadline_ns;              /* monotonic clock; then it ends as it is. 0: none */
    const char *tenant; /* who shares fairly, and sees no other tenant's cache; NULL: "" */
    ingot_cut cut;
    size_t keep_messages; /* CUT_OLDEST: never fewer of the last ones than so many; 0: 1 */
    bool shift;           /* when the context is full, forget the older half of the text behind its
                             first page, compute the rest again and go on */
    float *prompt_logits; /* [n_prompt, vocab], of every token of a prompt of ids; or NULL */
    /* Called for what is new, from the generator's thread: keep it short, all others wait. false:
     * the answer is cancelled. No call on the generation, except cancel, may be made there. */
    bool (*piece)(void *ud, const ingot_piece *piece);
    void (*done)(void *ud); /* its last call: the result is there */
    void *ud;
} ingot_request;

typedef enum {
    INGOT_FINISH_STOP,   /* an end-of-text token or a stop string */
    INGOT_FINISH_LENGTH, /* max_tokens, or the context is full */
    INGOT_FINISH_CANCELLED,
    INGOT_FINISH_DEADLINE,
    INGOT_FINISH_ERROR
} ingot_finish;

INGOT_API const char *ingot_finish_text(ingot_finish finish); /* "stop"; never NULL */

/* What came of it. Borrowed from the generation until that is closed. */
typedef struct {
    ingot_finish finish;
    ingot_str text;            /* "" where the model has no tokenizer */
    const ingot_token *tokens; /* [n_tokens] */
    size_t n_tokens;
    int32_t stop_id;    /* the end-of-text token that ended it, not among the tokens; or -1 */
    const int32_t *ids; /* [n_ids] of prompt and answer, as they are in the cache */
    size_t n_ids;
    size_t prompt_tokens;     /* that were computed or found in the cache */
    size_t cached_tokens;     /* of them found in the cache */
    size_t truncated_tokens;  /* of the prompt that was given, cut away */
    size_t shifted_tokens;    /* forgotten on the way */
    size_t preempted;         /* how often it gave its pages to others and was computed again */
    size_t drafted, accepted; /* guesses that were checked; of them right */
    /* The whole time from submission to end is the sum of the three. */
    uint64_t queue_ns;   /* until its computation began */
    uint64_t prefill_ns; /* from there to its first token */
    uint64_t decode_ns;  /* from there to its end */
} ingot_result;

/* ingot_generator_submit - put a request into the queue.
 *
 * *out must be closed; out may not be NULL. Errors, with nothing submitted: E_ARG (none or several
 * prompts, an option), E_DATA (text that is not UTF-8, ids outside the vocabulary, a prompt that is
 * longer than the context: says both), E_UNSUPPORTED (text without a tokenizer, messages without a
 * chat template), E_FULL (the queue, or a prompt that the cache alone cannot hold), E_NOMEM.
 * Threads: any, many at once. */
INGOT_API INGOT_MUST_USE ingot_status ingot_generator_submit(ingot_generation **out,
                                                             ingot_generator *g,
                                                             const ingot_request *request,
                                                             ingot_error *err);
/* ingot_generation_wait - until it has ended. Returns INGOT_OK however it ended, except for
 * FINISH_ERROR, whose status and error it gives; *out (may be NULL) is filled in any case. */
INGOT_API INGOT_MUST_USE ingot_status ingot_generation_wait(ingot_result *out, ingot_generation *t,
                                                            ingot_error *err);
/* ingot_generation_cancel - it ends soon, in the middle of a step if no other request is in it.
 * Threads: any; signal handlers too. */
INGOT_API void ingot_generation_cancel(ingot_generation *t);
/* ingot_generation_close - cancels it where it is on its way, waits for its end, frees it. */
INGOT_API void ingot_generation_close(ingot_generation **t);

/* What a generator is and does. */
typedef struct {
    size_t context, vocab;           /* tokens of one request at most; ids */
    size_t page_bytes, pages;        /* of the cache */
    size_t pages_used, pages_cached; /* in requests; in none but findable */
    ingot_kv_type kv_type;
    const char *device;      /* "cpu", "cuda:0": where it computes now; a static text, or the
                                generator's */
    size_t running, waiting; /* requests */
    uint64_t steps, prompt_tokens, cached_tokens, answer_tokens, drafted, accepted, preempted;
} ingot_generator_info;
INGOT_API void ingot_generator_get_info(ingot_generator_info *out, ingot_generator *g);

/* ingot_generator_save - write a text's keys and values to a file, so that another process goes on
 * where this one ended. n ids [n] of prompt and answer; what is not in the cache any more is
 * computed. ingot_generator_restore - the text of such a file; a request that begins with it finds
 * it in the cache. *ids [*n] belongs to the generator until the next restore or its end. Errors:
 * E_IO, E_FORMAT (not such a file, damaged), E_ARG (of another model or other pages), E_FULL,
 * E_NOMEM. Threads: any. */
INGOT_API INGOT_MUST_USE ingot_status ingot_generator_save(ingot_generator *g, const char *path,
                                                           const int32_t *ids, size_t n,
                                                           ingot_error *err);
INGOT_API INGOT_MUST_USE ingot_status ingot_generator_restore(const int32_t **ids, size_t *n,
                                                              ingot_generator *g, const char *path,
                                                              ingot_error *err);

/* ---- embeddings and ranking ------------------------------------------------------------------
 *
 *     ingot_embedder *e;
 *     float v[2 * 384];
 *     const ingot_str texts[] = {{"a red bicycle", 13}, {"un v\303\251lo rouge", 14}};
 *     if (ingot_embedder_open(&e, model, NULL, &err) ||
 *         ingot_embedder_embed(v, NULL, e, texts, 2, &err))
 *         return puts(err.text), 1;
 *
 * An embedder runs a text encoder (BERT, MiniLM, BGE, E5, MPNet, ModernBERT ..; also an ONNX export
 * with inputs input_ids, attention_mask and token_type_ids) with the tokenizer of its file. Texts
 * of like length are computed together; what a text gives is on the CPU bitwise the same
 * alone and among others. */

typedef struct ingot_embedder ingot_embedder;

typedef enum {
    INGOT_POOLING_AUTO, /* as the model's makers say; where they do not, the mean */
    INGOT_POOLING_MEAN, /* of all tokens */
    INGOT_POOLING_CLS,  /* the first token */
    INGOT_POOLING_LAST
} ingot_pooling;

typedef struct {
    size_t size;         /* sizeof(ingot_embedder_options) */
    size_t max_tokens;   /* of a text, special ones included; 0: what the model takes, or 512 where
                            its file does not say */
    size_t batch_tokens; /* computed together, padding included; 0: 8192 */
    ingot_pooling pooling;
    bool not_normalized; /* embeddings keep their length; else it is 1, unless the model's makers
                            leave it */
    bool fast_math;      /* as a session's, like the next three */
    const char *device;
    size_t device_bytes;
    double device_fraction;
} ingot_embedder_options;

/* ingot_embedder_open - the model stays open until the embedder is closed. Errors: E_UNSUPPORTED
 * (the model is no encoder or holds no tokenizer), E_ARG (an option), E_DEVICE (no such device),
 * E_NOMEM.
 * Threads: one call at a time per embedder; embedders of one model run in parallel. */
INGOT_API INGOT_MUST_USE ingot_status ingot_embedder_open(ingot_embedder **out, ingot_model *model,
                                                          const ingot_embedder_options *options,
                                                          ingot_error *err);
INGOT_API void ingot_embedder_close(ingot_embedder **e);

typedef struct {
    size_t width;   /* of an embedding; 0: the model classifies */
    size_t classes; /* of a classifier; 0: the model embeds */
    size_t max_tokens;
    ingot_pooling pooling;
    bool normalized;
    const char *device; /* as of ingot_session_device: "cpu", "cuda:0" */
} ingot_embedder_info;
INGOT_API void ingot_embedder_get_info(ingot_embedder_info *out, const ingot_embedder *e);

/* ingot_embedder_embed - out [n, width] from texts [n], UTF-8. cut [n] or NULL: how many tokens of
 * each text had no room, from its end. Errors: E_UNSUPPORTED (the model classifies), E_DATA (a text
 * that is not UTF-8 or gives no tokens: says which), E_NOMEM. */
INGOT_API INGOT_MUST_USE ingot_status ingot_embedder_embed(float *out, size_t *cut,
                                                           ingot_embedder *e,
                                                           const ingot_str *texts, size_t n,
                                                           ingot_error *err);

/* ingot_embedder_rank - how well each of documents [n] answers the query: scores [n], higher is
 * better. That is the logit of a cross-encoder with one class; of two, the second one's less the
 * first one's. cut as above, of query and document together. Errors: as above; E_UNSUPPORTED (the
 * model gives embeddings, or has more classes), E_ARG (its tokenizer has no template for pairs). */
INGOT_API INGOT_MUST_USE ingot_status ingot_embedder_rank(float *scores, size_t *cut,
                                                          ingot_embedder *e, ingot_str query,
                                                          const ingot_str *documents, size_t n,
                                                          ingot_error *err);

#ifdef __cplusplus
}
#endif
#endif
