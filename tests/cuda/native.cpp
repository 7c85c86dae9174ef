// native.cpp - see native.hpp.
#include "tests/cuda/native.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>

static void check(cudaError_t e, const char *what)
{
    if (e == cudaSuccess) return;
    printf("%s: %s\n", what, cudaGetErrorString(e));
    exit(1);
}

static bool find_device()
{
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1); // read when the context is made
    int n = 0;
    const cudaError_t e = cudaGetDeviceCount(&n);
    if (e == cudaSuccess && n > 0) return true;
    printf("skipped: %s\n", e == cudaSuccess ? "no CUDA device" : cudaGetErrorString(e));
    exit(77);
}

static const bool found = find_device(); // before main

void *cuda_native::take(size_t bytes)
{
    void *p = nullptr;
    if (found) check(cudaMallocManaged(&p, bytes ? bytes : 1), "taking memory");
    memset(p, 0xff, bytes);
    return p;
}
