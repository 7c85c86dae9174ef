/* inside.h - the plugin's own objects: what its files share, and ops do not see.
 *
 * Locks: one of all devices (device.c), taken first, guards which are open; `lock` of a device its
 * pool, its constants, the stream that uploads them and the list of pinned memory; `why_lock`,
 * taken last, how it was lost. A stream has its own staging memory and needs none. `lock` of tune
 * is taken before that of the device, and held over a trial. */
#ifndef IG_CU_INSIDE_H
#define IG_CU_INSIDE_H

#include "runtime/device/cuda/gpu.h"
#include "runtime/device/cuda/op.h"

#include <pthread.h>

/* ---- staging (staging.c): pinned memory that copies to and from the host pass through ---- */
enum { STAGING_SLOTS = 4 };

typedef struct {
    unsigned char *pinned; /* NULL: not needed yet */
    gpu_event done;        /* of the slot's latest copy */
    bool busy;
    void *to; /* where the host wants what was copied from the device; NULL: a copy to the device */
    size_t bytes;
} staging_slot;

typedef struct {
    staging_slot slots[STAGING_SLOTS];
    size_t slot_bytes;
    unsigned next;
} staging;

void staging_close(staging *st);
/* One direction, in order with s; the host's end of GPU_DOWN is filled by staging_finish. */
ingot_status staging_copy(ig_device *d, staging *st, cu_stream s, void *to, const void *from,
                          size_t bytes, gpu_way way, ingot_error *err);
ingot_status staging_finish(ig_device *d, staging *st, ingot_error *err);

/* ---- memory (memory.c) ---- */
typedef struct slab slab;
enum { POOL_EVENTS = 8 };
typedef struct {
    slab *slabs;
    size_t n_leaving, n_events; /* pieces that were given back in order; events kept for others */
    gpu_event events[POOL_EVENTS];
    ig_device_memory counts; /* used_bytes: of what was taken */
    size_t held_bytes;       /* of all slabs: what the budget bounds */
} pool;

ingot_status pool_take(ig_device *d, void **out, size_t bytes, ig_device_use use, ingot_error *err);
void pool_give(ig_device *d, void *p);
/* What stream_leave was given and is not used any more is free. */
void pool_collect(ig_device *d);
void pool_close(ig_device *d);

/* ---- constants (constants.c) ---- */
typedef struct constant constant;

typedef struct {
    constant *first;
    cu_stream stream; /* uploads, in order; they are counted from 1 */
    staging staging;
    void *passage; /* device memory that weights pass on their way into a form; NULL: none now */
    size_t passage_bytes;
    gpu_event latest;           /* of all uploads so far */
    atomic_uint_fast64_t begun; /* uploads ever */
    atomic_size_t waiting;      /* constants that nothing was launched on yet */
} constants;

ingot_status constants_open(ig_device *d, ingot_error *err);
void constants_close(ig_device *d);
/* Gives the passage back, after all uploads (the lock is held); false: there is none. */
bool constants_release(ig_device *d);

/* ---- measured choices (tune.c, tune_file.c) ---- */
typedef enum { TUNE_OFF, TUNE_CACHED, TUNE_FULL } tune_mode;
typedef struct tuned tuned;
typedef struct {
    tune_mode mode;
    pthread_mutex_t lock; /* of all that follows */
    tuned *first;         /* choices of this device and build */
    char chip[256];       /* what lines of this device and build begin with */
    char path[1024];      /* of the file; "": there is none */
} tune;

ingot_status tune_open(ig_device *d, ingot_error *err);
void tune_file_close(ig_device *d);

/* ---- the device and its streams ---- */
struct ig_device {
    ig_device *next;
    size_t holds;  /* how often it is open; guarded by the lock of all devices */
    ig_heap *heap; /* of all devices */
    ig_device_info info;
    size_t wish_bytes; /* the budget as it was asked for */
    double wish_fraction;
    atomic_bool lost;
    char why[160]; /* lost: the first error; written before `lost` is set */
    pthread_mutex_t lock, why_lock;
    pool pool;
    constants constants;
    tune tune;
    struct pinned *pinned; /* what cu_take_pinned gave */
};

struct ig_device_stream {
    ig_device *device;
    cu_stream s;
    staging staging;
    uint64_t uploads_seen; /* work from now on comes after the first so many uploads */
    bool recording;
    atomic_bool parted; /* devices that shared its work have left each other; any thread sets it */
    cu_fault *fault;    /* pinned: what kernels of this stream refused (fault.c) */
    const struct bound *launching; /* the step that cu_launch is at */
    const struct cu_kv_tables *kv; /* of the next launches; NULL: none */
    struct kv_image *image;        /* where they lie (kv.c); NULL: there never were any */
};

/* A bound op: what an ig_device_bind's state points to. */
typedef struct bound {
    const ig_cu_op *op;
    const ig_node *node;
    void *state;
    uint64_t uploads; /* its packed constants are among the first so many */
} bound;

/* The log of who opens or binds in the calling thread just now, or NULL: devices outlive logs. */
const ig_log *device_log(void);
void device_log_use(const ig_log *log);
/* The calling thread works on d from now on. E_DEVICE: it is lost. */
ingot_status device_enter(ig_device *d, ingot_error *err);
/* error != 0 as a status; `what` could not be done: E_NOMEM, or E_DEVICE, where `lost` tells
 * whether the device is lost or goes on. */
ingot_status device_failed(ig_device *d, int error, const char *what, ingot_error *err);
ingot_status device_gone(const ig_device *d, ingot_error *err); /* E_DEVICE: it is lost */

/* The same of s's device; E_DEVICE too where others that share its work have left. */
ingot_status stream_enter(ig_device_stream *s, ingot_error *err);

/* Memory that cu_take gave is given back in order with s's work so far, which may still use it. */
void stream_leave(ig_device_stream *s, void *p);

#define CU_TRY(d, what, err, expression)                        \
    do {                                                        \
        const int cu_ = (expression);                           \
        if (cu_) return device_failed((d), cu_, (what), (err)); \
    } while (0)

/* ---- data that kernels refused (fault.c); open: gpu.h's error ---- */
int fault_open(ig_device_stream *s);
void fault_close(ig_device_stream *s);
ingot_status fault_check(ig_device_stream *s, ingot_error *err); /* what was waited for */

bool device_pinned(ig_device *d, const void *p, size_t bytes); /* within what cu_take_pinned gave */

/* The work of `s` from now on comes after the upload of the constants that b packed and of those
 * among in [n]; the latter begins now where it has not. */
ingot_status constants_before(ig_device_stream *s, const bound *b, const void *const *in, size_t n,
                              ingot_error *err);
/* ... of all constants, which all begin now. */
ingot_status constants_all(ig_device_stream *s, ingot_error *err);
/* s was waited for: where its work came after all uploads nothing is on its way any more. */
void constants_settle(ig_device_stream *s);

/* ---- the functions of the table ---- */
const char *cu_op_name(size_t i);
int cu_count(ingot_error *err);
ingot_status cu_probe(int ordinal, ig_device_info *info, ingot_error *err);
ingot_status cu_open(ig_device **out, int ordinal, const ig_device_options *o, ingot_error *err);
void cu_close(ig_device **device);
bool cu_lost(const ig_device *d);
void cu_memory(const ig_device *d, ig_device_memory *out);
ingot_status cu_take(ig_device *d, void **out, size_t bytes, ig_device_use use, ingot_error *err);
void cu_give(ig_device *d, void *p);
ingot_status cu_take_pinned(ig_device *d, void **out, size_t bytes, ingot_error *err);
void cu_give_pinned(ig_device *d, void *p);
ingot_status cu_stream_open(ig_device_stream **out, ig_device *d, ingot_error *err);
void cu_stream_close(ig_device_stream **stream);
ingot_status cu_copy(ig_device_stream *s, void *to, const void *from, size_t bytes,
                     ig_device_way way, ingot_error *err);
ingot_status cu_wait(ig_device_stream *s, ingot_error *err);
ingot_status cu_constant(ig_device *d, const void *host, size_t bytes, void **out,
                         ingot_error *err);
void cu_give_constant(ig_device *d, void *p);
ingot_status cu_bind(ig_device *d, ig_device_bind *b);
ingot_status cu_launch(ig_device_stream *s, const ig_device_run *r);
void cu_unbind(ig_device *d, const ig_node *node, void *state);
ingot_status cu_kv(ig_device_stream *s, const ig_kv_step *kv, uint64_t *form, ingot_error *err);
void kv_close(ig_device_stream *s);
ingot_status cu_draw(ig_device_stream *s, const ig_draw_args *a, ingot_error *err);
ingot_status cu_record_begin(ig_device_stream *s, ingot_error *err);
ingot_status cu_record_end(ig_device_stream *s, ig_device_graph **out, ingot_error *err);
ingot_status cu_replay(ig_device_stream *s, ig_device_graph *graph, ingot_error *err);
void cu_graph_close(ig_device_graph **graph);
ingot_status cu_comms_open(struct ig_comm **out, ig_device_stream *const *streams, size_t n,
                           ingot_error *err);
void cu_comms_close(struct ig_comm **comms, size_t n);

#endif
