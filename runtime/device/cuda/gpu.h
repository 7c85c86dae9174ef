/* gpu.h - what the plugin needs of the CUDA runtime, and no more.
 *
 * It is implemented twice: gpu_cuda.c over the runtime library, and gpu_emu.cpp over host memory
 * and the emulator, with faults on demand. All other files of the plugin are the same in both
 * builds. Functions return 0 or one of the CUDA runtime's error numbers, which gpu_kind_of sorts; a
 * failed call leaves nothing behind that a later one would report as its own.
 *
 * Threads: any; the device of gpu_use is the calling thread's. */
#ifndef IG_GPU_H
#define IG_GPU_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { GPU_UP, GPU_DOWN, GPU_WITHIN } gpu_way; /* to the device, to the host */

typedef struct {
    char name[96];
    int cc, processors; /* cc: 10 * major + minor */
    size_t total_bytes, free_bytes, l2_bytes;
} gpu_info;

typedef struct gpu_event_st *gpu_event;
typedef struct gpu_graph_st *gpu_graph;

/* The numbers that tell something; they are the same in every release of the CUDA runtime. Those of
 * the libraries follow them, since one int has to carry all. */
enum {
    GPU_E_ARG = 1,
    GPU_E_MEMORY = 2,
    GPU_E_STUB = 34,
    GPU_E_OLD_DRIVER = 35,
    GPU_E_NO_DEVICE = 100,
    GPU_E_LOST = 46,       /* busy or unavailable */
    GPU_E_LAUNCH = 719,    /* a kernel failed: the context is gone */
    GPU_E_NOT_READY = 600, /* what was asked for is not done yet */
    GPU_E_COMM = 1 << 20,  /* + a result of NCCL's */
    GPU_E_CUDNN = 1 << 21, /* + a status of cuDNN's */
};

typedef enum {
    GPU_FINE,
    GPU_FULL,      /* no memory: nothing is lost */
    GPU_NO_DRIVER, /* none, or too old for the runtime: gpu_versions tells which */
    GPU_NO_DEVICE, /* a driver that sees no device */
    GPU_LOST,      /* the context is gone, and with it all that is on the device */
    GPU_REFUSED    /* everything else: this call failed, the context goes on */
} gpu_kind;

gpu_kind gpu_kind_of(int error);
const char *gpu_text(
    int error); /* "out of memory"; never NULL, good until the thread's next call */

/* ---- devices ---- */
extern const char gpu_build[]; /* "CUDA 13.0" or "emulator" */
extern const bool gpu_emulated;

void gpu_versions(int *driver, int *runtime); /* 1000 * major + 10 * minor; driver 0: none */
int gpu_count(int *n);
int gpu_describe(int ordinal, gpu_info *info);
int gpu_use(int ordinal);   /* by the calling thread from now on; makes the context; takes away an
                               error   that others have left in the thread */
int gpu_reset(int ordinal); /* destroys the context, and with it whatever error it had and all that
                               anybody in the process has on the device */

/* ---- memory ---- */
int gpu_take(void **out, size_t bytes);
void gpu_give(void *p);
int gpu_take_pinned(void **out, size_t bytes);
void gpu_give_pinned(void *p);

/* ---- work in order ---- */
int gpu_stream_open(cu_stream *out);
void gpu_stream_close(cu_stream s);
int gpu_stream_wait(cu_stream s);
int gpu_copy(cu_stream s, void *to, const void *from, size_t bytes, gpu_way way);
/* Within the device: rows of `bytes`, which lie that far apart on either side. */
int gpu_copy_rows(cu_stream s, void *to, size_t to_pitch, const void *from, size_t from_pitch,
                  size_t bytes, size_t rows);
int gpu_clear(cu_stream s, void *p, size_t bytes); /* to zero */

int gpu_event_open(gpu_event *out);
void gpu_event_close(gpu_event e);
int gpu_event_record(gpu_event e, cu_stream s);
int gpu_event_wait(gpu_event e);                /* by the host */
int gpu_event_ask(gpu_event e);                 /* GPU_E_NOT_READY: what it stands behind goes on */
int gpu_stream_after(cu_stream s, gpu_event e); /* later work of s waits for e */

/* Events that keep the time: milliseconds between two that have come. */
int gpu_clock_open(gpu_event *out);
int gpu_event_between(float *ms, gpu_event from, gpu_event to);

/* ---- recording: work given to s between begin and end is kept, not done ---- */
int gpu_record_begin(cu_stream s);
int gpu_record_end(cu_stream s, gpu_graph *out);
int gpu_graph_replay(gpu_graph g, cu_stream s);
void gpu_graph_close(gpu_graph g);

/* ---- several devices (gpu_nccl.c, gpu_emu_comm.cpp) ----
 * Ends of a communicator, one a device. A sum is work of its stream; all ends must be given the
 * same calls. After gpu_comm_break nobody waits for anybody, and results mean nothing: any thread
 * may break any end, whatever the others do, and more than once. */
typedef struct gpu_comm_st *gpu_comm;

const char *gpu_comm_missing(void);   /* NULL, or why devices cannot meet */
const char *gpu_comm_text(int error); /* of an error from GPU_E_COMM on */
/* room [n]: a number on each device, which work of the streams [n] uses for a while. */
int gpu_comms_open(gpu_comm *out, const int *ordinals, const cu_stream *streams, void *const *room,
                   size_t n);
void gpu_comms_close(gpu_comm *comms, size_t n); /* recordings with sums in them are closed */
int gpu_comm_sum(gpu_comm c, cu_stream s, float *v, size_t n);
void gpu_comm_break(gpu_comm c);

#ifdef __cplusplus
}
#endif

#endif
