// fibers.hpp - one fiber per CUDA thread, all of a block on one thread of the machine; the
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
    uint32_t x = block->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return block->random = x;
}
inline void set_ready(Fiber *f)
{
    f->why = "";
    block->warps[f->warp].ready |= 1u << f->lane;
}
// A warp with a thread that can run, or -1.
inline int pick_warp(unsigned from)
{
    const unsigned n = (unsigned)block->warps.size();
    const unsigned start = g_mode.order == 0 ? from + 1 : g_mode.order == 3 ? random_next() % n : 0;
    for (unsigned i = 0; i < n; i++) {
        const unsigned k = g_mode.order == 2 ? n - 1 - i : (start + i) % n;
        if (block->warps[k].ready) return (int)k;
    }
    return -1;
}
inline void jump(Fiber *to)
{
    Fiber *me = block->now;
    block->now = to;
    block->switches++;
    if (me == to) return;
    void *const racer = to ? to->racer : block->main_racer;
#ifdef EMU_ASM
    void **const save = me ? &me->sp : &block->main_sp, *const load = to ? to->sp : block->main_sp;
#endif
    if (me && me->done) quiet_end(); // it does not come back, and nothing is read from here on
    racer_switch(racer);
#ifdef EMU_ASM
    emu_switch(save, load);
#else
    swapcontext(me ? &me->context : &block->main_context, to ? &to->context : &block->main_context);
#endif
}
inline void run_lane(unsigned warp, unsigned lane)
{
    block->warps[warp].ready &= ~(1u << lane);
    jump(&block->fibers[warp * 32 + lane]);
}
inline unsigned lowest(uint32_t bits) { return (unsigned)__builtin_ctz(bits); }
inline void run_late()
{
    if (block->late.empty()) die("deadlock: no thread can run");
    // bulk copies may finish in any order
    const size_t i = g_mode.order == 3 ? random_next() % block->late.size() : 0;
    auto op = std::move(block->late[i]);
    block->late.erase(block->late.begin() + (std::ptrdiff_t)i);
    op();
}
// Gives up the processor. The caller has already said what it waits for (its ready bit is clear).
inline void reschedule()
{
    for (;;) {
        const unsigned warp = block->now ? block->now->warp : 0;
        const uint32_t ready = block->warps[warp].ready;
        if (block->now && ready) { // stay in the warp: cheapest, and a legal schedule
            const uint32_t above = ready & ~((2u << block->now->lane) - 1);
            run_lane(warp, lowest(above ? above : ready));
            return;
        }
        const int k = pick_warp(warp);
        if (k >= 0) {
            run_lane((unsigned)k, lowest(block->warps[(size_t)k].ready));
            return;
        }
        if (!block->alive) {
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
    const auto k = (unsigned)pick_warp(block->now->warp);
    run_lane(k, lowest(block->warps[k].ready));
}
// A thread that polls in vain lets every other go on, one after another, then copies under way.
inline void yield_poll()
{
    Fiber *f = block->now;
    if (++block->polls % (4 * block->n_threads) == 0 && !block->late.empty()) run_late();
    if (block->polls > 1000 * block->n_threads + 1000000) die("threads poll for ever");
    set_ready(f);
    for (unsigned i = 1;; i++) {
        const unsigned at = (f->warp * 32 + f->lane + i) % block->n_threads;
        if (block->warps[at / 32].ready >> (at % 32) & 1) {
            run_lane(at / 32, at % 32);
            return;
        }
    }
}

} // namespace emu
