/* gpu_nccl.c - devices meet through NCCL, which is looked for when several are used; see gpu.h. The
 * names and numbers are those of NCCL 2's interface (docs.nvidia.com/deeplearning/nccl).
 *
 * Breaking is ncclCommAbort, which ends the kernels that wait for other devices, and then frees the
 * communicator once no recording has work of it any more. Recordings are closed by the very threads
 * that wait, so a thread of its own aborts each end, and closing the ends waits for it. */
#include "runtime/device/cuda/gpu.h"
#include "runtime/base/library.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NCCL_FLOAT32 = 7, NCCL_SUM = 0, NCCL_REMOTE_ERROR = 6 };
enum { PATIENCE_S = 2 /* of who aborts, with a call that is under way */ };

static struct {
    int (*init_all)(void **comms, int n, const int *devices);
    int (*all_reduce)(const void *from, void *to, size_t n, int type, int op, void *comm,
                      cudaStream_t stream);
    int (*group_start)(void);
    int (*group_end)(void);
    int (*destroy)(void *comm);
    int (*abort)(void *comm);
    const char *(*text)(int result);
    const char *(*last)(void *comm); /* NULL before 2.13 */
} nccl;

static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct gpu_comm_st {
    void *comm;
    int ordinal;
    pthread_mutex_t lock; /* held while the library is given work */
    atomic_bool broken;
    pthread_t breaker;
    bool has_breaker; /* written by who broke it, read when all are done */
};

static void look(void)
{
    static const char *const files[] = {"libnccl.so.2", "libnccl.so"};
    void *library = ig_library_open(files, 2);
    missing = "libnccl.so.2 is not installed (package libnccl2)";
    if (!library) return;
    ig_library_find(library, "ncclCommInitAll", &nccl.init_all);
    ig_library_find(library, "ncclAllReduce", &nccl.all_reduce);
    ig_library_find(library, "ncclGroupStart", &nccl.group_start);
    ig_library_find(library, "ncclGroupEnd", &nccl.group_end);
    ig_library_find(library, "ncclCommDestroy", &nccl.destroy);
    ig_library_find(library, "ncclCommAbort", &nccl.abort);
    ig_library_find(library, "ncclGetErrorString", &nccl.text);
    ig_library_find(library, "ncclGetLastError", &nccl.last);
    const bool has_all = nccl.init_all && nccl.all_reduce && nccl.group_start && nccl.group_end &&
                         nccl.destroy && nccl.abort && nccl.text;
    missing = has_all ? NULL : "libnccl.so.2 lacks functions of NCCL 2";
}

const char *gpu_comm_missing(void)
{
    pthread_once(&once, look);
    return missing;
}

/* A failure of the runtime beneath it, or one of its own. */
static int told(int result)
{
    if (!result) return 0;
    const cudaError_t e = cudaGetLastError();
    return e == cudaSuccess ? GPU_E_COMM + result : (int)e;
}

const char *gpu_comm_text(int error)
{
    static _Thread_local char text[256];
    const char *last = nccl.last ? nccl.last(NULL) : "";
    snprintf(text, sizeof text, "NCCL: %.80s%s%.160s", nccl.text(error - GPU_E_COMM),
             last && *last ? ": " : "", last ? last : "");
    return text;
}

/* ---- ends ---- */

static gpu_comm make(void *comm, int ordinal)
{
    gpu_comm c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->comm = comm;
    c->ordinal = ordinal;
    atomic_init(&c->broken, false);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

/* The first sum of each end connects it, and waits for the others while it does: here, where one
 * thread does it for all of them, and nobody can have failed. */
static int connect_all(const gpu_comm *ends, const cu_stream *streams, void *const *room, size_t n)
{
    int e = nccl.group_start();
    if (e) return told(e);
    for (size_t i = 0; i < n && !e; i++)
        e = nccl.all_reduce(room[i], room[i], 1, NCCL_FLOAT32, NCCL_SUM, ends[i]->comm,
                            (cudaStream_t)streams[i]);
    const int ended = nccl.group_end();
    return told(e ? e : ended);
}

int gpu_comms_open(gpu_comm *out, const int *ordinals, const cu_stream *streams, void *const *room,
                   size_t n)
{
    void **comms = calloc(n, sizeof *comms);
    int e = comms ? told(nccl.init_all(comms, (int)n, ordinals)) : (int)GPU_E_MEMORY;
    const bool there = !e;
    for (size_t i = 0; i < n; i++) {
        out[i] = there ? make(comms[i], ordinals[i]) : NULL;
        if (there && !out[i]) e = GPU_E_MEMORY;
    }
    if (!e) e = connect_all(out, streams, room, n);
    for (size_t i = 0; e && i < n; i++) {
        if (there) (void)nccl.abort(comms[i]);
        free(out[i]);
    }
    free(comms);
    return e;
}

void gpu_comms_close(gpu_comm *comms, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (comms[i]->has_breaker) (void)pthread_join(comms[i]->breaker, NULL);
        if (!atomic_load(&comms[i]->broken)) (void)nccl.destroy(comms[i]->comm);
        pthread_mutex_destroy(&comms[i]->lock);
        free(comms[i]);
    }
}

int gpu_comm_sum(gpu_comm c, cu_stream s, float *v, size_t n)
{
    pthread_mutex_lock(&c->lock);
    const int e =
        atomic_load(&c->broken)
            ? GPU_E_COMM + NCCL_REMOTE_ERROR
            : told(nccl.all_reduce(v, v, n, NCCL_FLOAT32, NCCL_SUM, c->comm, (cudaStream_t)s));
    pthread_mutex_unlock(&c->lock);
    return e;
}

/* Who is in the library is let out first: it uses what the abort frees. Whoever does not come out
 * is stuck behind the very kernels that the abort ends. */
static void *abort_one(void *arg)
{
    gpu_comm c = arg;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    const bool locked = !pthread_mutex_timedlock(&c->lock, &until);
    (void)gpu_use(c->ordinal);
    (void)told(nccl.abort(c->comm));
    if (locked) pthread_mutex_unlock(&c->lock);
    return NULL;
}

void gpu_comm_break(gpu_comm c)
{
    if (atomic_exchange(&c->broken, true)) return;
    c->has_breaker = !pthread_create(&c->breaker, NULL, abort_one, c);
    if (!c->has_breaker) (void)abort_one(c);
}
