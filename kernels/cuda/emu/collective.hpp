// collective.hpp - what threads do together: they meet, and the last to arrive computes for all.
// Different operations or wrong masks inside a group stop the run.
#pragma once
#include "kernels/cuda/emu/fibers.hpp"

namespace emu
{

enum Op { // identities of collective operations; ldmatrix and others add a form in the high bits
    OP_LDMATRIX = 1,
    OP_STMATRIX,
    OP_MMA,
    OP_SHUFFLE,
    OP_BALLOT,
    OP_REDUCE,
    OP_SYNCWARP,
    OP_ELECT,
    OP_WGMMA,
    OP_COMMIT,
    OP_WAIT,
    OP_REGISTERS,
    OP_FORM = 16 // multiplied with the form
};

template <class F> inline void warp_op(int op, uint32_t mask, void *arg, const char *why, F exec)
{
    const Quiet quiet;
    Fiber *f = block->now;
    Warp &w = block->warps[f->warp];
    const uint32_t bit = 1u << f->lane;
    if (!w.arrived) {
        w.meet.op = op;
        w.meet.need = mask;
    }
    if (w.meet.op != op || w.meet.need != mask || (mask & ~w.live) || !(mask & bit) ||
        (w.arrived & bit))
        die("divergent or ill-masked warp operation");
    w.meet.arg[f->lane] = arg;
    w.arrived |= bit;
    if (w.arrived != mask) {
        wait_for(why);
        return;
    }
    exec(w.meet.arg);
    w.arrived = 0;
    for (unsigned l = 0; l < 32; l++)
        if ((mask >> l & 1) && l != f->lane) block->fibers[f->warp * 32 + l].why = "";
    w.ready |= mask & ~bit;
}
template <class F> inline void warpgroup_op(int op, void *arg, const char *why, F exec)
{
    const Quiet quiet;
    Fiber *f = block->now;
    if (f->warp / 4 >= block->warpgroups.size()) die("not a whole warpgroup");
    Warpgroup &g = block->warpgroups[f->warp / 4];
    const unsigned i = f->warp % 4 * 32 + f->lane;
    if (!g.meet.n) g.meet.op = op;
    if (g.meet.op != op) die("divergent warpgroup operation");
    g.meet.arg[i] = arg;
    if (++g.meet.n < 128) {
        wait_for(why);
        return;
    }
    g.meet.n = 0;
    exec(g, g.meet.arg);
    for (unsigned k = 0; k < 128; k++) {
        Fiber *other = &block->fibers[f->warp / 4 * 128 + k];
        if (other != f) set_ready(other);
    }
}

// ---- bar.sync ----
inline void release_barrier(Barrier &b)
{
    b.n = 0;
    b.result = b.votes;
    b.votes = 0;
    b.was_fenced = b.fenced;
    b.fenced = true;
    b.turn ^= 1;
    for (auto *f : b.waiting) set_ready(f);
    b.waiting.clear();
}
// Waits for n threads (0: all of the block) at barrier id; the sum of their votes.
inline int bar_sync(int id, unsigned n, int vote = 0)
{
    if (id < 0 || id > 15) die("bar.sync: there are barriers 0 to 15");
    if (n % 32) die("bar.sync: the count must be a multiple of 32");
    const Quiet quiet;
    Barrier &b = block->barriers[id];
    const char *round = &b.round[b.turn];
    race_release(round);
    b.fenced &= block->now->fenced;
    const unsigned need = n ? n : block->alive;
    if (b.n && b.need != n) die("bar.sync with two thread counts");
    b.need = n;
    b.votes += vote;
    if (++b.n >= need) {
        release_barrier(b);
        if (g_mode.order == 3) yield_warp();
    } else {
        b.waiting.push_back(block->now);
        wait_for("bar.sync");
    }
    race_acquire(round);
    block->now->fenced = b.was_fenced;
    return b.result;
}
inline void bar_arrive(int id, unsigned n)
{
    if (id < 0 || id > 15 || n == 0 || n % 32) die("bar.arrive: bad barrier or count");
    const Quiet quiet;
    Barrier &b = block->barriers[id];
    race_release(&b.round[b.turn]);
    b.fenced &= block->now->fenced;
    if (b.n && b.need != n) die("bar.arrive with another thread count");
    b.need = n;
    if (++b.n >= n) release_barrier(b);
}

// ---- shuffles, votes, reductions ----
// `source` gives the lane that lane l reads from, inside its segment, or l itself.
template <class V, class S> inline V shuffle(uint32_t mask, V value, int form, S source)
{
    static_assert(sizeof(V) == 4 || sizeof(V) == 8, "shuffles move 4 or 8 bytes");
    V pair[2] = {value, value};
    warp_op(OP_SHUFFLE + OP_FORM * form, mask, pair, "shfl", [source, mask](void **arg) {
        for (int l = 0; l < 32; l++) {
            if (!(mask >> l & 1)) continue;
            const int from = source(l);
            if (!(mask >> from & 1)) die("shfl reads a lane outside the mask");
            ((V *)arg[l])[1] = ((V *)arg[from])[0];
        }
    });
    return pair[1];
}
template <class V> inline V shfl_xor(uint32_t mask, V v, int x, int width)
{
    return shuffle(mask, v, 1, [x, width](int l) {
        const int from = l ^ x;
        return from / width <= l / width ? from : l;
    });
}
template <class V> inline V shfl_up(uint32_t mask, V v, int d, int width)
{
    return shuffle(mask, v, 2, [d, width](int l) { return l % width >= d ? l - d : l; });
}
template <class V> inline V shfl_down(uint32_t mask, V v, int d, int width)
{
    return shuffle(mask, v, 3, [d, width](int l) { return l % width + d < width ? l + d : l; });
}
// Each lane names its own source.
template <class V> inline V shfl(uint32_t mask, V v, int source, int width)
{
    struct Arg {
        V in, out;
        int source;
    } a{v, v, source};
    warp_op(OP_SHUFFLE, mask, &a, "shfl", [mask, width](void **arg) {
        for (int l = 0; l < 32; l++) {
            if (!(mask >> l & 1)) continue;
            auto *x = (Arg *)arg[l];
            const int from = l / width * width + (x->source & (width - 1));
            if (!(mask >> from & 1)) die("shfl reads a lane outside the mask");
            x->out = ((Arg *)arg[from])->in;
        }
    });
    return a.out;
}
inline uint32_t ballot(uint32_t mask, bool p)
{
    uint32_t pair[2] = {p, 0};
    warp_op(OP_BALLOT, mask, pair, "ballot", [mask](void **arg) {
        uint32_t all = 0;
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) all |= ((uint32_t *)arg[l])[0] << l;
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) ((uint32_t *)arg[l])[1] = all;
    });
    return pair[1];
}
template <class V, class F> inline V reduce(uint32_t mask, V value, int form, F combine)
{
    V v = value;
    warp_op(OP_REDUCE + OP_FORM * form, mask, &v, "redux", [mask, combine](void **arg) {
        const auto first = (int)lowest(mask);
        V all = *(V *)arg[first];
        for (int l = first + 1; l < 32; l++)
            if (mask >> l & 1) all = combine(all, *(V *)arg[l]);
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) *(V *)arg[l] = all;
    });
    return v;
}
// True in one lane: which one is the chip's choice, but always the same.
inline bool elect()
{
    const bool mine = block->now->lane == (g_mode.order == 2 ? 31u : 0u);
    warp_op(OP_ELECT, ~0u, nullptr, "elect", [](void **) {});
    return mine;
}
inline void syncwarp(uint32_t mask = ~0u)
{
    Rendezvous &meet = block->warps[block->now->warp].meet;
    const char *round = &meet.round[meet.turn & 1];
    race_release(round);
    warp_op(OP_SYNCWARP, mask, nullptr, "syncwarp", [&meet](void **) { meet.turn++; });
    race_acquire(round);
}

} // namespace emu
