/* gpu_cuda.c - the thin layer over the CUDA runtime library; see gpu.h.
 *
 * Streams do not synchronise with the default stream, events but clocks keep no time, captures see
 * only the calling thread. A failed call leaves the runtime's last error, which later launches
 * would report as theirs: it is taken away at once. */
#include "runtime/device/cuda/gpu.h"
#include "runtime/device/cuda/conv_cudnn.h"

#include <cuda_runtime_api.h>
#include <stdio.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char gpu_build[] = "CUDA runtime " TEXT(CUDART_VERSION);
const bool gpu_emulated = false;

static int told(cudaError_t e)
{
    if (e != cudaSuccess) (void)cudaGetLastError();
    return (int)e;
}

const char *gpu_text(int error)
{
    if (error >= GPU_E_CUDNN) return ig_cudnn()->text(error - GPU_E_CUDNN);
    return error >= GPU_E_COMM ? gpu_comm_text(error) : cudaGetErrorString((cudaError_t)error);
}

/* ---- devices ---- */

void gpu_versions(int *driver, int *runtime)
{
    *driver = *runtime = 0;
    (void)told(cudaDriverGetVersion(driver));
    (void)told(cudaRuntimeGetVersion(runtime));
}

int gpu_count(int *n)
{
    *n = 0;
    return told(cudaGetDeviceCount(n));
}

int gpu_describe(int ordinal, gpu_info *info)
{
    struct cudaDeviceProp p;
    int e = told(cudaGetDeviceProperties(&p, ordinal));
    if (e) return e;
    snprintf(info->name, sizeof info->name, "%.95s", p.name);
    info->cc = 10 * p.major + p.minor;
    info->processors = p.multiProcessorCount;
    info->l2_bytes = (size_t)p.l2CacheSize;
    e = gpu_use(ordinal);
    return e ? e : told(cudaMemGetInfo(&info->free_bytes, &info->total_bytes));
}

/* An error that others have left in this thread would look like the next launch's. */
int gpu_use(int ordinal)
{
    (void)cudaGetLastError();
    return told(cudaSetDevice(ordinal));
}

int gpu_reset(int ordinal)
{
    int now = -1;
    const int e = gpu_use(ordinal); /* may tell the very error that the reset takes away */
    (void)told(cudaGetDevice(&now));
    return now == ordinal ? told(cudaDeviceReset()) : e ? e : GPU_E_LOST;
}

/* ---- memory ---- */

int gpu_take(void **out, size_t bytes) { return told(cudaMalloc(out, bytes)); }

void gpu_give(void *p) { (void)told(cudaFree(p)); }

int gpu_take_pinned(void **out, size_t bytes) { return told(cudaMallocHost(out, bytes)); }

void gpu_give_pinned(void *p) { (void)told(cudaFreeHost(p)); }

/* ---- work in order ---- */

int gpu_stream_open(cu_stream *out)
{
    return told(cudaStreamCreateWithFlags((cudaStream_t *)out, cudaStreamNonBlocking));
}

void gpu_stream_close(cu_stream s) { (void)told(cudaStreamDestroy((cudaStream_t)s)); }

int gpu_stream_wait(cu_stream s) { return told(cudaStreamSynchronize((cudaStream_t)s)); }

int gpu_copy(cu_stream s, void *to, const void *from, size_t bytes, gpu_way way)
{
    static const enum cudaMemcpyKind kinds[] = {[GPU_UP] = cudaMemcpyHostToDevice,
                                                [GPU_DOWN] = cudaMemcpyDeviceToHost,
                                                [GPU_WITHIN] = cudaMemcpyDeviceToDevice};
    return told(cudaMemcpyAsync(to, from, bytes, kinds[way], (cudaStream_t)s));
}

int gpu_copy_rows(cu_stream s, void *to, size_t to_pitch, const void *from, size_t from_pitch,
                  size_t bytes, size_t rows)
{
    return told(cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, bytes, rows,
                                  cudaMemcpyDeviceToDevice, (cudaStream_t)s));
}

int gpu_clear(cu_stream s, void *p, size_t bytes)
{
    return told(cudaMemsetAsync(p, 0, bytes, (cudaStream_t)s));
}

int gpu_event_open(gpu_event *out)
{
    return told(cudaEventCreateWithFlags((cudaEvent_t *)out, cudaEventDisableTiming));
}

void gpu_event_close(gpu_event e) { (void)told(cudaEventDestroy((cudaEvent_t)e)); }

int gpu_event_record(gpu_event e, cu_stream s)
{
    return told(cudaEventRecord((cudaEvent_t)e, (cudaStream_t)s));
}

int gpu_event_wait(gpu_event e) { return told(cudaEventSynchronize((cudaEvent_t)e)); }

int gpu_event_ask(gpu_event e) { return told(cudaEventQuery((cudaEvent_t)e)); }

int gpu_stream_after(cu_stream s, gpu_event e)
{
    return told(cudaStreamWaitEvent((cudaStream_t)s, (cudaEvent_t)e, 0));
}

int gpu_clock_open(gpu_event *out)
{
    return told(cudaEventCreateWithFlags((cudaEvent_t *)out, cudaEventDefault));
}

int gpu_event_between(float *ms, gpu_event from, gpu_event to)
{
    return told(cudaEventElapsedTime(ms, (cudaEvent_t)from, (cudaEvent_t)to));
}

/* ---- recording ---- */

int gpu_record_begin(cu_stream s)
{
    return told(cudaStreamBeginCapture((cudaStream_t)s, cudaStreamCaptureModeThreadLocal));
}

int gpu_record_end(cu_stream s, gpu_graph *out)
{
    cudaGraph_t graph = NULL;
    *out = NULL;
    int e = told(cudaStreamEndCapture((cudaStream_t)s, &graph));
    if (!e) e = told(cudaGraphInstantiateWithFlags((cudaGraphExec_t *)out, graph, 0));
    if (graph) (void)told(cudaGraphDestroy(graph));
    return e;
}

int gpu_graph_replay(gpu_graph g, cu_stream s)
{
    return told(cudaGraphLaunch((cudaGraphExec_t)g, (cudaStream_t)s));
}

void gpu_graph_close(gpu_graph g) { (void)told(cudaGraphExecDestroy((cudaGraphExec_t)g)); }
