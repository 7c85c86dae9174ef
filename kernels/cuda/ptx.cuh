// The Ingot CUDA dialect: every instruction our kernels use beyond plain C++ is a px_ function with
// two bodies, inline PTX for the device and a call into the emulator for the host.
// Rules: shared memory only through IGT_SMEM (never static __shared__), no waiting on another block
// (last-arriver tickets instead), shuffles and votes with explicit masks. Ordinary writes to shared
// memory that wgmma or a bulk copy reads next need px_fence_async by the writer, then a barrier.
#pragma once
#include "kernels/cuda/ptx/px.cuh"
#ifdef IGT_EMU
#    include "kernels/cuda/emu.hpp"
#endif
#include "kernels/cuda/ptx/numbers.cuh"
#include "kernels/cuda/ptx/convert.cuh"
#include "kernels/cuda/ptx/math.cuh"
#include "kernels/cuda/ptx/warp.cuh"
#include "kernels/cuda/ptx/memory.cuh"
#include "kernels/cuda/ptx/mma.cuh"
#include "kernels/cuda/ptx/hopper.cuh"
#include "kernels/cuda/ptx/wgmma.cuh"
