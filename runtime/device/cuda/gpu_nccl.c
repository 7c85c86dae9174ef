/* gpu_nccl.c - devices meet through NCCL, which is looked for when several are used; see gpu.h. The
 * names and numbers are those of NCCL 2's interface (docs.nvidia.com/deeplearning/nccl). */
#include "runtime/device/cuda/gpu.h"
#include "runtime/base/library.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdlib.h>

enum { NCCL_FLOAT32 = 7, NCCL_SUM = 0, NCCL_CUDA_ERROR = 1 };

static struct {
    int (*init_all)(void **comms, int n, const int *devices);
    int (*all_reduce)(const void *from, void *to, size_t n, int type, int op, void *comm,
                      cudaStream_t stream);
    int (*destroy)(void *comm);
    int (*abort)(void *comm);
} nccl;

static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct gpu_comm_st {
    void *comm;
    int ordinal;
    bool broken;
};

static void look(void)
{
    static const char *const files[] = {"libnccl.so.2", "libnccl.so"};
    void *library = ig_library_open(files, 2);
    missing = "libnccl.so.2 is not installed (package libnccl2)";
    if (!library) return;
    ig_library_find(library, "ncclCommInitAll", &nccl.init_all);
    ig_library_find(library, "ncclAllReduce", &nccl.all_reduce);
    ig_library_find(library, "ncclCommDestroy", &nccl.destroy);
    ig_library_find(library, "ncclCommAbort", &nccl.abort);
    const bool all = nccl.init_all && nccl.all_reduce && nccl.destroy && nccl.abort;
    missing = all ? NULL : "libnccl.so.2 lacks functions of NCCL 2";
}

const char *gpu_comm_missing(void)
{
    pthread_once(&once, look);
    return missing;
}

/* As an error of the runtime: the last one where there is one. */
static int told(int result)
{
    if (!result) return 0;
    const cudaError_t e = cudaGetLastError();
    return result == NCCL_CUDA_ERROR && e != cudaSuccess ? (int)e : (int)cudaErrorUnknown;
}

int gpu_comms_open(gpu_comm *out, const int *ordinals, size_t n)
{
    void **comms = calloc(n, sizeof *comms);
    int e = comms ? told(nccl.init_all(comms, (int)n, ordinals)) : (int)GPU_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        out[i] = e ? NULL : calloc(1, sizeof *out[i]);
        if (!e && !out[i]) e = GPU_E_MEMORY;
        if (out[i]) *out[i] = (struct gpu_comm_st){.comm = comms[i], .ordinal = ordinals[i]};
    }
    if (e) {
        for (size_t i = 0; comms && i < n; i++) {
            if (comms[i]) (void)nccl.destroy(comms[i]);
            free(out[i]);
        }
    }
    free(comms);
    return e;
}

void gpu_comms_close(gpu_comm *comms, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!comms[i]->broken) (void)nccl.destroy(comms[i]->comm);
        free(comms[i]);
    }
}

int gpu_comm_sum(gpu_comm c, cu_stream s, float *v, size_t n)
{
    if (c->broken) return GPU_E_LOST;
    return told(nccl.all_reduce(v, v, n, NCCL_FLOAT32, NCCL_SUM, c->comm, (cudaStream_t)s));
}

void gpu_comm_break(gpu_comm c)
{
    if (!c->broken) (void)nccl.abort(c->comm);
    c->broken = true;
}
