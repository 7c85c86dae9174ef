// cluster.hpp - what blocks of a cluster do to each other: the barrier of all their threads,
// arrivals at another block's mbarrier, boxes that come to several blocks at once. A block that has
// ended may not be touched.
#pragma once
#include "kernels/cuda/emu/fibers.hpp"
#include "kernels/cuda/emu/mbarrier.hpp"
#include "kernels/cuda/emu/tma.hpp"

namespace emu
{

inline Block &peer(unsigned rank)
{
    std::vector<Block> &all = block->cluster->blocks;
    if (rank >= all.size()) die("cluster: there is no such block");
    if (!all[rank].alive) die("cluster: the other block has ended");
    return all[rank];
}

// ---- barrier.cluster: everyone arrives, and later waits for all who have not ended ----
inline void turn_cluster(Cluster &c)
{
    unsigned alive = 0;
    for (const Block &b : c.blocks) alive += b.alive;
    if (!c.arrived || c.arrived < alive) return;
    c.arrived = 0;
    c.turn++;
    for (Fiber *f : c.waiting) set_ready(f);
    c.waiting.clear();
}
inline void cluster_arrive()
{
    const Quiet quiet;
    Fiber *f = block->now;
    Cluster &c = *block->cluster;
    if (f->arrived) die("barrier.cluster.arrive twice without a wait");
    f->arrived = true;
    f->cluster_turn = c.turn;
    race_release(&c.round[c.turn & 1]);
    c.arrived++;
    turn_cluster(c);
}
inline void cluster_wait()
{
    const Quiet quiet;
    Fiber *f = block->now;
    Cluster &c = *block->cluster;
    if (!f->arrived) die("barrier.cluster.wait without an arrive");
    if (c.turn == f->cluster_turn) {
        c.waiting.push_back(f);
        wait_for("barrier.cluster");
    }
    f->arrived = false;
    race_acquire(&c.round[f->cluster_turn & 1]);
}
// A thread ends: the others no longer wait for it.
inline void leave_cluster(Fiber *f)
{
    if (f->arrived) die("thread ends between arrive and wait of the cluster's barrier");
    turn_cluster(*block->cluster);
}
// The block's last thread has ended.
inline void check_ended()
{
    if (!block->late.empty()) die("block ends with a bulk copy still in flight");
    for (const Warpgroup &g : block->warpgroups)
        if (!g.open.empty() || !g.groups.empty()) die("block ends with wgmma still in flight");
}

// ---- at the same place of another block's shared memory ----
inline void mb_arrive_at(uint64_t *p, unsigned rank)
{
    const uint32_t at = smem_u32(p);
    const Inside in(peer(rank));
    mb_arrive((uint64_t *)(block->smem + at));
}
// The box comes to every block of the mask, where each mbarrier counts its bytes: at times of their
// own.
inline void tma_load_all(void *tile, const TMap *map, uint64_t *bar, Place p, unsigned mask)
{
    const uint32_t to = smem_u32(tile), count = smem_u32(bar);
    if (!mask || mask >> block->cluster->blocks.size()) die("TMA: no such blocks in the cluster");
    for (unsigned rank = 0; mask >> rank; rank++) {
        if (!(mask >> rank & 1)) continue;
        const Inside in(peer(rank));
        tma_load(block->smem + to, map, (uint64_t *)(block->smem + count), p);
    }
}

} // namespace emu
