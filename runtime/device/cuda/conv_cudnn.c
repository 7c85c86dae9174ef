/* conv_cudnn.c - see conv_cudnn.h. Built where cudnn.h is found; libcudnn.so.9 is opened at the
 * first convolution. One handle a device, guarded by one lock: starting a convolution is short.
 * Unproven on hardware. */
#include "runtime/device/cuda/conv_cudnn.h"

#ifndef INGOT_CUDNN
const ig_cudnn_api *ig_cudnn(void) { return NULL; }
#else

#    include "runtime/base/checked.h"
#    include "runtime/device/cuda/gpu.h"

#    include <cuda_runtime_api.h>
#    include <cudnn.h>
#    include <dlfcn.h>
#    include <pthread.h>
#    include <stdlib.h>

enum { DEVICES = 64, ROOM_MOST = 512 << 20 };

/* The functions that are used, by the types that the header gives them. */
#    define FUNCTIONS(F)                           \
        F(cudnnCreate)                             \
        F(cudnnDestroy)                            \
        F(cudnnGetErrorString)                     \
        F(cudnnSetStream)                          \
        F(cudnnCreateTensorDescriptor)             \
        F(cudnnDestroyTensorDescriptor)            \
        F(cudnnSetTensor4dDescriptor)              \
        F(cudnnCreateFilterDescriptor)             \
        F(cudnnDestroyFilterDescriptor)            \
        F(cudnnSetFilter4dDescriptor)              \
        F(cudnnCreateActivationDescriptor)         \
        F(cudnnDestroyActivationDescriptor)        \
        F(cudnnSetActivationDescriptor)            \
        F(cudnnCreateConvolutionDescriptor)        \
        F(cudnnDestroyConvolutionDescriptor)       \
        F(cudnnSetConvolution2dDescriptor)         \
        F(cudnnSetConvolutionGroupCount)           \
        F(cudnnSetConvolutionMathType)             \
        F(cudnnGetConvolutionForwardAlgorithm_v7)  \
        F(cudnnGetConvolutionForwardWorkspaceSize) \
        F(cudnnConvolutionForward)                 \
        F(cudnnConvolutionBiasActivationForward)

#    pragma GCC diagnostic ignored \
        "-Wdeprecated-declarations"             /* the calls of version 7, kept in 9 */
#    pragma GCC diagnostic ignored "-Wpedantic" /* typeof */
static struct {
#    define F(name) __typeof__(name) *name;
    FUNCTIONS(F)
#    undef F
} dnn;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cudnnHandle_t handles[DEVICES];
static bool loaded;

static void load(void)
{
    void *library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    loaded = true;
#    define F(name)                                  \
        *(void **)&dnn.name = dlsym(library, #name); \
        loaded = loaded && dnn.name;
    FUNCTIONS(F)
#    undef F
}

/* The handle of the current device; the lock is held. */
static cudnnHandle_t handle(void)
{
    int device;
    if (cudaGetDevice(&device) != cudaSuccess || device < 0 || device >= DEVICES) return NULL;
    if (!handles[device] && dnn.cudnnCreate(&handles[device]) != CUDNN_STATUS_SUCCESS)
        handles[device] = NULL;
    return handles[device];
}

struct ig_cudnn_conv {
    ig_cudnn_shape shape;
    cudnnTensorDescriptor_t x, y, bias;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
    cudnnActivationDescriptor_t act;
    cudnnConvolutionFwdAlgo_t algorithm;
    size_t room;
};

static void close_plan(ig_cudnn_conv *c)
{
    if (!c) return;
    if (c->x) dnn.cudnnDestroyTensorDescriptor(c->x);
    if (c->y) dnn.cudnnDestroyTensorDescriptor(c->y);
    if (c->bias) dnn.cudnnDestroyTensorDescriptor(c->bias);
    if (c->w) dnn.cudnnDestroyFilterDescriptor(c->w);
    if (c->conv) dnn.cudnnDestroyConvolutionDescriptor(c->conv);
    if (c->act) dnn.cudnnDestroyActivationDescriptor(c->act);
    free(c);
}

#    define DNN_OK(call) ((call) == CUDNN_STATUS_SUCCESS)

static bool describe(ig_cudnn_conv *c)
{
    const ig_cudnn_shape *s = &c->shape;
    const cu_conv_window *o = &s->window;
    const cudnnTensorFormat_t format = s->channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    const cudnnDataType_t type = s->type == CU_F16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
    const cudnnMathType_t math = s->type == CU_F16 ? CUDNN_TENSOR_OP_MATH
                                 : s->fast         ? CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION
                                                   : CUDNN_FMA_MATH;
    const int in = s->groups * s->in_c, out = s->groups * s->out_c;
    return DNN_OK(dnn.cudnnCreateTensorDescriptor(&c->x)) &&
           DNN_OK(dnn.cudnnCreateTensorDescriptor(&c->y)) &&
           DNN_OK(dnn.cudnnCreateTensorDescriptor(&c->bias)) &&
           DNN_OK(dnn.cudnnCreateFilterDescriptor(&c->w)) &&
           DNN_OK(dnn.cudnnCreateConvolutionDescriptor(&c->conv)) &&
           DNN_OK(dnn.cudnnCreateActivationDescriptor(&c->act)) &&
           DNN_OK(dnn.cudnnSetTensor4dDescriptor(c->x, format, type, o->batch, in, o->in_h,
                                                 o->in_w)) &&
           DNN_OK(dnn.cudnnSetTensor4dDescriptor(c->y, format, type, o->batch, out, o->out_h,
                                                 o->out_w)) &&
           DNN_OK(dnn.cudnnSetTensor4dDescriptor(c->bias, format, type, 1, out, 1, 1)) &&
           DNN_OK(dnn.cudnnSetFilter4dDescriptor(c->w, type, format, out, s->in_c, o->kh, o->kw)) &&
           DNN_OK(dnn.cudnnSetConvolution2dDescriptor(c->conv, o->pad_top, o->pad_left, o->stride_h,
                                                      o->stride_w, o->dilation_h, o->dilation_w,
                                                      CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT)) &&
           DNN_OK(dnn.cudnnSetConvolutionGroupCount(c->conv, s->groups)) &&
           DNN_OK(dnn.cudnnSetConvolutionMathType(c->conv, math)) &&
           DNN_OK(dnn.cudnnSetActivationDescriptor(
               c->act, s->relu ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY,
               CUDNN_PROPAGATE_NAN, 0));
}

/* Bias and activation in one call; without either, the plain one. */
static bool is_fused(const ig_cudnn_shape *s) { return s->bias; }

/* The first algorithm that the heuristics offer, is deterministic and keeps to the numbers asked.
 */
static bool choose(ig_cudnn_conv *c, cudnnHandle_t h)
{
    cudnnConvolutionFwdAlgoPerf_t offers[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
    const ig_cudnn_shape *s = &c->shape;
    int n = 0;
    if (!DNN_OK(dnn.cudnnGetConvolutionForwardAlgorithm_v7(
            h, c->x, c->w, c->conv, c->y, CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &n, offers)))
        return false;
    const bool exact = s->type == CU_F32 && !s->fast;
    for (int i = 0; i < n; i++) {
        const cudnnConvolutionFwdAlgoPerf_t *p = &offers[i];
        /* an identity as activation is defined for this algorithm only */
        const bool allowed =
            !is_fused(s) || s->relu || p->algo == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
        const bool rounds = p->algo == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD ||
                            p->algo == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED ||
                            p->algo == CUDNN_CONVOLUTION_FWD_ALGO_FFT ||
                            p->algo == CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING;
        if (p->status != CUDNN_STATUS_SUCCESS || !allowed || p->memory > ROOM_MOST ||
            p->determinism != CUDNN_DETERMINISTIC ||
            (exact && (rounds || p->mathType != CUDNN_FMA_MATH)))
            continue;
        c->algorithm = p->algo;
        if (DNN_OK(dnn.cudnnGetConvolutionForwardWorkspaceSize(h, c->x, c->w, c->conv, c->y,
                                                               p->algo, &c->room)))
            return true;
    }
    return false;
}

/* cuDNN pads both ends alike: fits where that makes the result no longer. Without a bias it adds
 * nothing and applies nothing. */
static bool fits(const ig_cudnn_shape *s)
{
    const cu_conv_window *o = &s->window;
    const int h = o->in_h + 2 * o->pad_top - (o->kh - 1) * o->dilation_h - 1;
    const int w = o->in_w + 2 * o->pad_left - (o->kw - 1) * o->dilation_w - 1;
    if (h < 0 || w < 0 || h / o->stride_h + 1 != o->out_h || w / o->stride_w + 1 != o->out_w)
        return false;
    return (s->bias || (!s->relu && !s->residual)) && s->type != CU_BF16 && o->batch > 0;
}

static ig_cudnn_conv *open_plan(const ig_cudnn_shape *shape, size_t *room)
{
    pthread_once(&once, load);
    if (!loaded || !fits(shape)) return NULL;
    ig_cudnn_conv *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->shape = *shape;
    pthread_mutex_lock(&lock);
    const cudnnHandle_t h = handle();
    const bool fine = h && describe(c) && choose(c, h);
    pthread_mutex_unlock(&lock);
    if (fine) {
        *room = c->room;
        return c;
    }
    close_plan(c);
    return NULL;
}

/* A failure of the runtime beneath it, or one of its own. */
static int told(cudnnStatus_t status)
{
    if (status == CUDNN_STATUS_SUCCESS) return 0;
    const cudaError_t e = cudaGetLastError();
    return e == cudaSuccess ? GPU_E_CUDNN + (int)status : (int)e;
}

static int run(const ig_cudnn_conv *c, cu_stream s, const void *x, const void *w, const void *bias,
               const void *residual, void *y, void *room)
{
    const float one = 1, zero = 0;
    pthread_mutex_lock(&lock);
    const cudnnHandle_t h = handle();
    cudnnStatus_t status =
        h ? dnn.cudnnSetStream(h, (cudaStream_t)s) : CUDNN_STATUS_NOT_INITIALIZED;
    if (status == CUDNN_STATUS_SUCCESS && is_fused(&c->shape))
        status = dnn.cudnnConvolutionBiasActivationForward(
            h, &one, c->x, x, c->w, w, c->conv, c->algorithm, room, c->room,
            residual ? &one : &zero, c->y, residual ? residual : y, c->bias, bias, c->act, c->y, y);
    else if (status == CUDNN_STATUS_SUCCESS)
        status = dnn.cudnnConvolutionForward(h, &one, c->x, x, c->w, w, c->conv, c->algorithm, room,
                                             c->room, &zero, c->y, y);
    pthread_mutex_unlock(&lock);
    return told(status);
}

static const char *text_of(int status) { return dnn.cudnnGetErrorString((cudnnStatus_t)status); }

static void forget(void)
{
    int device;
    if (cudaGetDevice(&device) != cudaSuccess || device < 0 || device >= DEVICES) return;
    pthread_mutex_lock(&lock);
    if (handles[device]) (void)dnn.cudnnDestroy(handles[device]);
    handles[device] = NULL;
    pthread_mutex_unlock(&lock);
    (void)cudaGetLastError(); /* where the device was lost */
}

static const ig_cudnn_api api = {open_plan, close_plan, run, text_of, forget};

const ig_cudnn_api *ig_cudnn(void) { return &api; }

#endif
