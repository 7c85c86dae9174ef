// block.hpp - the state of a block of CUDA threads under emulation and of the cluster that it
// belongs to, and how a run is made hostile.
#pragma once
#include "kernels/cuda/emu/language.hpp"
#include "kernels/cuda/emu/races.hpp"

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <vector>

#if defined(__x86_64__) && !defined(EMU_UCONTEXT)
#    define EMU_ASM 1 // own context switch; elsewhere ucontext, which is slower but portable
#else
#    include <ucontext.h>
#endif

namespace emu
{

// How hostile a run is. Every kernel test runs under several and must give bit-equal output.
struct Mode {
    int late = 0;  // bit 0: copies, bit 1: wgmma happen as late as the rules allow, else at once
    int order = 0; // 0 round robin, 1 lowest warp first, 2 highest warp first, 3 random
    uint32_t seed = 1;
    const char *name = "eager/rr";
    unsigned char poison = 0xff; // what shared memory holds before it is written: 0xff is NaN
    bool proxy = false; // ordinary writes reach wgmma and bulk copies by px_fence_async only
};
inline Mode g_mode;
inline std::atomic<uint64_t> st_mma{0}, st_ldm{0}, st_conflict{0}, st_switch{0}, st_wgmma{0},
    st_tma{0};

// cp.async of one thread: n bytes, zeros up to `size`.
struct Copy {
    void *to;
    const void *from;
    unsigned n, size;
};
// A bulk store of one thread: reading shared memory and writing global memory are two moments.
struct BulkStore {
    std::function<void()> read, write;
    bool has_read = false;
};
struct Block;
struct Fiber {
    Block *home = nullptr;
    void *sp = nullptr;
    char *stack = nullptr;
#ifndef EMU_ASM
    ucontext_t context;
#endif
    dim3 tid;
    unsigned lane = 0, warp = 0;
    bool done = false;
    const char *why = "";                 // what it waits for
    std::vector<Copy> copies;             // cp.async: not committed yet
    std::deque<std::vector<Copy>> groups; // committed, not waited for
    std::vector<BulkStore> stores;        // the same of bulk stores
    std::deque<std::vector<BulkStore>> store_groups;
    uint64_t *mbar = nullptr; // the mbarrier being waited for, and its parity
    unsigned parity = 0;
    void *racer = nullptr;     // this thread to the race detector
    bool fenced = false;       // px_fence since the last barrier
    bool arrived = false;      // at the cluster's barrier, and has not waited yet
    unsigned cluster_turn = 0; // ... in this round
};
// Threads that do one operation together leave their arguments here.
struct Rendezvous {
    uint64_t need = 0;
    unsigned n = 0;
    int op = 0;
    void *arg[128];
    char round[2]; // what the race detector knows meetings by, turn about
    unsigned turn = 0;
};
struct Warp {
    uint32_t ready = 0, live = 0, arrived = 0; // a bit a lane
    Rendezvous meet;
};
enum class Num { bf16, f16, tf32, e4m3, e5m2, s8 };
struct Wgmma {
    uint64_t desc_a, desc_b;
    int n;
    Num num;
    bool keep_d, b_mn; // D = D + A B, else A B; B runs along N in memory
    void *acc[128];
    const uint32_t *a[128]; // A in registers; [0] is nullptr where it is in shared memory
};
struct Warpgroup {
    Rendezvous meet;
    std::vector<Wgmma> open;
    std::deque<std::vector<Wgmma>> groups;
    int registers = 0;
};
struct Barrier {
    unsigned n = 0, need = 0;
    int votes = 0, result = 0; // of __syncthreads_or and _count
    std::vector<Fiber *> waiting;
    char round[2];
    unsigned turn = 0;
    bool fenced = true, was_fenced = true; // all who came had fenced
};

// Blocks that run together (a block for itself is a cluster of one), on one thread of the machine.
struct Cluster {
    std::vector<Block> blocks;
    void *main_sp = nullptr, *main_racer = nullptr;
#ifndef EMU_ASM
    ucontext_t main_context;
#endif
    unsigned arrived = 0, turn = 0; // of barrier.cluster: threads that have come, rounds
    std::vector<Fiber *> waiting;
    char round[2];
    uint32_t random = 1;
};
struct Block {
    Cluster *cluster = nullptr;
    unsigned rank = 0; // in it
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::vector<Warpgroup> warpgroups;
    Fiber *now = nullptr; // the running thread, or the last that ran before another block's
    dim3 index, dim, grid;
    unsigned alive = 0, n_threads = 0;
    uint64_t polls = 0;   // in vain, one after another
    char *smem = nullptr; // dynamic shared memory, a guard page behind it
    size_t smem_bytes = 0;
    char *map = nullptr;
    size_t map_bytes = 0;
    std::vector<char> async_view; // shared memory as wgmma and bulk copies see it, in a proxy run
    Barrier barriers[16];
    std::vector<Fiber *> mbar_waiting;
    std::deque<std::function<void()>> late; // bulk loads under way
    std::function<void()> body;
    const char *start_token = nullptr, *end_token = nullptr; // what orders a grid and the host
    char round[2]; // ... and one block of a set and the next, turn about
    unsigned turn = 0;
    std::vector<const void *> observed; // addresses of atomics of this block, for px_fence
    uint64_t switches = 0;
};
inline thread_local Block *block = nullptr;

[[noreturn]] inline void die(const char *message)
{
    fprintf(stderr, "emu: %s (block %u,%u,%u", message, block->index.x, block->index.y,
            block->index.z);
    if (block->now) fprintf(stderr, " thread %u", block->now->tid.x);
    fprintf(stderr, ", mode %s)\n", g_mode.name);
    for (const Block &b : block->cluster->blocks) {
        int shown = 0;
        for (const Fiber &f : b.fibers)
            if (!f.done && f.why[0] && shown++ < 12)
                fprintf(stderr, "  block %u thread %u waits: %s\n", b.index.x, f.tid.x, f.why);
    }
    abort();
}

// ---- the window of shared memory ----
inline uint32_t smem_u32(const void *p)
{
    const std::ptrdiff_t at = (const char *)p - block->smem;
    if (at < 0 || (size_t)at >= block->smem_bytes) die("pointer outside shared memory");
    return (uint32_t)at;
}
inline char *smem_at(uint32_t at, unsigned n)
{
    if ((size_t)at + n > block->smem_bytes) die("shared memory access out of range");
    return block->smem + at;
}
// The same to wgmma and bulk copies (the "async proxy" of the PTX ISA).
inline const char *smem_async(uint32_t at, unsigned n)
{
    const char *p = smem_at(at, n);
    return g_mode.proxy ? block->async_view.data() + at : p;
}
inline void write_async(uint32_t at, const void *from, unsigned n)
{
    memcpy(smem_at(at, n), from, n);
    if (g_mode.proxy) memcpy(block->async_view.data() + at, from, n);
}
// All threads' writes so far become seen, though on a device only the caller's would.
inline void fence_async()
{
    if (g_mode.proxy) memcpy(block->async_view.data(), block->smem, block->smem_bytes);
}

} // namespace emu
