// flash_cuda.cuh - which instance of flash_sm80 a head size takes.
#pragma once
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch.cuh"

template <int D, int MT, int KEYS, class E, flash_source_kind KIND>
static int flash_start(flash_args a, int64_t blocks, int batch, cu_stream s)
{
    constexpr bool PAGED = KIND == FLASH_PAGED;
    constexpr int BYTES = flash_smem<D, MT, KEYS>();
    static_assert(BYTES <= 166912, "more than an sm_80 block may have");
    const int shared = a.heads / a.kv_heads;
    if (BYTES > cu_this_chip().shared_bytes || shared > 64 * MT) return ATT_NO_KERNEL;
    a.tokens = 64 * MT / shared;
    if (!PAGED) blocks = (blocks + a.tokens - 1) / a.tokens;
    const int pieces = PAGED ? (CU_KV_TILE + a.tokens - 1) / a.tokens : batch;
    return cu_start(flash_sm80<D, MT, KEYS, E, KIND>,
                    dim3((unsigned)blocks, (unsigned)a.kv_heads, (unsigned)pieces), 128, BYTES, s,
                    a);
}

template <class E, flash_source_kind KIND>
static int flash_of(const flash_args *a, int64_t blocks, int batch, cu_stream s)
{
    const int d = a->d > a->dv ? a->d : a->dv;
    if (d <= 64) return flash_start<64, 2, 64, E, KIND>(*a, blocks, batch, s);
    if (d <= 128) return flash_start<128, 2, 32, E, KIND>(*a, blocks, batch, s);
    if (d <= 256) return flash_start<256, 1, 32, E, KIND>(*a, blocks, batch, s);
    return ATT_NO_KERNEL;
}
