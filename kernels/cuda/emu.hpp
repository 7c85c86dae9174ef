// Ingot CUDA emulator: runs our CUDA dialect on the CPU, one fiber per CUDA thread.
// Included by ptx.cuh when the translation unit is compiled by an ordinary C++17 compiler.
#pragma once
#ifdef __clang__
#    pragma clang diagnostic ignored "-Wpass-failed" // #pragma unroll is for the device
#endif
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cmath>
#include <functional>
#include <vector>
#include <deque>
#include <thread>
#include <atomic>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__) && !defined(EMU_UCONTEXT)
#    define EMU_ASM 1 // own context switch; elsewhere ucontext, which is slower but portable
#else
#    include <ucontext.h>
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __restrict__ __restrict

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
struct uint2 {
    uint32_t x, y;
};
struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
struct float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

namespace emu
{

// How hostile a run is. Every kernel test runs under all of them and must give bit-equal output.
struct Mode {
    int late =
        0; // bit 0: copies, bit 1: wgmma happen as late as the ordering rules allow, else at once
    int order = 0; // 0 round robin, 1 lowest warp first, 2 highest warp first, 3 random
    uint32_t seed = 1;
    const char *name = "eager/rr";
};
inline Mode g_mode;
inline std::atomic<uint64_t> st_mma{0}, st_ldm{0}, st_conflict{0}, st_switch{0}, st_wgmma{0},
    st_tma{0};

struct Copy {
    void *dst;
    const void *src;
    unsigned n;
};
struct Fiber {
    void *sp = nullptr;
    char *stk = nullptr;
#ifndef EMU_ASM
    ucontext_t uc;
#endif
    dim3 tid;
    unsigned lane = 0, warp = 0;
    bool done = false;
    const char *why = "";
    std::vector<Copy> cur;
    std::deque<std::vector<Copy>> groups; // cp.async state
    uint64_t *mbar = nullptr;
    unsigned par = 0; // mbarrier being waited for
};
struct Rendezvous {
    uint64_t n = 0, need = 0;
    int op = 0;
    void *arg[128];
};
struct Warp {
    uint32_t ready = 0, live = 0;
    Rendezvous r;
    uint32_t got = 0;
};
struct WgOp {
    uint64_t da, db;
    int n;
    bool scale_d, tb;
    float *acc[128];
    const uint32_t *areg[128];
};
struct Wg {
    Rendezvous r;
    std::vector<WgOp> open;
    std::deque<std::vector<WgOp>> groups;
    int regs = 0;
};

struct Block {
    std::vector<Fiber> f;
    std::vector<Warp> w;
    std::vector<Wg> wg;
    Fiber *cur = nullptr;
    void *main_sp = nullptr;
#ifndef EMU_ASM
    ucontext_t main_uc;
#endif
    dim3 bidx, bdim, gdim;
    unsigned alive = 0, nthreads = 0;
    char *smem = nullptr;
    size_t smem_n = 0;
    char *map = nullptr;
    size_t map_n = 0;
    struct {
        unsigned n = 0, need = 0;
        std::vector<Fiber *> q;
    } bar[16];
    std::vector<Fiber *> mwait;
    std::deque<std::function<void()>> late;
    std::function<void()> body;
    uint32_t rng = 1;
    uint64_t sw = 0;
};
inline thread_local Block *B = nullptr;

[[noreturn]] inline void die(const char *m)
{
    fprintf(stderr, "emu: %s (block %u,%u,%u", m, B->bidx.x, B->bidx.y, B->bidx.z);
    if (B->cur) fprintf(stderr, " thread %u", B->cur->tid.x);
    fprintf(stderr, ", mode %s)\n", g_mode.name);
    int shown = 0;
    for (auto &f : B->f)
        if (!f.done && f.why[0] && shown++ < 12)
            fprintf(stderr, "  thread %u waits: %s\n", f.tid.x, f.why);
    abort();
}

#ifdef EMU_ASM
extern "C" void emu_switch(void **save, void *load);
__asm__(".text\n.weak emu_switch\n.type emu_switch,@function\nemu_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
#endif

inline uint32_t rnd()
{
    uint32_t x = B->rng;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return B->rng = x;
}
inline void set_ready(Fiber *f)
{
    f->why = "";
    B->w[f->warp].ready |= 1u << f->lane;
}

inline int pick_warp(int from)
{
    int n = (int)B->w.size(), s = g_mode.order == 0   ? from + 1
                                  : g_mode.order == 3 ? (int)(rnd() % n)
                                                      : 0;
    for (int i = 0; i < n; i++) {
        int k = g_mode.order == 2 ? n - 1 - i : (s + i) % n;
        if (B->w[k].ready) return k;
    }
    return -1;
}
inline void jump(Fiber *to)
{
    Fiber *me = B->cur;
    B->cur = to;
    B->sw++;
    if (me == to) return;
#ifdef EMU_ASM
    emu_switch(me ? &me->sp : &B->main_sp, to ? to->sp : B->main_sp);
#else
    swapcontext(me ? &me->uc : &B->main_uc, to ? &to->uc : &B->main_uc);
#endif
}
// Give up the CPU. The caller has already said what it waits for (its ready bit is clear).
inline void resched()
{
    for (;;) {
        int wi = B->cur ? (int)B->cur->warp : 0;
        if (B->cur && B->w[wi].ready) { // stay in the warp: cheapest, and a legal schedule
            uint32_t r = B->w[wi].ready, hi = r & ~((2u << B->cur->lane) - 1);
            int l = __builtin_ctz(hi ? hi : r);
            B->w[wi].ready &= ~(1u << l);
            jump(&B->f[wi * 32 + l]);
            return;
        }
        int k = pick_warp(wi);
        if (k >= 0) {
            int l = __builtin_ctz(B->w[k].ready);
            B->w[k].ready &= ~(1u << l);
            jump(&B->f[k * 32 + l]);
            return;
        }
        if (!B->alive) {
            jump(nullptr);
            return;
        }
        if (B->late.empty()) die("deadlock: no thread can run");
        size_t i =
            g_mode.order == 3 ? rnd() % B->late.size() : 0; // bulk copies may finish in any order
        auto op = std::move(B->late[i]);
        B->late.erase(B->late.begin() + i);
        op();
    }
}
inline void block_on(const char *why)
{
    B->cur->why = why;
    resched();
}
inline void yield_warp()
{
    Fiber *f = B->cur;
    set_ready(f); // let another warp go first
    int k = pick_warp(f->warp);
    int l = __builtin_ctz(B->w[k].ready);
    B->w[k].ready &= ~(1u << l);
    jump(&B->f[k * 32 + l]);
}

inline void release_bar(int id)
{
    auto &b = B->bar[id];
    b.n = 0;
    for (auto *f : b.q) set_ready(f);
    b.q.clear();
}
inline void fiber_main()
{
    B->body();
    Fiber *f = B->cur;
    f->done = true;
    B->alive--;
    B->w[f->warp].live &= ~(1u << f->lane);
    if (!f->cur.empty()) die("thread exits with uncommitted cp.async");
    if (B->bar[0].n && B->bar[0].n == B->alive) release_bar(0);
    resched();
    abort();
}

// ---- collectives -------------------------------------------------------------------------
template <class F> inline void warp_op(int op, uint32_t mask, void *arg, const char *why, F exec)
{
    Fiber *f = B->cur;
    Warp &w = B->w[f->warp];
    uint32_t bit = 1u << f->lane;
    if (!w.got) {
        w.r.op = op;
        w.r.need = mask;
    }
    if (w.r.op != op || w.r.need != mask || (mask & ~w.live) || !(mask & bit) || (w.got & bit))
        die("divergent or ill-masked warp operation");
    w.r.arg[f->lane] = arg;
    w.got |= bit;
    if (w.got != mask) {
        block_on(why);
        return;
    }
    exec(w.r.arg);
    w.got = 0;
    for (int l = 0; l < 32; l++)
        if ((mask >> l & 1) && l != (int)f->lane) B->f[f->warp * 32 + l].why = "";
    w.ready |= mask & ~bit;
}
template <class F> inline void wg_op(int op, void *arg, const char *why, F exec)
{
    Fiber *f = B->cur;
    Wg &g = B->wg[f->warp / 4];
    unsigned i = f->tid.x % 128;
    if (!g.r.n) g.r.op = op;
    if (g.r.op != op) die("divergent warpgroup operation");
    g.r.arg[i] = arg;
    if (++g.r.n < 128) {
        block_on(why);
        return;
    }
    g.r.n = 0;
    exec(g, g.r.arg);
    for (unsigned k = 0; k < 128; k++) {
        Fiber *o = &B->f[(f->warp / 4) * 128 + k];
        if (o != f) set_ready(o);
    }
}
inline void bar_sync(int id, unsigned n)
{
    auto &b = B->bar[id];
    unsigned need = n ? n : B->alive;
    if (b.n && n && b.need != n) die("bar.sync with two thread counts");
    b.need = n;
    if (++b.n >= need) {
        release_bar(id);
        if (g_mode.order == 3) yield_warp();
        return;
    }
    b.q.push_back(B->cur);
    block_on("bar.sync");
}

// ---- shared memory window ----------------------------------------------------------------
inline uint32_t smem_u32(const void *p)
{
    auto d = (const char *)p - B->smem;
    if (d < 0 || (size_t)d >= B->smem_n) die("pointer outside shared memory");
    return (uint32_t)d;
}
inline char *smem_at(uint32_t a, unsigned n)
{
    if ((size_t)a + n > B->smem_n) die("shared memory access out of range");
    return B->smem + a;
}

// ---- cp.async ----------------------------------------------------------------------------
inline void do_copy(const Copy &c)
{
    if (c.n) memcpy(c.dst, c.src, c.n);
    if (c.n < 16) memset((char *)c.dst + c.n, 0, 16 - c.n);
}
inline void cp_async16(void *dst, const void *src, unsigned n)
{
    smem_u32(dst);
    if (((uintptr_t)dst | (n ? (uintptr_t)src : 0)) & 15) die("cp.async: not 16-byte aligned");
    if (g_mode.late & 1)
        B->cur->cur.push_back({dst, src, n});
    else
        do_copy({dst, src, n});
}
inline void cp_commit()
{
    auto *f = B->cur;
    f->groups.emplace_back();
    f->groups.back().swap(f->cur);
}
inline void cp_wait(unsigned left)
{
    auto *f = B->cur;
    while (f->groups.size() > left) {
        for (auto &c : f->groups.front()) do_copy(c);
        f->groups.pop_front();
    }
}

// ---- ldmatrix / mma.sync -----------------------------------------------------------------
struct LdArg {
    uint32_t *r;
    const void *p;
};
template <int NM, bool T> inline void ldmatrix(uint32_t *r, const void *p)
{
    LdArg a{r, p};
    warp_op(T ? 2 : 1, ~0u, &a, "ldmatrix", [](void **v) {
        uint16_t m[8][8];
        for (int i = 0; i < NM; i++) {
            unsigned banks = 0;
            for (int j = 0; j < 8; j++) {
                uint32_t ad = smem_u32(((LdArg *)v[i * 8 + j])->p);
                if (ad & 15) die("ldmatrix: row not 16-byte aligned");
                banks |= 1u << (ad >> 4 & 7);
                memcpy(m[j], smem_at(ad, 16), 16);
            }
            st_conflict += 8 - __builtin_popcount(banks);
            for (int l = 0; l < 32; l++) {
                int a = l >> 2, b = (l & 3) * 2;
                ((LdArg *)v[l])->r[i] = T ? m[b][a] | (uint32_t)m[b + 1][a] << 16
                                          : m[a][b] | (uint32_t)m[a][b + 1] << 16;
            }
        }
        st_ldm++;
    });
}
inline float bf2f(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}
inline uint16_t f2bf(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    if ((u & 0x7fffffff) > 0x7f800000) return 0x7fff;
    return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
struct MmaArg {
    float *c;
    const uint32_t *a, *b;
};
inline void mma_bf16(float *c, const uint32_t *a, const uint32_t *b)
{
    MmaArg g{c, a, b};
    warp_op(3, ~0u, &g, "mma.sync", [](void **v) {
        alignas(32) float A[16][16], Bm[16][8], C[16][8];
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            int r = l >> 2, q = (l & 3) * 2;
            for (int i = 0; i < 4; i++) {
                int rr = r + (i & 1) * 8, kk = q + (i >> 1) * 8;
                A[rr][kk] = bf2f(x->a[i]);
                A[rr][kk + 1] = bf2f(x->a[i] >> 16);
            }
            for (int i = 0; i < 2; i++) {
                Bm[q + i * 8][r] = bf2f(x->b[i]);
                Bm[q + i * 8 + 1][r] = bf2f(x->b[i] >> 16);
            }
            C[r][q] = x->c[0];
            C[r][q + 1] = x->c[1];
            C[r + 8][q] = x->c[2];
            C[r + 8][q + 1] = x->c[3];
        }
        for (int m = 0; m < 16; m++)
            for (int k = 0; k < 16; k++) {
                float s = A[m][k];
                for (int n = 0; n < 8; n++) C[m][n] += s * Bm[k][n];
            }
        for (int l = 0; l < 32; l++) {
            auto *x = (MmaArg *)v[l];
            int r = l >> 2, q = (l & 3) * 2;
            x->c[0] = C[r][q];
            x->c[1] = C[r][q + 1];
            x->c[2] = C[r + 8][q];
            x->c[3] = C[r + 8][q + 1];
        }
        st_mma++;
    });
}
inline void mma_s8(int *c, const uint32_t *a, const uint32_t *b)
{ // m16n8k32, s8 x s8 -> s32
    struct G {
        int *c;
        const uint32_t *a, *b;
    } g{c, a, b};
    warp_op(4, ~0u, &g, "mma.sync s8", [](void **v) {
        int8_t A[16][32], Bm[8][32];
        for (int l = 0; l < 32; l++) {
            auto *x = (G *)v[l];
            int r = l >> 2, q = (l & 3) * 4;
            for (int i = 0; i < 4; i++) memcpy(&A[r + (i & 1) * 8][q + (i >> 1) * 16], &x->a[i], 4);
            for (int i = 0; i < 2; i++) memcpy(&Bm[r][q + i * 16], &x->b[i], 4);
        }
        for (int l = 0; l < 32; l++) {
            auto *x = (G *)v[l];
            for (int i = 0; i < 4; i++) {
                int m = (l >> 2) + (i >> 1) * 8, n = (l & 3) * 2 + (i & 1), s = 0;
                for (int k = 0; k < 32; k++) {
                    s += A[m][k] * Bm[n][k];
                }
                x->c[i] += s;
            }
        }
        st_mma++;
    });
}
template <class V> inline V shfl_xor(uint32_t mask, V val, int x)
{
    static_assert(sizeof(V) == 4, "4-byte shuffles only");
    V out[2] = {val, val};
    warp_op(5, mask, out, "shfl", [x, mask](void **v) {
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) {
                if (!(mask >> (l ^ x) & 1)) {
                    die("shfl reads a lane outside the mask");
                }
                ((V *)v[l])[1] = ((V *)v[l ^ x])[0];
            }
    });
    return out[1];
}
inline uint32_t ballot(uint32_t mask, bool p)
{
    uint32_t a[2] = {p, 0};
    warp_op(6, mask, a, "ballot", [mask](void **v) {
        uint32_t r = 0;
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) r |= ((uint32_t *)v[l])[0] << l;
        for (int l = 0; l < 32; l++)
            if (mask >> l & 1) ((uint32_t *)v[l])[1] = r;
    });
    return a[1];
}
inline void syncwarp(uint32_t mask)
{
    warp_op(7, mask, nullptr, "syncwarp", [](void **) {});
}

// ---- mbarrier (phase:1 | init:20 | pending:20 | tx:23 signed), kept in the 8 bytes of the object
// ----
struct Mb {
    uint64_t ph : 1, init : 20, pend : 20;
    int64_t tx : 23;
};
static_assert(sizeof(Mb) == 8, "mbarrier is 8 bytes");
inline void mb_check(uint64_t *p)
{
    Mb *b = (Mb *)p;
    if (b->pend || b->tx) return;
    b->ph ^= 1;
    b->pend = b->init;
    for (size_t i = 0; i < B->mwait.size();) {
        Fiber *f = B->mwait[i];
        if (f->mbar == p && b->ph != f->par) {
            set_ready(f);
            B->mwait[i] = B->mwait.back();
            B->mwait.pop_back();
        } else
            i++;
    }
}
inline void mb_init(uint64_t *p, unsigned n)
{
    smem_u32(p);
    Mb b{};
    b.init = b.pend = n;
    memcpy(p, &b, 8);
}
inline void mb_arrive(uint64_t *p, unsigned n = 1)
{
    smem_u32(p);
    Mb *b = (Mb *)p;
    if (b->pend < n) die("mbarrier: more arrivals than expected");
    b->pend -= n;
    mb_check(p);
}
inline void mb_expect(uint64_t *p, unsigned bytes)
{
    smem_u32(p);
    ((Mb *)p)->tx += bytes;
    mb_arrive(p);
}
inline void mb_complete(uint64_t *p, unsigned bytes)
{
    ((Mb *)p)->tx -= bytes;
    mb_check(p);
}
inline void mb_wait(uint64_t *p, unsigned par)
{
    smem_u32(p);
    if (((Mb *)p)->ph != par) return;
    Fiber *f = B->cur;
    f->mbar = p;
    f->par = par;
    B->mwait.push_back(f);
    block_on("mbarrier");
}

// ---- TMA: 2-D tiles, 128-byte swizzle --------------------------------------------------------
inline uint32_t swz128(uint32_t a) { return a ^ ((a >> 7 & 7) << 4); }
struct TMap {
    const char *base;
    uint64_t cols, rows, pitch;
    uint32_t bc, br, es;
    bool swz;
};
inline void tma_load_2d(void *dst, const TMap *t, uint64_t *bar, int c, int r)
{
    uint32_t d = smem_u32(dst);
    if (d & (t->swz ? 1023 : 127)) die("TMA: tile base not aligned");
    TMap m = *t;
    auto op = [=] {
        for (uint32_t i = 0; i < m.br; i++)
            for (uint32_t j = 0; j < m.bc; j += 16 / m.es) {
                char b[16] = {0};
                int64_t rr = (int64_t)r + i;
                for (uint32_t e = 0; e < 16 / m.es; e++) {
                    int64_t cc = (int64_t)c + j + e;
                    if (rr >= 0 && rr < (int64_t)m.rows && cc >= 0 && cc < (int64_t)m.cols)
                        memcpy(b + e * m.es, m.base + rr * m.pitch + cc * m.es, m.es);
                }
                uint32_t a = d + i * m.bc * m.es + j * m.es;
                memcpy(smem_at(m.swz ? swz128(a) : a, 16), b, 16);
            }
        st_tma++;
        mb_complete(bar, m.br * m.bc * m.es);
    };
    if (g_mode.late & 1)
        B->late.push_back(op);
    else
        op();
}

// ---- wgmma: bf16, 128-byte swizzle; A K-major in shared memory or in registers, B K-major or
// N-major ------------
inline uint16_t desc_elem(uint64_t d, int mn, int k, bool trans)
{ // k in bf16 elements
    uint32_t start = (d & 0x3fff) << 4, lbo = (d >> 16 & 0x3fff) << 4,
             sbo = (d >> 32 & 0x3fff) << 4;
    if (d >> 62 != 1) die("wgmma: only the 128-byte swizzle is emulated so far");
    uint32_t a = trans ? start + mn % 64 * 2 + mn / 64 * lbo + k % 8 * 128 + k / 8 * sbo
                       : start + mn / 8 * sbo + mn % 8 * 128 + k * 2;
    uint16_t v;
    memcpy(&v, smem_at(swz128(a), 2), 2);
    return v;
}
inline void wg_exec(const WgOp &o)
{
    static thread_local float A[64][16], W[16][256];
    for (int r = 0; r < 64; r++) {
        int t0 = (r / 16) * 32 + (r % 8) * 4, h = r % 16 / 8;
        for (int k = 0; k < 16; k++)
            A[r][k] = bf2f(o.areg[0] ? o.areg[t0 + k % 8 / 2][h + k / 8 * 2] >> (k % 2 * 16)
                                     : desc_elem(o.da, r, k, false));
    }
    for (int n = 0; n < o.n; n++)
        for (int k = 0; k < 16; k++) W[k][n] = bf2f(desc_elem(o.db, n, k, o.tb));
    for (int r = 0; r < 64; r++) {
        float C[256];
        int t0 = (r / 16) * 32 + (r % 8) * 4, h = (r % 16) / 8 * 2;
        for (int n = 0; n < o.n; n++)
            C[n] = o.scale_d ? o.acc[t0 + (n % 8) / 2][n / 8 * 4 + h + n % 2] : 0.f;
        for (int k = 0; k < 16; k++) {
            float s = A[r][k];
            for (int n = 0; n < o.n; n++) C[n] += s * W[k][n];
        }
        for (int n = 0; n < o.n; n++) o.acc[t0 + (n % 8) / 2][n / 8 * 4 + h + n % 2] = C[n];
    }
    st_wgmma++;
}
struct WgArg {
    float *acc;
    const uint32_t *a;
    uint64_t da, db;
    bool sd, tb;
};
template <int N> inline void wgmma_any(WgArg a)
{
    wg_op(10 + N, &a, "wgmma", [](Wg &g, void **v) {
        WgOp o;
        auto *x = (WgArg *)v[0];
        o.da = x->da;
        o.db = x->db;
        o.n = N;
        o.scale_d = x->sd;
        o.tb = x->tb;
        for (int i = 0; i < 128; i++) {
            auto *y = (WgArg *)v[i];
            if (y->da != o.da || y->db != o.db || y->sd != o.scale_d)
                die("wgmma: operands differ inside the warpgroup");
            o.acc[i] = y->acc;
            o.areg[i] = y->a;
        }
        if (g_mode.late & 2)
            g.open.push_back(o);
        else
            wg_exec(o);
    });
}
template <int N> inline void wgmma_bf16(float *acc, uint64_t da, uint64_t db, bool sd)
{
    wgmma_any<N>({acc, nullptr, da, db, sd, false});
}
template <int N> inline void wgmma_bf16_rs(float *acc, const uint32_t *a, uint64_t db, bool sd)
{
    wgmma_any<N>({acc, a, 0, db, sd, true});
}
inline void wg_commit()
{
    wg_op(1, nullptr, "wgmma.commit", [](Wg &g, void **) {
        g.groups.emplace_back();
        g.groups.back().swap(g.open);
    });
}
inline void wg_wait(unsigned left)
{
    wg_op(2, nullptr, "wgmma.wait", [left](Wg &g, void **) {
        while (g.groups.size() > left) {
            for (auto &o : g.groups.front()) wg_exec(o);
            g.groups.pop_front();
        }
    });
}
inline void setmaxnreg(int n)
{
    wg_op(3, nullptr, "setmaxnreg", [n](Wg &g, void **) {
        g.regs = n;
        int s = 0;
        bool all = true;
        for (auto &x : B->wg) {
            s += x.regs;
            all &= x.regs != 0;
        }
        if (n % 8 || n < 24 || n > 256) die("setmaxnreg: bad count");
        if (all && s * 128 > 65536) die("setmaxnreg: more registers than the SM has");
    });
}

// ---- launch --------------------------------------------------------------------------------
inline constexpr size_t STK = 64 * 1024;
inline void run_block(Block &b)
{
    B = &b;
    b.nthreads = b.bdim.x * b.bdim.y * b.bdim.z;
    b.alive = b.nthreads;
    if (b.nthreads % 32) die("block size must be a multiple of 32");
    memset(b.smem, 0xff, b.smem_n); // poison: NaN
    b.w.assign(b.nthreads / 32, Warp());
    b.wg.assign(b.nthreads / 128, Wg());
    for (auto &x : b.bar) {
        x.n = x.need = 0;
        x.q.clear();
    }
    b.mwait.clear();
    b.late.clear();
    for (unsigned i = 0; i < b.nthreads; i++) {
        Fiber &f = b.f[i];
        char *s = f.stk;
        f = Fiber();
        f.stk = s;
        f.tid = dim3(i % b.bdim.x, i / b.bdim.x % b.bdim.y, i / b.bdim.x / b.bdim.y);
        f.lane = i % 32;
        f.warp = i / 32;
        b.w[f.warp].live |= 1u << f.lane;
        b.w[f.warp].ready |= 1u << f.lane;
#ifdef EMU_ASM
        void **p = (void **)(s + STK);
        *--p = nullptr;
        *--p = (void *)fiber_main;
        for (int k = 0; k < 6; k++) *--p = nullptr;
        f.sp = p;
#else
        getcontext(&f.uc);
        f.uc.uc_stack.ss_sp = s;
        f.uc.uc_stack.ss_size = STK;
        f.uc.uc_link = nullptr;
        makecontext(&f.uc, (void (*)())fiber_main, 0);
#endif
    }
    b.cur = nullptr;
    resched();
    if (!b.late.empty()) die("kernel ends with a bulk copy still in flight");
    for (auto &g : b.wg)
        if (g.open.size() || g.groups.size()) die("kernel ends with wgmma still in flight");
    st_switch += b.sw;
    b.sw = 0;
    B = nullptr;
}
inline int g_workers = 1;
template <class F> inline void launch(dim3 grid, dim3 block, size_t smem, F body)
{
    std::atomic<unsigned> next{0};
    unsigned total = grid.x * grid.y * grid.z, nt = block.x * block.y * block.z;
    auto work = [&] {
        Block b;
        b.f.resize(nt);
        b.bdim = block;
        b.gdim = grid;
        b.smem_n = (smem + 1023) & ~size_t(1023);
        b.body = body;
        b.rng = g_mode.seed * 2654435761u | 1;
        size_t pg = sysconf(_SC_PAGESIZE), body_n = (b.smem_n + pg - 1) & ~(pg - 1);
        b.map_n = body_n + pg;
        b.map =
            (char *)mmap(0, b.map_n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(b.map + body_n, pg, PROT_NONE);
        b.smem = b.map + body_n - b.smem_n; // guard page right after the end
        char *stk = (char *)mmap(0, nt * STK, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (unsigned i = 0; i < nt; i++) b.f[i].stk = stk + i * STK;
        for (unsigned i; (i = next++) < total;) {
            unsigned j = g_mode.order == 2 ? total - 1 - i : i;
            b.bidx = dim3(j % grid.x, j / grid.x % grid.y, j / grid.x / grid.y);
            run_block(b);
        }
        munmap(stk, nt * STK);
        munmap(b.map, b.map_n);
    };
    if (g_workers <= 1)
        work();
    else {
        std::vector<std::thread> t;
        for (int i = 0; i < g_workers; i++) t.emplace_back(work);
        for (auto &x : t) x.join();
    }
}

// ---- streams: in order, done when the call returns, unless they record ------------------------
struct Stream {
    std::vector<std::function<void()>> *record = nullptr; // launches and copies to be replayed
};
// Asked before each launch: not 0 is the error that the launch returns.
inline std::function<int()> g_fault;
template <class F> inline int start(void *stream, dim3 grid, dim3 block, size_t smem, F body)
{
    if (g_fault)
        if (int e = g_fault()) return e;
    auto *s = (Stream *)stream;
    if (s && s->record)
        s->record->push_back([=] { launch(grid, block, smem, body); });
    else
        launch(grid, block, smem, body);
    return 0;
}
// Global memory with a guard page behind it (16-byte granularity): out-of-range accesses fault.
template <class T> inline T *galloc(size_t n)
{
    size_t pg = sysconf(_SC_PAGESIZE), by = (n * sizeof(T) + 15) & ~size_t(15),
           m = (by + pg - 1) & ~(pg - 1);
    char *p = (char *)mmap(0, m + pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p + m, pg, PROT_NONE);
    memset(p, 0xff, m);
    return (T *)(p + m - by);
}
} // namespace emu

#define threadIdx       (emu::B->cur->tid)
#define blockIdx        (emu::B->bidx)
#define blockDim        (emu::B->bdim)
#define gridDim         (emu::B->gdim)
#define __syncthreads() emu::bar_sync(0, 0)
#define __syncwarp()    emu::syncwarp(~0u)
