// launch.hpp - grids: clusters of blocks one after another on each worker, every block in poisoned
// shared memory; streams; guarded global memory for tests.
#pragma once
#include "kernels/cuda/emu/cluster.hpp"
#include "kernels/cuda/emu/collective.hpp"
#include "kernels/cuda/emu/copies.hpp"

#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace emu
{

inline int g_workers = 1; // threads of the machine that run blocks
inline int g_cc = 90;     // the chip's, for launchers that choose by it

// ---- a thread from its first to its last instruction ----
inline void fiber_main()
{
    quiet_begin();
    race_acquire(block->start_token);
    race_acquire(&block->round[block->turn ^ 1]);
    quiet_end();
    block->body();
    quiet_begin(); // for good: see jump
    Fiber *f = block->now;
    race_release(block->end_token);
    race_release(&block->round[block->turn]);
    finish_copies(f);
    f->done = true;
    block->alive--;
    block->warps[f->warp].live &= ~(1u << f->lane);
    Barrier &all = block->barriers[0];
    if (all.n && all.need == 0 && all.n == block->alive) release_barrier(all);
    leave_cluster(f);
    if (!block->alive) check_ended();
    reschedule();
    abort();
}
inline void start_fiber(Block &b, unsigned i)
{
    Fiber &f = b.fibers[i];
    char *const stack = f.stack;
    void *const racer = f.racer;
    f = Fiber();
    f.home = &b;
    f.stack = stack;
    f.racer = racer;
    const dim3 d = b.dim;
    f.tid = dim3(i % d.x, i / d.x % d.y, i / d.x / d.y);
    f.lane = i % 32;
    f.warp = i / 32;
    b.warps[f.warp].live |= 1u << f.lane;
    b.warps[f.warp].ready |= 1u << f.lane;
#ifdef EMU_ASM
    void **top = (void **)(stack + STACK);
    *--top = nullptr;
    *--top = (void *)fiber_main;
    for (int k = 0; k < 6; k++) *--top = nullptr;
    f.sp = top;
#else
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = stack;
    f.context.uc_stack.ss_size = STACK;
    f.context.uc_link = nullptr;
    makecontext(&f.context, (void (*)())fiber_main, 0);
#endif
}
inline void start_block(Block &b)
{
    b.turn ^= 1;
    b.alive = b.n_threads;
    b.polls = 0;
    memset(b.smem, g_mode.poison, b.smem_bytes);
    if (g_mode.proxy) b.async_view.assign(b.smem_bytes, (char)g_mode.poison);
    b.warps.assign(b.n_threads / 32, Warp());
    b.warpgroups.assign(b.n_threads / 128, Warpgroup());
    for (Barrier &x : b.barriers) x = Barrier();
    b.mbar_waiting.clear();
    b.observed.clear();
    b.late.clear();
    for (unsigned i = 0; i < b.n_threads; i++) start_fiber(b, i);
    b.now = nullptr;
}
inline void run_cluster(Cluster &c)
{
    c.main_racer = racer_now();
    c.arrived = c.turn = 0;
    c.waiting.clear();
    for (Block &b : c.blocks) start_block(b);
    block = &c.blocks[0];
    reschedule();
    for (Block &b : c.blocks) {
        st_switch += b.switches;
        b.switches = 0;
    }
    block = nullptr;
}

// ---- memory with a guard page right behind it ----
inline size_t whole_pages(size_t n)
{
    const auto page = (size_t)sysconf(_SC_PAGESIZE);
    return (n + page - 1) & ~(page - 1);
}
inline char *map_memory(size_t bytes, int flags = 0)
{
    void *p =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (p == MAP_FAILED) {
        perror("emu: mmap");
        abort();
    }
    return (char *)p;
}
// `bytes` (a multiple of 16) that end where an inaccessible page begins.
inline char *guarded(size_t bytes, char **map, size_t *map_bytes)
{
    const size_t body = whole_pages(bytes), guard = whole_pages(1);
    *map_bytes = body + guard;
    *map = map_memory(*map_bytes);
    mprotect(*map + body, guard, PROT_NONE);
    return *map + body - bytes;
}
// Global memory of a test: NaN bits, out-of-range accesses fault.
template <class T> inline T *galloc(size_t n)
{
    char *map;
    size_t map_bytes;
    const size_t bytes = (n * sizeof(T) + 15) & ~size_t(15);
    char *p = guarded(bytes, &map, &map_bytes);
    memset(map, 0xff, (size_t)(p - map) + bytes);
    return (T *)p;
}

// ---- grids ----
// Clusters run one after another, turn about on SETS sets of fibers: to the race detector blocks of
// different sets are unordered, and those of one set follow each other.
#ifdef EMU_RACES
inline constexpr unsigned SETS = 3;
#else
inline constexpr unsigned SETS = 1;
#endif
// Stacks are kept from launch to launch; so are the detector's threads, which are dear to make.
struct Slot {
    char *stack;
    void *racer;
};
inline Slot take_slot(size_t i)
{
    static thread_local std::vector<Slot> slots;
    while (slots.size() <= i) slots.push_back({map_memory(STACK, MAP_NORESERVE), racer_new()});
    return slots[i];
}
template <class F>
inline void launch(dim3 grid, dim3 threads, size_t smem, F body, unsigned cluster = 1)
{
    std::atomic<unsigned> next{0};
    const unsigned total = grid.x * grid.y * grid.z / cluster,
                   n = threads.x * threads.y * threads.z;
    auto work = [&] {
        const Quiet quiet;
        static thread_local char tokens[2];
        Cluster clusters[SETS];
        for (unsigned set = 0; set < SETS; set++) {
            Cluster &c = clusters[set];
            c.blocks = std::vector<Block>(cluster);
            c.random = g_mode.seed * 2654435761u | 1;
            for (unsigned r = 0; r < cluster; r++) {
                Block &b = c.blocks[r];
                b.cluster = &c;
                b.rank = r;
                b.n_threads = n;
                b.fibers.resize(n);
                b.dim = threads;
                b.grid = grid;
                b.body = body;
                b.start_token = tokens;
                b.end_token = tokens + 1;
                b.smem_bytes = (smem + 1023) & ~size_t(1023);
                b.smem = guarded(b.smem_bytes, &b.map, &b.map_bytes);
                for (unsigned i = 0; i < n; i++) {
                    const Slot s = take_slot((set * cluster + r) * n + i);
                    b.fibers[i].stack = s.stack;
                    b.fibers[i].racer = s.racer;
                }
            }
        }
        race_release(tokens);
        for (unsigned i; (i = next++) < total;) {
            const unsigned first = (g_mode.order == 2 ? total - 1 - i : i) * cluster;
            Cluster &c = clusters[i % SETS];
            for (unsigned r = 0, j = first; r < cluster; r++, j++)
                c.blocks[r].index = dim3(j % grid.x, j / grid.x % grid.y, j / grid.x / grid.y);
            run_cluster(c);
        }
        for (const Cluster &c : clusters)
            for (const Block &b : c.blocks) munmap(b.map, b.map_bytes);
        race_acquire(tokens + 1);
    };
    if (n == 0 || n % 32 || n > 1024) {
        fprintf(stderr, "emu: %u threads a block: a multiple of 32 up to 1024 is wanted\n", n);
        abort();
    }
    if (g_workers <= 1) {
        work();
        return;
    }
    std::vector<std::thread> workers;
    for (int i = 0; i < g_workers; i++) workers.emplace_back(work);
    for (auto &w : workers) w.join();
}

// ---- streams: in order, done when the call returns, unless they record ----
struct Stream {
    std::vector<std::function<void()>> *record = nullptr; // launches and copies to be replayed
};
// Asked before each launch: not 0 is the error that the launch returns.
inline std::function<int()> g_fault;
template <class F>
inline int start(void *stream, dim3 grid, dim3 threads, size_t smem, F body, unsigned cluster = 1)
{
    if (g_fault)
        if (const int e = g_fault()) return e;
    // cudaErrorInvalidConfiguration: a grid beyond what devices run
    if (grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535) return 9;
    // cudaErrorInvalidValue: more than a block can have, or no whole clusters
    if (smem > 232448 || !cluster || cluster > 8 || grid.x % cluster) return 1;
    auto *s = (Stream *)stream;
    if (s && s->record)
        s->record->push_back([=] { launch(grid, threads, smem, body, cluster); });
    else
        launch(grid, threads, smem, body, cluster);
    return 0;
}

} // namespace emu
