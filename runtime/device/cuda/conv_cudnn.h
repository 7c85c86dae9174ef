/* conv_cudnn.h - convolutions by NVIDIA's cuDNN 9, where it is installed: its library is opened at
 * run time, nothing is linked. Where it is missing, or does not fit a layer, the plugin's own
 * kernels run (kernels/conv/conv_cuda.h). */
#ifndef IG_CU_CONV_CUDNN_H
#define IG_CU_CONV_CUDNN_H

#include "kernels/conv/conv_cuda.h"

typedef struct ig_cudnn_conv ig_cudnn_conv;

/* A layer of f32 or f16, y = act(conv(x, w) + residual + bias) with act none or relu. Groups have
 * window and channels as in cu_conv_args; x, y, residual are [n, c, h, w] or [n, h, w, c]; w is
 * [m, c, kh, kw], or [m, kh, kw, c] with channels last. */
typedef struct {
    cu_conv_window window;
    cu_float type;
    int groups, in_c, out_c; /* channels of a group */
    bool channels_last, relu, bias, residual;
    bool fast; /* f32 may be multiplied in fewer bits; else in f32 throughout */
} ig_cudnn_shape;

typedef struct {
    /* A plan for the calling thread's device; NULL: no cuDNN, or none of its algorithms fits.
     * *room: bytes of scratch that a run needs. */
    ig_cudnn_conv *(*open)(const ig_cudnn_shape *shape, size_t *room);
    void (*close)(ig_cudnn_conv *c);
    /* 0, or an error number as gpu.h has them. Threads: any; runs of a process follow each other
     * while they are started. */
    int (*run)(const ig_cudnn_conv *c, cu_stream s, const void *x, const void *w, const void *bias,
               const void *residual, void *y, void *room);
    const char *(*text)(int status); /* what a status of the library says */
    /* The calling thread's device is closed: what the library keeps there goes. */
    void (*forget)(void);
} ig_cudnn_api;

/* Of the build: NULL where cudnn.h was not found, and in the emulated plugin. */
const ig_cudnn_api *ig_cudnn(void);

#endif
