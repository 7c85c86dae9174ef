// emu.hpp - the CUDA emulator: runs our CUDA dialect on the CPU, one fiber per CUDA thread.
// Included by the dialect's headers when an ordinary C++17 compiler reads them; see emu/*.hpp for
// its parts.
//
// It is sequentially consistent, so a missing fence does not show; all else that orders threads,
// copies and matrix products does: "late" modes postpone them as far as the rules allow.
#pragma once
#ifdef __clang__
#    pragma clang diagnostic ignored "-Wpass-failed" // #pragma unroll is for the device
#endif
#include "kernels/cuda/emu/language.hpp"
#include "kernels/cuda/emu/block.hpp"
#include "kernels/cuda/emu/fibers.hpp"
#include "kernels/cuda/emu/collective.hpp"
#include "kernels/cuda/emu/numbers.hpp"
#include "kernels/cuda/emu/copies.hpp"
#include "kernels/cuda/emu/mma.hpp"
#include "kernels/cuda/emu/mbarrier.hpp"
#include "kernels/cuda/emu/tma.hpp"
#include "kernels/cuda/emu/cluster.hpp"
#include "kernels/cuda/emu/wgmma.hpp"
#include "kernels/cuda/emu/launch.hpp"

#define threadIdx              (emu::block->now->tid)
#define blockIdx               (emu::block->index)
#define blockDim               (emu::block->dim)
#define gridDim                (emu::block->grid)
#define __syncthreads()        emu::bar_sync(0, 0)
#define __syncthreads_or(p)    (emu::bar_sync(0, 0, (p) != 0) != 0)
#define __syncthreads_and(p)   (emu::bar_sync(0, 0, (p) == 0) == 0)
#define __syncthreads_count(p) emu::bar_sync(0, 0, (p) != 0)
#define __syncwarp(...)        emu::syncwarp(__VA_ARGS__)
