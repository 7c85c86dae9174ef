// copies.hpp - asynchronous copies of a thread: cp.async into shared memory and bulk stores out of
// it, each in groups that are committed and waited for. "Late" runs do them at the last moment
// allowed.
#pragma once
#include "kernels/cuda/emu/fibers.hpp"

namespace emu
{

inline bool copies_are_late() { return g_mode.late & 1; }

// ---- cp.async ----
inline void do_copy(const Copy &c)
{
    if (c.n) memcpy(c.to, c.from, c.n);
    if (c.n < c.size) memset((char *)c.to + c.n, 0, c.size - c.n);
}
// Copies n bytes and zeros the rest of `size` (4, 8 or 16).
inline void cp_async(void *to, const void *from, int n, unsigned size)
{
    smem_at(smem_u32(to), size);
    if (n < 0 || (unsigned)n > size) die("cp.async: more source bytes than the copy has");
    if (((uintptr_t)to | (n ? (uintptr_t)from : 0)) & (size - 1)) die("cp.async: not aligned");
    race_read(from, (size_t)n);
    race_write(to, size);
    const Quiet quiet;
    const Copy c = {to, from, (unsigned)n, size};
    if (!copies_are_late()) do_copy(c);
    block->now->copies.push_back(c);
}
inline void cp_commit()
{
    const Quiet quiet;
    Fiber *f = block->now;
    f->groups.emplace_back();
    f->groups.back().swap(f->copies);
}
inline void cp_wait(unsigned left)
{
    Fiber *f = block->now;
    const auto n = f->groups.size() > left ? f->groups.size() - left : 0;
    for (size_t i = 0; i < n; i++)
        for (const Copy &c : f->groups[i]) race_write(c.to, c.size); // it may come as late as this
    const Quiet quiet;
    for (size_t i = 0; i < n; i++, f->groups.pop_front())
        if (copies_are_late())
            for (const Copy &c : f->groups.front()) do_copy(c);
}

// ---- bulk stores ----
inline void bulk_store(BulkStore s)
{
    const Quiet quiet;
    if (!copies_are_late()) {
        s.read();
        s.write();
        s.read = s.write = [] {};
    }
    block->now->stores.push_back(std::move(s));
}
inline void bulk_commit()
{
    const Quiet quiet;
    Fiber *f = block->now;
    f->store_groups.emplace_back();
    f->store_groups.back().swap(f->stores);
}
inline void read_once(BulkStore &s)
{
    if (!s.has_read) s.read();
    s.has_read = true;
}
// All but the last `left` groups have been read out of shared memory.
inline void bulk_wait_read(unsigned left)
{
    const Quiet quiet;
    auto &groups = block->now->store_groups;
    for (size_t i = 0; i + left < groups.size(); i++)
        for (BulkStore &s : groups[i]) read_once(s);
}
// ... and are in global memory.
inline void bulk_wait(unsigned left)
{
    const Quiet quiet;
    auto &groups = block->now->store_groups;
    for (; groups.size() > left; groups.pop_front())
        for (BulkStore &s : groups.front()) {
            read_once(s);
            s.write();
        }
}
// A thread ends: nothing may be left that still reads shared memory.
inline void finish_copies(Fiber *f)
{
    if (!f->copies.empty()) die("thread exits with uncommitted cp.async");
    if (!f->stores.empty()) die("thread exits with uncommitted bulk stores");
    for (const auto &group : f->store_groups)
        for (const BulkStore &s : group)
            if (!s.has_read && copies_are_late())
                die("thread exits before its bulk stores have read shared memory");
    bulk_wait(0);
}

} // namespace emu
