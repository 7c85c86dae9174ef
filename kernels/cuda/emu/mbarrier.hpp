// mbarrier.hpp - barriers in shared memory that count arrivals and bytes, kept in the 8 bytes of
// the object: phase:1 | threads of a phase:20 | arrivals pending:20 | bytes pending:23.
#pragma once
#include "kernels/cuda/emu/fibers.hpp"

namespace emu
{

struct Mbarrier {
    uint64_t phase : 1, threads : 20, pending : 20, bytes : 23; // bytes: modulo 2^23
};
static_assert(sizeof(Mbarrier) == 8, "mbarrier is 8 bytes");

inline Mbarrier *mbarrier(uint64_t *p)
{
    if (smem_u32(p) & 7) die("mbarrier: not 8-byte aligned");
    return (Mbarrier *)p;
}
// What the race detector knows the phase under way by; the one before has the other name.
inline const char *phase_name(uint64_t *p, unsigned phase) { return (const char *)p + phase; }
// Ends the phase where nothing is pending, and wakes who waited for that.
inline void end_phase(uint64_t *p)
{
    Mbarrier *b = mbarrier(p);
    if (b->pending || b->bytes) return;
    b->phase ^= 1;
    b->pending = b->threads;
    auto &waiting = block->mbar_waiting;
    for (size_t i = 0; i < waiting.size();) {
        Fiber *f = waiting[i];
        if (f->mbar == p && b->phase != f->parity) {
            set_ready(f);
            waiting[i] = waiting.back();
            waiting.pop_back();
        } else
            i++;
    }
}
inline void mb_init(uint64_t *p, int threads)
{
    const Quiet quiet;
    Mbarrier b{};
    if (threads < 1 || threads >= 1 << 20) die("mbarrier: bad count");
    b.threads = b.pending = (unsigned)threads & 0xfffffu;
    memcpy(mbarrier(p), &b, sizeof b);
}
inline void mb_arrive(uint64_t *p, unsigned n = 1)
{
    const Quiet quiet;
    Mbarrier *b = mbarrier(p);
    race_release(phase_name(p, b->phase));
    if (b->pending < n) die("mbarrier: more arrivals than expected");
    b->pending = (b->pending - n) & 0xfffffu;
    end_phase(p);
}
inline void add_bytes(uint64_t *p, int bytes)
{
    const Quiet quiet;
    Mbarrier *b = mbarrier(p);
    if (bytes >= 1 << 20 || bytes <= -(1 << 20)) die("mbarrier: too many bytes");
    b->bytes = (b->bytes + (unsigned)bytes) & 0x7fffffu;
}
inline void mb_expect(uint64_t *p, int bytes)
{
    add_bytes(p, bytes);
    mb_arrive(p);
}
inline void mb_complete(uint64_t *p, unsigned bytes)
{
    add_bytes(p, -(int)bytes);
    end_phase(p);
}
inline bool mb_over(uint64_t *p, int parity) { return mbarrier(p)->phase != (unsigned)parity; }
inline bool mb_test(uint64_t *p, int parity)
{
    const Quiet quiet;
    if (!mb_over(p, parity)) yield_poll();
    const bool over = mb_over(p, parity);
    if (!over) return false;
    race_acquire(phase_name(p, (unsigned)parity));
    block->polls = 0;
    return true;
}
inline void mb_wait(uint64_t *p, int parity)
{
    const Quiet quiet;
    if (!mb_over(p, parity)) {
        Fiber *f = block->now;
        f->mbar = p;
        f->parity = (unsigned)parity;
        block->mbar_waiting.push_back(f);
        wait_for("mbarrier");
    }
    race_acquire(phase_name(p, (unsigned)parity));
}

} // namespace emu
