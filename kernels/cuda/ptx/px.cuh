// px.cuh - how the dialect is built: every instruction our kernels use beyond plain C++ is a px_
// function with two bodies, inline PTX for the device and a call into the emulator for the host:
// PX(host body, device body).
#pragma once
#include <stdint.h>
#ifndef __CUDACC__
#    ifndef IGT_EMU
#        define IGT_EMU 1
#    endif
#    include "kernels/cuda/emu/block.hpp"
#    define IGT_SMEM(name) char *name = emu::block->smem
#    define PX(host, ...)  host
#else
#    include <cuda.h>
#    include <cuda_runtime.h>
#    define IGT_SMEM(name) extern __shared__ __align__(1024) char name[]
#    define PX(host, ...)  __VA_ARGS__
#    if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#        define IGT_SM90A 1
#    endif
#endif
