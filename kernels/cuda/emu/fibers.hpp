// fibers.hpp - one fiber per CUDA thread, all of a cluster on one thread of the machine; the
// scheduler picks who runs next as the mode says.
#pragma once
#include "kernels/cuda/emu/block.hpp"

#ifdef EMU_ASM
extern "C" void emu_switch(void **save, void *load);
__asm__(".text\n.weak emu_switch\n.type emu_switch,@function\nemu_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
#endif

namespace emu
{

#ifdef EMU_RACES
inline constexpr size_t STACK = 512 * 1024; // reports of races are written on it
#else
inline constexpr size_t STACK = 64 * 1024;
#endif

inline uint32_t random_next()
{
    uint32_t &x = block->cluster->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}
inline void set_ready(Fiber *f)
{
    f->why = "";
    f->home->warps[f->warp].ready |= 1u << f->lane;
}
// A warp of b with a thread that can run, or -1.
inline int pick_warp(const Block &b, unsigned from)
{
    const unsigned n = (unsigned)b.warps.size();
    const unsigned start = g_mode.order == 0 ? from + 1 : g_mode.order == 3 ? random_next() % n : 0;
    for (unsigned i = 0; i < n; i++) {
        const unsigned k = g_mode.order == 2 ? n - 1 - i : (start + i) % n;
        if (b.warps[k].ready) return (int)k;
    }
    return -1;
}
// To a thread of the cluster, or to who started it.
inline void jump(Fiber *to)
{
    Fiber *me = block->now;
    Cluster &c = *block->cluster;
    if (to) block = to->home;
    block->now = to;
    block->switches++;
    if (me == to) return;
    void *const racer = to ? to->racer : c.main_racer;
#ifdef EMU_ASM
    void **const save = me ? &me->sp : &c.main_sp, *const load = to ? to->sp : c.main_sp;
#endif
    if (me && me->done) quiet_end(); // it does not come back, and nothing is read from here on
    racer_switch(racer);
#ifdef EMU_ASM
    emu_switch(save, load);
#else
    swapcontext(me ? &me->context : &c.main_context, to ? &to->context : &c.main_context);
#endif
}
inline void run_lane(Block &b, unsigned warp, unsigned lane)
{
    b.warps[warp].ready &= ~(1u << lane);
    jump(&b.fibers[warp * 32 + lane]);
}
inline unsigned lowest(uint32_t bits) { return (unsigned)__builtin_ctz(bits); }
// The blocks of the cluster in the mode's order: visit(b) until it says that it is done.
template <class F> inline bool visit_blocks(F visit)
{
    std::vector<Block> &all = block->cluster->blocks;
    const auto n = (unsigned)all.size();
    if (n == 1) return visit(*block);
    const unsigned start = g_mode.order == 0   ? block->rank + 1
                           : g_mode.order == 3 ? random_next() % n
                                               : 0;
    for (unsigned i = 0; i < n; i++)
        if (visit(all[g_mode.order == 2 ? n - 1 - i : (start + i) % n])) return true;
    return false;
}
// Code inside acts on block b of the cluster as if it were of it.
struct Inside {
    Block *const saved;
    explicit Inside(Block &b) : saved(block) { block = &b; }
    ~Inside() { block = saved; }
};
inline bool finish_late(Block &b)
{
    if (b.late.empty()) return false;
    // bulk copies may finish in any order
    const size_t i = g_mode.order == 3 ? random_next() % b.late.size() : 0;
    auto op = std::move(b.late[i]);
    b.late.erase(b.late.begin() + (std::ptrdiff_t)i);
    const Inside in(b);
    op();
    return true;
}
inline void run_late()
{
    if (!visit_blocks(finish_late)) die("deadlock: no thread can run");
}
inline bool anyone_left()
{
    for (const Block &b : block->cluster->blocks)
        if (b.alive) return true;
    return false;
}
// Gives up the processor. The caller has already said what it waits for (its ready bit is clear).
inline void reschedule()
{
    for (;;) {
        const unsigned warp = block->now ? block->now->warp : 0;
        const uint32_t ready = block->warps[warp].ready;
        if (block->now && ready) { // stay in the warp: cheapest, and a legal schedule
            const uint32_t above = ready & ~((2u << block->now->lane) - 1);
            run_lane(*block, warp, lowest(above ? above : ready));
            return;
        }
        const bool ran = visit_blocks([](Block &b) {
            const int k = pick_warp(b, b.now ? b.now->warp : 0);
            if (k >= 0) run_lane(b, (unsigned)k, lowest(b.warps[(size_t)k].ready));
            return k >= 0;
        });
        if (ran) return;
        if (!anyone_left()) {
            jump(nullptr);
            return;
        }
        run_late();
    }
}
inline void wait_for(const char *why)
{
    block->now->why = why;
    reschedule();
}
// Lets another warp go first.
inline void yield_warp()
{
    set_ready(block->now);
    const auto k = (unsigned)pick_warp(*block, block->now->warp);
    run_lane(*block, k, lowest(block->warps[k].ready));
}
// A thread that polls in vain lets every other go on, one after another, then copies under way.
inline void yield_poll()
{
    Fiber *f = block->now;
    std::vector<Block> &all = block->cluster->blocks;
    if (++block->polls % (4 * block->n_threads) == 0) visit_blocks(finish_late);
    if (block->polls > 1000 * block->n_threads + 1000000) die("threads poll for ever");
    set_ready(f);
    const unsigned n = block->n_threads, me = block->rank * n + f->warp * 32 + f->lane;
    for (unsigned i = 1;; i++) {
        const unsigned at = (me + i) % (n * (unsigned)all.size());
        Block &b = all[at / n];
        if (b.warps[at % n / 32].ready >> (at % 32) & 1) {
            run_lane(b, at % n / 32, at % 32);
            return;
        }
    }
}

} // namespace emu
