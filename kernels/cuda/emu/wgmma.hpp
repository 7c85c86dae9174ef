// wgmma.hpp - products of a warpgroup: A (64 rows) in shared memory or registers, B in shared
// memory behind matrix descriptors, 32 bytes of k a step; and the registers that warpgroups share
// out.
#pragma once
#include "kernels/cuda/emu/mma.hpp"
#include "kernels/cuda/emu/tma.hpp"

namespace emu
{

// Where element (mn, k) of an operand lies. A descriptor holds, in units of 16 bytes, the start and
// two strides, and the swizzle in its last two bits. K-major: rows of one swizzle span, in groups
// of 8 a stride apart; without swizzle, 8 x 16 byte cores, the leading offset from core to core
// along k. MN-major: k rows of one span along mn; leading offset to the next span, stride from 8 k
// to the next.
inline uint32_t operand_at(uint64_t desc, int mn, int k, int bytes, bool mn_major)
{
    static const uint32_t spans[4] = {0, 128, 64, 32};
    const auto start = (uint32_t)(desc & 0x3fff) << 4,
               leading = (uint32_t)(desc >> 16 & 0x3fff) << 4,
               stride = (uint32_t)(desc >> 32 & 0x3fff) << 4, span = spans[desc >> 62];
    if (desc >> 49 & 7) die("wgmma: the base offset of a descriptor must be 0");
    const auto x = (uint32_t)mn, kb = (uint32_t)(k * bytes);
    if (mn_major) {
        if (!span) die("wgmma: MN-major operands are emulated with a swizzle only");
        const uint32_t each = span / (uint32_t)bytes, kk = (uint32_t)k;
        return swizzled(start + x % each * (uint32_t)bytes + x / each * leading + kk % 8 * span +
                            kk / 8 * stride,
                        span);
    }
    if (!span) return start + x / 8 * stride + x % 8 * 16 + kb / 16 * leading + kb % 16;
    return swizzled(start + x / 8 * stride + x % 8 * span + kb, span);
}
inline float operand(const Wgmma &o, uint64_t desc, int mn, int k, bool mn_major)
{
    const int bytes = num_bytes(o.num);
    uint32_t bits = 0;
    memcpy(&bits, smem_async(operand_at(desc, mn, k, bytes, mn_major), (unsigned)bytes),
           (size_t)bytes);
    return number(o.num, bits);
}
// A from registers: as mma.sync has it, 16 rows a warp.
inline float operand_a(const Wgmma &o, int row, int k)
{
    if (!o.a[0]) return operand(o, o.desc_a, row, k, false);
    const int bytes = num_bytes(o.num), each = 4 / bytes;
    const int thread = row / 16 * 32 + row % 8 * 4 + k % (4 * each) / each;
    const int r = row % 16 / 8 + k / (4 * each) * 2;
    return number(o.num, o.a[thread][r] >> (k % each * 8 * bytes));
}
template <class S> inline S &accumulator(const Wgmma &o, int row, int n)
{
    const int thread = row / 16 * 32 + row % 8 * 4 + n % 8 / 2;
    return ((S *)o.acc[thread])[n / 8 * 4 + row % 16 / 8 * 2 + n % 2];
}
template <class S> inline void multiply(const Wgmma &o)
{
    static thread_local S a[64][32], b[32][256], c[256];
    const int K = 32 / num_bytes(o.num);
    for (int k = 0; k < K; k++) {
        for (int row = 0; row < 64; row++) a[row][k] = (S)operand_a(o, row, k);
        for (int n = 0; n < o.n; n++) b[k][n] = (S)operand(o, o.desc_b, n, k, o.b_mn);
    }
    for (int row = 0; row < 64; row++) {
        for (int n = 0; n < o.n; n++) c[n] = o.keep_d ? accumulator<S>(o, row, n) : S(0);
        for (int k = 0; k < K; k++)
            for (int n = 0; n < o.n; n++) c[n] += a[row][k] * b[k][n];
        for (int n = 0; n < o.n; n++) accumulator<S>(o, row, n) = c[n];
    }
    st_wgmma++;
}
inline void do_wgmma(const Wgmma &o)
{
    if (o.num == Num::s8)
        multiply<int32_t>(o);
    else
        multiply<float>(o);
}
// The race detector sees the last thread to arrive read the operands, and all that wait for the
// product come after that: one of them may give the memory back for the warpgroup.
inline void race_operand(uint64_t desc, int rows, int bytes, bool mn_major)
{
#ifdef EMU_RACES
    for (int k = 0; k < 32 / bytes; k += mn_major ? 1 : 16 / bytes)
        for (int x = 0; x < rows; x += mn_major ? 8 : 1)
            race_read(smem_at(operand_at(desc, x, k, bytes, mn_major), 16), 16);
#else
    (void)desc, (void)rows, (void)bytes, (void)mn_major;
#endif
}
struct WgmmaArg {
    void *acc;
    const uint32_t *a;
    uint64_t desc_a, desc_b;
    bool keep_d;
};
// D (64 x n) = A B, or D + A B. b_mn: B runs along N in memory (16-bit formats only).
template <Num NUM, bool B_MN = false>
inline void wgmma(int n, void *acc, const uint32_t *a, uint64_t desc_a, uint64_t desc_b,
                  bool keep_d)
{
    static_assert(!B_MN || num_bytes(NUM) == 2, "8-bit operands are K-major");
    WgmmaArg mine{acc, a, desc_a, desc_b, keep_d};
    const int form = n * 16 + (int)NUM * 2 + B_MN;
    warpgroup_op(OP_WGMMA + OP_FORM * form, &mine, "wgmma", [n](Warpgroup &g, void **arg) {
        const auto *first = (WgmmaArg *)arg[0];
        Wgmma o{first->desc_a, first->desc_b, n, NUM, first->keep_d, B_MN, {}, {}};
        for (int i = 0; i < 128; i++) {
            const auto *x = (WgmmaArg *)arg[i];
            if (x->desc_a != o.desc_a || x->desc_b != o.desc_b || x->keep_d != o.keep_d)
                die("wgmma: operands differ inside the warpgroup");
            o.acc[i] = x->acc;
            o.a[i] = x->a;
        }
        quiet_end();
        if (!o.a[0]) race_operand(o.desc_a, 64, num_bytes(NUM), false);
        race_operand(o.desc_b, n, num_bytes(NUM), B_MN);
        race_release(&g);
        quiet_begin();
        if (g_mode.late & 2)
            g.open.push_back(o);
        else
            do_wgmma(o);
    });
}
inline void wg_commit()
{
    warpgroup_op(OP_COMMIT, nullptr, "wgmma.commit", [](Warpgroup &g, void **) {
        g.groups.emplace_back();
        g.groups.back().swap(g.open);
    });
}
inline void wg_wait(unsigned left)
{
    warpgroup_op(OP_WAIT, nullptr, "wgmma.wait", [left](Warpgroup &g, void **) {
        for (; g.groups.size() > left; g.groups.pop_front())
            for (auto &o : g.groups.front()) do_wgmma(o);
    });
    race_acquire(&block->warpgroups[block->now->warp / 4]);
}
inline void setmaxnreg(int n)
{
    warpgroup_op(OP_REGISTERS, nullptr, "setmaxnreg", [n](Warpgroup &g, void **) {
        g.registers = n;
        int sum = 0;
        bool all = true;
        for (auto &x : block->warpgroups) {
            sum += x.registers;
            all &= x.registers != 0;
        }
        if (n % 8 || n < 24 || n > 256) die("setmaxnreg: bad count");
        if (all && sum * 128 > 65536) die("setmaxnreg: more registers than the SM has");
    });
}

} // namespace emu
