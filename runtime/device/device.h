/* device.h - an accelerator that runs steps of a plan: what the executor sees of it.
 *
 * The core knows devices only through this table, which a plugin fills that is opened at run time
 * (plugin.h): the core is built and runs without any vendor's headers, driver or hardware. A device
 * is offered every step whose sizes are known; what it declines runs on the CPU, and the executor
 * copies values at the border. Work on a stream is asynchronous and in order.
 *
 * Threads: a device may be used by any number of threads at once, a stream by one at a time.
 * Errors: INGOT_E_NOMEM where the device's memory or budget is full: nothing is lost, a caller may
 * free and try again. INGOT_E_DATA where a step refused data that only the device has seen, such as
 * an index outside its dimension: `wait` tells, with the CPU's message; nothing is lost, what the
 * step made means nothing. INGOT_E_DEVICE where the device failed: when it is lost (see `lost`) it
 * stays dead, every later call gives the same status at once, and the owner falls back to the CPU;
 * else it refused that one call and goes on.
 * Every message says what was asked and what would mend it. */
#ifndef IG_DEVICE_H
#define IG_DEVICE_H

#include "kernels/sample/draw.h"
#include "runtime/base/alloc.h"
#include "runtime/base/log.h"
#include "runtime/graph/ir.h"
#include "runtime/graph/kv_step.h"

enum { IG_DEVICE_ABI = 2 }; /* of this header; the plugin's must be the same */

typedef struct ig_device ig_device;
typedef struct ig_device_stream ig_device_stream;
typedef struct ig_device_graph ig_device_graph;

typedef struct {
    char name[96];
    int ordinal, cc_major, cc_minor, processors; /* multiprocessors */
    int driver, runtime;                         /* 1000 * major + 10 * minor; driver 0: none */
    size_t total_bytes, free_bytes;
    bool emulated; /* its kernels run on the CPU: for tests */
} ig_device_info;

typedef struct {
    size_t budget_bytes;    /* of all memory that is taken; 0: */
    double budget_fraction; /* of what is free, up to 1; 0: 0.9, and some more on small devices */
    const ig_log *log;      /* may be NULL; used while it is opened */
} ig_device_options;

typedef enum {
    IG_DEVICE_WEIGHTS,
    IG_DEVICE_WORK, /* activations and scratch */
    IG_DEVICE_KV,
    IG_DEVICE_USES
} ig_device_use;

typedef struct {
    size_t budget_bytes, used_bytes[IG_DEVICE_USES], peak_bytes;
    uint64_t allocations; /* ever: constant once warm */
} ig_device_memory;

/* ---- a step, offered when a plan is made: all sizes of its inputs are known ----
 * Outputs may have open dimensions, which only the data tell: all of them are one number. */
typedef struct ig_device_bind {
    const ig_node *node;
    const ig_type *const *in; /* [n_in], NULL: omitted */
    const ig_tensor *const
        *known;                /* [n_in] host content of constants, laid out as in_layout says */
    const ig_type *const *out; /* [n_out], NULL: omitted */
    const ig_layout *in_layout;
    const ig_log *log; /* may be NULL; until bind returns */
    bool fast;         /* math=fast: f32 products may round their operands to bf16 */
    ig_arena *arena;   /* host memory for state; lives as long as the plan */
    ingot_error *err;
    /* results */
    bool declined;   /* the device does not run it (bind returns INGOT_OK) */
    const char *why; /* declined: in a few words, static, for people */
    void *state;
    size_t scratch_bytes; /* of device memory, 256-byte aligned */
    const char *kernel;   /* for people */
    uint64_t host_in;     /* bit i: launch reads input i from host memory; it is no constant */
    bool in_place;        /* output 0 may have the memory of input 0, which it then replaces */
    uint64_t taken;       /* bit i: launch does not read input i: bind keeps it on the device in a
                             form of its own, or only its type counted */
    int64_t most;         /* with open dimensions: the number is this at most */
} ig_device_bind;

typedef struct ig_device_run {
    const ig_node *node;
    struct ig_comm *comm; /* of a rank's share (runtime/graph/comm.h): its calls take device memory
                             of the stream, in order with it; NULL: there are no ranks */
    void *state;
    const void *const *in; /* [n_in] device memory; host memory where host_in says so */
    void *const *out;      /* [n_out] device memory */
    void *scratch;
    int64_t *count; /* device memory, where launch leaves the number of the open dimensions; outputs
                       have room for the most there can be. NULL: there are none */
    ingot_error *err;
} ig_device_run;

typedef enum { IG_TO_DEVICE, IG_TO_HOST, IG_ON_DEVICE } ig_device_way;

/* What a plugin exports: `const ig_device_api *ingot_cuda_plugin_v1(void)`. */
typedef struct ig_device_api {
    uint32_t abi, bytes;         /* IG_DEVICE_ABI, sizeof(ig_device_api) */
    const char *build;           /* for people: toolkit, architectures */
    const char *(*op)(size_t i); /* the ops that it has, by number; NULL: no more */

    /* How many devices there are; 0 with a message in err that says why: no driver, a driver too
     * old for the toolkit, no device. Never an error of the program. */
    int (*count)(ingot_error *err);
    ingot_status (*probe)(int ordinal, ig_device_info *info, ingot_error *err);
    /* A process has one of each device: opened again, it is the same, with one budget and one copy
     * of its constants, and closed as often as it was opened; what an opener took is given back
     * before it closes. A lost one is reset by the last close, and can be opened again then.
     * Errors: E_ARG: a budget that is larger than the memory, or another than the device has. */
    ingot_status (*open)(ig_device **out, int ordinal, const ig_device_options *options,
                         ingot_error *err);
    void (*close)(ig_device **device);
    bool (*lost)(const ig_device *device);
    void (*memory)(const ig_device *device, ig_device_memory *out);

    /* Device memory, 256-byte aligned, counted against the budget. Pinned host memory: staging that
     * copies overlap with; counted nowhere. All that uses memory, a constant or a bound step has
     * been waited for before it is given back. */
    ingot_status (*take)(ig_device *device, void **out, size_t bytes, ig_device_use use,
                         ingot_error *err);
    void (*give)(ig_device *device, void *p);
    ingot_status (*take_pinned)(ig_device *device, void **out, size_t bytes, ingot_error *err);
    void (*give_pinned)(ig_device *device, void *p);

    ingot_status (*stream_open)(ig_device_stream **out, ig_device *device, ingot_error *err);
    void (*stream_close)(ig_device_stream **stream);
    /* Asynchronous. Host memory that is not pinned is staged: it may be changed or freed after an
     * IG_TO_DEVICE returned, and is filled by an IG_TO_HOST only when `wait` returned. */
    ingot_status (*copy)(ig_device_stream *stream, void *to, const void *from, size_t bytes,
                         ig_device_way way, ingot_error *err);
    ingot_status (*wait)(ig_device_stream *stream, ingot_error *err);

    /* A constant in device memory as it is (plain layout), shared by all plans of the process that
     * name the same host bytes; its upload overlaps with work that does not need it. Given back
     * with give_constant. */
    ingot_status (*constant)(ig_device *device, const void *host, size_t bytes, void **out,
                             ingot_error *err);
    void (*give_constant)(ig_device *device, void *p);

    ingot_status (*bind)(ig_device *device, ig_device_bind *b);
    ingot_status (*launch)(ig_device_stream *stream, const ig_device_run *r);
    void (*unbind)(ig_device *device, const ig_node *node, void *state);

    /* NULL where the device keeps no cache.
     * The cache of the next launches: its tables go to fixed device memory in order with the
     * stream's work (before replay, too). kv->base is device memory. NULL: none. *form: a recording
     * serves all steps of the form that it was made under; of forms that agree but for the two last
     * bits only the latest are made again. */
    ingot_status (*kv)(ig_device_stream *stream, const ig_kv_step *kv, uint64_t *form,
                       ingot_error *err);

    /* Tokens drawn from rows of logits, asynchronous and in order; all pointers are the device's.
     */
    ingot_status (*draw)(ig_device_stream *stream, const ig_draw_args *a, ingot_error *err);

    /* Recording: launches between begin and end are kept instead of run; replay runs them with one
     * call. A launch's addresses are those of its recording. */
    ingot_status (*record_begin)(ig_device_stream *stream, ingot_error *err);
    ingot_status (*record_end)(ig_device_stream *stream, ig_device_graph **out, ingot_error *err);
    ingot_status (*replay)(ig_device_stream *stream, ig_device_graph *graph, ingot_error *err);
    void (*graph_close)(ig_device_graph **graph);

    /* Ends of a communicator among n devices, [n], one for the work of each stream. E_UNSUPPORTED:
     * no library by which devices meet (NCCL). `leave` of one breaks it: later waits for the
     * streams give E_DEVICE. Closed together, before the streams. */
    ingot_status (*comms_open)(struct ig_comm **out, ig_device_stream *const *streams, size_t n,
                               ingot_error *err);
    void (*comms_close)(struct ig_comm **comms, size_t n);
} ig_device_api;

#endif
