// The dialect's instructions on the emulator, each against what the CUDA manuals say of it: number
// formats, packed arithmetic, elementary functions, shuffles, barriers, copies, fragments.
#include "kernels/cuda/launch_as.cuh"
extern "C" {
#include "runtime/base/dtype.h"
}
#include "tests/cuda/harness.hpp"

#include <csignal>
#include <sys/wait.h>

using namespace cuda_test;

// ---- numbers ----
static void eight_bit_floats()
{
    for (int code = 0; code < 256; code++) {
        const float a = igt_of_e4m3((e4m3_t)code), b = igt_of_e5m2((e5m2_t)code);
        const float wa = ig_f8_to_f32((uint8_t)code, INGOT_F8E4M3FN);
        const float wb = ig_f8_to_f32((uint8_t)code, INGOT_F8E5M2);
        check(a == wa || (a != a && wa != wa), "e4m3 %02x is %g, not %g", (unsigned)code,
              (double)wa, (double)a);
        check(b == wb || (b != b && wb != wb), "e5m2 %02x is %g, not %g", (unsigned)code,
              (double)wb, (double)b);
        const uint32_t halves = px_e4m3x2_f16x2((uint16_t)(code | code << 8));
        check(a != a || (px_f16_lo(halves) == a && px_f16_hi(halves) == a), "e4m3 %02x as a half",
              (unsigned)code);
        check(b != b || px_f16_lo(px_e5m2x2_f16x2((uint16_t)code)) == b, "e5m2 %02x as a half",
              (unsigned)code);
    }
    for (int i = 0; i < 200000; i++) {
        float x = px_float((uint32_t)bits());
        if (i % 2) x = (float)(uniform() * (i % 4 == 1 ? 500 : 0.05));
        if (!std::isfinite(x)) continue;
        const uint8_t a = igt_e4m3(x), wa = ig_f32_to_f8(x, INGOT_F8E4M3FN, true);
        const uint8_t b = igt_e5m2(x), wb = ig_f32_to_f8(x, INGOT_F8E5M2, true);
        if (!check(a == wa, "%g to e4m3 is %02x, not %02x", (double)x, (unsigned)wa, (unsigned)a) ||
            !check(b == wb, "%g to e5m2 is %02x, not %02x", (double)x, (unsigned)wb, (unsigned)b))
            return;
    }
}
// One rounding: the exact result of a fused operation on small numbers, rounded by way of long
// double.
static void packed_arithmetic()
{
    for (int i = 0; i < 100000; i++) {
        const auto a = (uint16_t)bits(), b = (uint16_t)bits(), c = (uint16_t)bits();
        const long double exact =
            (long double)emu::bf2f(a) * emu::bf2f(b) + (long double)emu::bf2f(c);
        const float got = px_bf16_lo(px_fma_bf16x2(a, b, c));
        if (!std::isfinite(got) || !std::isfinite((float)exact)) continue;
        // half a step of bf16 around `got` must hold the exact result
        const long double step = ldexpl(1, got == 0 ? -133 : std::max(ilogbf(got), -126) - 7);
        if (!check(fabsl(exact - got) <= step / 2, "fma of bf16 %04x %04x %04x", a, b, c)) return;
    }
    check(px_mul_f16x2(0x3c003c00u, 0xc0004000u) == 0xc0004000u, "1 * (2, -2) in halves");
    check(px_add_f16x2(0x3c003c00u, 0x3c00bc00u) == 0x40000000u, "1 + (-1, 1) in halves");
    check(px_sub_bf16x2(0x40003f80u, 0x3f803f80u) == 0x3f800000u, "(1, 2) - 1 in bf16");
    check(px_lop3<0xea>(0xf0u, 0xccu, 0xaau) == 0xeau, "lop3's table is its own answer");
    check(px_lop3<(0xf0 & 0xcc) | 0xaa>(0x0fu, 0x35u, 0x50u) == 0x55u, "lop3 (a & b) | c");
    check(px_prmt(0x33221100u, 0x77665544u, 0x7410u) == 0x77441100u, "prmt picks bytes");
    check(px_prmt(0x80u, 0, 0x8u) == 0x808080ffu, "prmt repeats a sign");
    check(px_dp4a(0x01ff7f80u, 0x02020202u, 5) == 5 + 2 * (1 - 1 + 127 - 128), "dp4a");
    check(px_tf32(1.0f + 0x1p-11f) == px_bits(1.0f + 0x1p-10f), "tf32 rounds ties away from zero");
}
static void elementary_functions()
{
    double worst = 0;
    for (int i = 0; i < 300000; i++) {
        const uint32_t any = (uint32_t)bits();
        const float x = i % 3 ? (float)(uniform() * (i % 3 == 1 ? 10 : 1e6)) : px_float(any);
        if (!std::isfinite(x)) continue;
        float s, c;
        px_sincos(x, &s, &c);
        // the host's double sine reduces exactly
        const double ws = sin((double)x), wc = cos((double)x);
        worst = std::max(worst, fabs(s - ws) / std::max(fabs(ws), 1e-30));
        worst = std::max(worst, fabs(c - wc) / std::max(fabs(wc), 1e-30));
    }
    check(worst < 2.5e-7, "sine and cosine: relative error %.2e", worst); // about 2 units
    check(px_sin(-0.0f) == 0 && std::signbit(px_sin(-0.0f)), "sine of -0");
    check(px_sin(INFINITY) != px_sin(INFINITY), "sine of infinity is NaN");
    // the first of Random123's known answers: counter and key all ones bits
    const uint4 r = px_philox(make_uint4(~0u, ~0u, ~0u, ~0u), make_uint2(~0u, ~0u));
    check(r.x == 0x408f276du && r.y == 0x41c83b0eu && r.z == 0xa20bc7c6u && r.w == 0x6d5451fdu,
          "Philox gives %08x %08x %08x %08x", r.x, r.y, r.z, r.w);
}

// Runs a kernel of one block in every mode; it leaves n numbers.
template <class T, class K>
static const T *ran(const char *what, K kernel, unsigned threads, size_t n, size_t smem = 1024)
{
    T *out = buffer<T>(n);
    same_in_all_modes(what, out, n * sizeof(T),
                      [&] { return emu::start(nullptr, 1, threads, smem, [=] { kernel(out); }); });
    return out;
}

// ---- warps and barriers ----
static void shuffles(int64_t *out)
{
    const auto t = (int)threadIdx.x, l = t % 32;
    const int64_t v = (int64_t)l << 40 | l;
    int64_t *mine = out + t * 8;
    mine[0] = px_shfl_xor(v, 5) & 0xff;
    mine[1] = px_shfl_up(v, 3) & 0xff;
    mine[2] = px_shfl_down(v, 3) >> 40;
    mine[3] = px_shfl(l, l / 2);
    mine[4] = px_shfl_down(l, 1, ~0u, 8);
    mine[5] = px_redux_add(l) + px_redux_max((uint32_t)l) + px_redux_min(l - 3);
    mine[6] = px_ballot(l % 3 == 0);
    mine[7] = px_any(l == 7) + 2 * px_all(l < 31) + 4 * px_all(l < 32) + 8 * px_any(l > 31);
    if (l < 8) mine[7] += 16 * px_shfl_xor(l, 1, 0xffu);
}
static void check_shuffles()
{
    const int64_t *out = ran<int64_t>("shuffles", shuffles, 64, 64 * 8);
    for (int t = 0; t < 64; t++) {
        const int l = t % 32;
        const int64_t want[8] = {l ^ 5,
                                 l < 3 ? l : l - 3,
                                 l > 28 ? l : l + 3,
                                 l / 2,
                                 l % 8 == 7 ? l : l + 1,
                                 496 + 31 - 3,
                                 0x49249249,
                                 1 + 4 + (l < 8 ? 16 * (l ^ 1) : 0)};
        for (int i = 0; i < 8; i++)
            check(out[t * 8 + i] == want[i], "shuffles: lane %d, result %d: %ld, not %ld", l, i,
                  (long)out[t * 8 + i], (long)want[i]);
    }
}
// Warps 0 and 1 hand a number back and forth over two named barriers; warp 2 stays out.
static void ping_pong(int *out)
{
    IGT_SMEM(smem);
    auto *ball = (int *)smem;
    const auto t = (int)threadIdx.x;
    const int warp = t / 32;
    if (t == 0) *ball = 1;
    __syncthreads();
    if (warp < 2)
        for (int i = 0; i < 4; i++) {
            if (warp == 0) {
                if (t == 0) *ball = *ball * 3;
                px_bar_arrive(1, 64);
                px_bar_sync(2, 64);
            } else {
                px_bar_sync(1, 64);
                if (t == 32) *ball = *ball + 1;
                px_bar_arrive(2, 64);
            }
        }
    out[t] = __syncthreads_count(t % 5 == 0) + __syncthreads_or(t == 77) * 100 +
             (__syncthreads_and(t < 96) ? 1000 : 0) + *ball * 10000;
}
static void check_ping_pong()
{
    const int *out = ran<int>("named barriers", ping_pong, 96, 96);
    const int ball = (((1 * 3 + 1) * 3 + 1) * 3 + 1) * 3 + 1;
    for (int t = 0; t < 96; t++)
        check(out[t] == 20 + 100 + 1000 + ball * 10000, "named barriers: thread %d: %d", t, out[t]);
}

// ---- copies ----
// A 3-D box comes in, every element gains one, and goes out by the tensor map, by a run of bytes
// too.
static void copy_kernel(igt_tmap in, igt_tmap to, uint16_t *run, const uint16_t *from)
{
    IGT_SMEM(smem);
    auto *tile = (uint16_t *)smem, *line = (uint16_t *)(smem + 4096);
    auto *bar = (uint64_t *)(smem + 6144);
    const auto t = (int)threadIdx.x;
    if (t == 0) {
        px_mbar_init(bar, 1);
        px_mbar_fence_init();
    }
    __syncthreads();
    if (t == 0) {
        px_mbar_expect(bar, 2 * 8 * 64 * 2 + 256);
        px_tma_3d(tile, &in, bar, -8, 3, 1);
        px_bulk_load(line, from, 256, bar);
    }
    while (!px_mbar_try(bar, 0)) {
    }
    for (int i = t; i < 2 * 8 * 64; i += 64) tile[i] = (uint16_t)(tile[i] + 1);
    line[t] = (uint16_t)(line[t] + 7);
    px_fence_async();
    __syncthreads();
    if (t == 0) {
        px_tma_store_3d(&to, tile, -8, 3, 1);
        px_bulk_commit();
        px_bulk_store(run, line, 128);
        px_bulk_commit();
        px_bulk_wait<0>();
    }
}
static void check_copies()
{
    constexpr uint64_t C = 40, R = 10, Z = 4, N = C * R * Z; // a box of 64 x 8 x 2 overlaps edges
    auto *in = buffer<uint16_t>(N), *out = buffer<uint16_t>(N + 64), *from = buffer<uint16_t>(128);
    for (uint64_t i = 0; i < N; i++) in[i] = (uint16_t)bits();
    for (int i = 0; i < 128; i++) from[i] = (uint16_t)bits();
    auto map = [&](const void *p) {
        igt_tmap t;
        const uint64_t dims[3] = {C, R, Z}, pitches[3] = {0, C * 2, C * R * 2};
        const uint32_t box[3] = {64, 8, 2};
        check(cu_tmap(&t, p, 2, 3, dims, pitches, box, 128) == 0, "3-D tensor map");
        return t;
    };
    const igt_tmap ti = map(in), to = map(out);
    same_in_all_modes("bulk copies", out, (N + 64) * 2, [&] {
        return cu_start(copy_kernel, 1, 64, 8192, nullptr, ti, to, out + N, (const uint16_t *)from);
    });
    for (uint64_t z = 0; z < Z; z++)
        for (uint64_t r = 0; r < R; r++)
            for (uint64_t c = 0; c < C; c++) {
                const uint64_t i = (z * R + r) * C + c;
                const bool inside = z >= 1 && z < 3 && r >= 3;
                const auto want = (uint16_t)(inside ? in[i] + 1 : 0xffff);
                check(out[i] == want, "bulk copies: %u at %d,%d,%d", out[i], (int)z, (int)r,
                      (int)c);
            }
    for (int i = 0; i < 64; i++)
        check(out[N + (uint64_t)i] == (uint16_t)(from[i] + 7), "bulk copies: run at %d", i);
}

// ---- clusters ----
// Every block brings 8 rows of a slab to all blocks of its cluster; each adds up the whole slab's
// columns, gives the memory back to all, and so on with the next slab.
enum { SLABS = 3 };
static void share_kernel(igt_tmap in, uint32_t *sums, int blocks)
{
    IGT_SMEM(smem);
    auto *tile = (uint16_t *)smem;
    auto *full = (uint64_t *)(smem + 4096), *empty = full + 1;
    const auto t = (int)threadIdx.x, rank = (int)px_cluster_rank();
    const int cluster = (int)blockIdx.x / blocks;
    if (t == 0) {
        px_mbar_init(full, 1);
        px_mbar_init(empty, blocks);
        px_mbar_fence_init();
    }
    px_cluster_arrive();
    px_cluster_wait();
    for (int i = 0; i < SLABS; i++) {
        if (t == 0) {
            if (i) px_mbar_wait(empty, (i - 1) & 1);
            px_mbar_expect(full, blocks * 8 * 128);
            px_tma_3d_all(tile + rank * 8 * 64, &in, full, 0, rank * 8, cluster * SLABS + i,
                          (uint16_t)((1 << blocks) - 1));
        }
        px_mbar_wait(full, i & 1);
        uint32_t sum = 0;
        for (int r = 0; r < blocks * 8; r++) sum += (uint32_t)(r + 1) * tile[r * 64 + t];
        sums[((int)blockIdx.x * SLABS + i) * 64 + t] = sum;
        __syncthreads();
        if (t == 1)
            for (int b = 0; b < blocks; b++) px_mbar_arrive_at(empty, (uint32_t)b);
    }
    px_cluster_arrive();
    px_cluster_wait();
}
static void check_clusters(unsigned blocks)
{
    const uint64_t rows = blocks * 8, slabs = 2 * SLABS;
    auto *in = buffer<uint16_t>(slabs * rows * 64);
    for (uint64_t i = 0; i < slabs * rows * 64; i++) in[i] = (uint16_t)bits();
    igt_tmap map;
    check(cu_tmap_3d(&map, in, 2, slabs, rows, 64, rows * 128, 128, 8, 64, false) == 0, "map");
    const size_t n = (size_t)2 * blocks * SLABS * 64;
    auto *sums = buffer<uint32_t>(n);
    same_in_all_modes("clusters", sums, n * 4, [&] {
        return cu_start_clusters(blocks, share_kernel, 2 * blocks, 64, 4096 + 64, nullptr, map,
                                 sums, (int)blocks);
    });
    for (size_t i = 0; i < n; i++) {
        const size_t block = i / 64 / SLABS, slab = block / blocks * SLABS + i / 64 % SLABS;
        uint32_t want = 0;
        for (size_t r = 0; r < rows; r++)
            want += (uint32_t)(r + 1) * in[(slab * rows + r) * 64 + i % 64];
        if (!check(sums[i] == want, "a cluster of %u: sum %zu is %u, not %u", blocks, i, sums[i],
                   want))
            break;
    }
    check(cu_start_clusters(blocks, share_kernel, blocks + 1, 64, 8192, nullptr, map, sums,
                            (int)blocks) != 0,
          "a grid that is no whole clusters of %u", blocks);
}
// Does the emulator stop a pair of blocks that does this wrong?
template <class K> static void check_stops(const char *what, K kernel)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(0);
        emu::g_mode = modes[2];
        emu::start(nullptr, 2, 32, 1024, kernel, 2);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s is not noticed", what);
}
static void check_cluster_mistakes()
{
    const auto arrive = [] {
        auto *b = (uint64_t *)emu::block->smem;
        if (threadIdx.x == 0) px_mbar_init(b, 1);
        px_cluster_arrive();
        px_cluster_wait();
        if (px_cluster_rank() == 0 && threadIdx.x == 0) px_mbar_arrive_at(b, 1);
    };
    check_stops("an arrival at a block that has ended", arrive);
    check_stops("a wait without an arrival", [] { px_cluster_wait(); });
    check_stops("a barrier that a thread never waits for", [] { px_cluster_arrive(); });
    check_stops("a block that is not there", [] {
        auto *b = (uint64_t *)emu::block->smem;
        if (threadIdx.x == 0) px_mbar_init(b, 1);
        px_mbar_arrive_at(b, 2);
    });
}

// Small cp.async copies with their zero fill.
static void check_small_copies()
{
    auto *from = buffer<uint32_t>(64);
    for (int i = 0; i < 64; i++) from[i] = (uint32_t)bits();
    const uint32_t *out = ran<uint32_t>(
        "cp.async of 4 and 8 bytes",
        [from](uint32_t *to) {
            IGT_SMEM(smem);
            auto *s = (uint32_t *)smem;
            const auto t = (int)threadIdx.x;
            px_cp8(s + t * 2, from + t * 2, t % 2 ? 8 : 4);
            px_cp4(s + 64 + t, from + t, t % 3 ? 4 : 0);
            px_cp_commit();
            px_cp_wait<0>();
            __syncwarp();
            for (int i = t; i < 96; i += 32) to[i] = s[i];
        },
        32, 96);
    for (int i = 0; i < 64; i++)
        check(out[i] == (i % 4 == 1 ? 0 : from[i]), "cp.async of 8 bytes at %d", i);
    for (int i = 0; i < 32; i++)
        check(out[64 + i] == (i % 3 ? from[i] : 0), "cp.async of 4 bytes at %d", i);
}

// ---- fragments ----
// stmatrix is the inverse of ldmatrix, also transposed.
static void check_matrices()
{
    const uint16_t *out = ran<uint16_t>(
        "ldmatrix and stmatrix",
        [](uint16_t *to) {
            IGT_SMEM(smem);
            auto *a = (uint16_t *)smem, *b = a + 256, *c = b + 256;
            const auto t = (int)threadIdx.x;
            for (int i = t; i < 256; i += 32) a[i] = (uint16_t)i;
            __syncwarp();
            uint32_t r[4], q[2];
            px_ldsm4(r, a + t * 8);
            px_stsm4(b + t * 8, r);
            px_stsm4_t(c + t * 8, r);
            px_ldsm2_t(q, a + t % 16 * 8);
            __syncwarp();
            for (int i = t; i < 256; i += 32) {
                to[i] = b[i];
                to[256 + i] = c[i];
            }
            memcpy(to + 512 + t * 4, q, 8);
        },
        32, 512 + 128, 2048);
    for (int i = 0; i < 256; i++) {
        const int m = i / 64 * 64, row = i / 8 % 8, column = i % 8;
        check(out[i] == i, "stmatrix at %d", i);
        check(out[256 + i] == m + column * 8 + row, "transposed stmatrix at %d", i);
    }
    for (int t = 0; t < 32; t++)
        for (int i = 0; i < 4; i++)
            check(out[512 + t * 4 + i] == i / 2 * 64 + (t % 4 * 2 + i % 2) * 8 + t / 4,
                  "transposed ldmatrix of two, lane %d", t);
}
// D (16 x 8) = A B from rows of A and columns of B, 32 bytes of k.
template <class S, class F> static void check_mma(emu::Num num, F multiply)
{
    const int bytes = emu::num_bytes(num), k = 32 / bytes;
    auto *a = buffer<uint8_t>(16 * 32), *b = buffer<uint8_t>(8 * 32);
    for (int i = 0; i < 24 * 32; i += bytes) {
        const auto x = (float)uniform();
        uint32_t code = (uint8_t)(int8_t)(x * 127);
        if (num == emu::Num::bf16) code = px_f2bf(x);
        if (num == emu::Num::f16) code = px_f2h(x);
        if (num == emu::Num::tf32) code = px_tf32(x);
        if (num == emu::Num::e4m3) code = px_f2e4m3(x);
        if (num == emu::Num::e5m2) code = px_f2e5m2(x);
        memcpy(i < 512 ? a + i : b + i - 512, &code, (size_t)bytes);
    }
    const S *out = ran<S>(
        "mma.sync",
        [=](S *to) {
            const auto t = (int)threadIdx.x;
            uint32_t ra[4], rb[2];
            for (int i = 0; i < 4; i++)
                memcpy(&ra[i], a + (t / 4 + i % 2 * 8) * 32 + i / 2 * 16 + t % 4 * 4, 4);
            for (int i = 0; i < 2; i++) memcpy(&rb[i], b + t / 4 * 32 + i * 16 + t % 4 * 4, 4);
            S c[4] = {1, 1, 1, 1};
            multiply(c, ra, rb);
            for (int i = 0; i < 4; i++) to[(t / 4 + i / 2 * 8) * 8 + t % 4 * 2 + i % 2] = c[i];
        },
        32, 128);
    for (int i = 0; i < 128; i++) {
        double want = 1;
        for (int x = 0; x < k; x++) {
            uint32_t p = 0, q = 0;
            memcpy(&p, a + i / 8 * 32 + x * bytes, (size_t)bytes);
            memcpy(&q, b + i % 8 * 32 + x * bytes, (size_t)bytes);
            want += (double)emu::number(num, p) * (double)emu::number(num, q);
        }
        check(fabs((double)out[i] - want) < 1e-5, "mma.sync of format %d: %g, not %g", (int)num,
              (double)out[i], want);
    }
}

// ---- atomics ----
static void check_atomics()
{
    const uint32_t *out = ran<uint32_t>(
        "atomics",
        [](uint32_t *to) {
            const uint32_t t = threadIdx.x;
            if (t < 8) to[t] = t == 2 ? ~0u : 0;
            __syncthreads();
            px_atomic_add(to, t);
            px_atomic_max(to + 1, t * 7 % 64);
            px_atomic_min((int *)to + 2, (int)t - 50);
            px_atomic_or(to + 3, 1u << (t % 20));
            px_atomic_cas(to + 4, 0u, 9u);
            px_atomic_add((unsigned long long *)to + 3, 1ull << 31);
            if (t == 5) px_atomic_swap(to + 5, 3u);
        },
        64, 8);
    const uint32_t want[8] = {2016, 63, (uint32_t)-50, 0xfffff, 9, 3, 0, 32};
    for (int i = 0; i < 8; i++) check(out[i] == want[i], "atomics: result %d is %u", i, out[i]);
}

int main()
{
    eight_bit_floats();
    packed_arithmetic();
    elementary_functions();
    check_shuffles();
    check_ping_pong();
    check_copies();
    for (unsigned blocks : {2u, 3u, 4u}) check_clusters(blocks);
    check_cluster_mistakes();
    check_small_copies();
    check_matrices();
    check_mma<float>(emu::Num::bf16, [](auto &c, auto &a, auto &b) { px_mma_bf16(c, a, b); });
    check_mma<float>(emu::Num::f16, [](auto &c, auto &a, auto &b) { px_mma_f16(c, a, b); });
    check_mma<float>(emu::Num::tf32, [](auto &c, auto &a, auto &b) { px_mma_tf32(c, a, b); });
    check_mma<float>(emu::Num::e4m3, [](auto &c, auto &a, auto &b) { px_mma_e4m3(c, a, b); });
    check_mma<float>(emu::Num::e5m2, [](auto &c, auto &a, auto &b) { px_mma_e5m2(c, a, b); });
    check_mma<int>(emu::Num::s8, [](auto &c, auto &a, auto &b) { px_mma_s8(c, a, b); });
    check_atomics();
    return done();
}
