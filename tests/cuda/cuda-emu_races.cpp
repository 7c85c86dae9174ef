// The race detector and the poison of shared memory, on kernels that do it right and on others that
// lack one thing each. Always built with -fsanitize=thread.
#include "kernels/cuda/launch.cuh"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static int reports;
// Not looked at itself: a race inside a report would wait for the report.
extern "C" __attribute__((no_sanitize("thread"))) void __tsan_on_report(void *) { reports++; }
extern "C" const char *__tsan_default_options() { return "exitcode=0 symbolize=0"; }

enum { THREADS = 64, BLOCKS = 4 };

// Reverses 64 numbers by way of shared memory.
template <bool BARRIER> static void reverse(float *x)
{
    IGT_SMEM(smem);
    auto *s = (float *)smem;
    const auto t = (int)threadIdx.x;
    s[t] = x[t];
    if (BARRIER) __syncthreads();
    x[t] = s[THREADS - 1 - t]; // no other thread reads x[t]
}
// The same inside warps.
template <bool SYNC> static void reverse_warp(float *x)
{
    IGT_SMEM(smem);
    auto *s = (float *)smem;
    const auto t = (int)threadIdx.x;
    s[t] = px_shfl_xor(x[t], 1); // a shuffle orders nothing
    if (SYNC) __syncwarp();
    x[t] = s[t ^ 31];
}
// Rows come by cp.async; other threads read them.
template <bool BARRIER> static void copy_rows(float *x)
{
    IGT_SMEM(smem);
    auto *s = (float *)smem;
    const auto t = (int)threadIdx.x;
    if (t < THREADS / 4) px_cp16(s + t * 4, x + t * 4, 16);
    px_cp_commit();
    px_cp_wait<0>();
    if (BARRIER) __syncthreads();
    const float v = s[(t + 4) % THREADS];
    x[t] = v;
}
// A ring of one stage: bulk loads, consumers that free it again.
template <bool READ_FIRST> static void ring(float *x)
{
    IGT_SMEM(smem);
    auto *s = (float *)smem;
    auto *full = (uint64_t *)(smem + 512), *empty = full + 1;
    const auto t = (int)threadIdx.x;
    if (t == 0) {
        px_mbar_init(full, 1);
        px_mbar_init(empty, 1);
        px_mbar_fence_init();
    }
    __syncthreads();
    float sum = 0;
    for (int i = 0; i < 3; i++) {
        if (t == 32) {
            if (i) px_mbar_wait(empty, (i - 1) & 1);
            px_mbar_expect(full, 16);
            px_bulk_load(s, x + i * 4, 16, full);
        }
        if (t == 0) {
            px_mbar_wait(full, i & 1);
            if (!READ_FIRST) px_mbar_arrive(empty);
            sum += s[0];
            if (READ_FIRST) px_mbar_arrive(empty);
        }
    }
    if (t == 0) x[32] = sum;
}
// Blocks add up: the last to take a ticket reads what the others wrote.
template <bool WRITER_FENCES, bool READER_FENCES> static void last_block(float *x)
{
    IGT_SMEM(smem);
    auto *last = (int *)smem;
    const auto t = (int)threadIdx.x, b = (int)blockIdx.x;
    x[b * THREADS + t] = (float)(b + t);
    if (WRITER_FENCES) px_fence();
    __syncthreads();
    auto *ticket = (int *)(x + BLOCKS * THREADS + 1);
    if (t == 0) *last = px_ticket(ticket) == BLOCKS - 1;
    __syncthreads();
    if (!*last) return;
    if (READER_FENCES) px_fence();
    float sum = 0;
    if (t == 0) {
        for (int i = 0; i < BLOCKS * THREADS; i++) sum += x[i];
        x[BLOCKS * THREADS] = sum;
        *ticket = 0;
    }
}

// Reports of a kernel. An address is reported once: each run has its own memory, shared and global.
template <class K> static int races(K kernel, unsigned blocks)
{
    static size_t smem = 0;
    smem += 1024;
    auto *data = zeros<float>(BLOCKS * THREADS + 2); // numbers, their sum, a ticket
    reports = 0;
    for (const emu::Mode &m : modes) {
        if (reports) break;
        emu::g_mode = m;
        emu::start(nullptr, blocks, THREADS, smem, [=] { kernel(data); });
    }
    return reports;
}
template <class R, class W>
static void expect(const char *what, R right, W wrong, unsigned blocks = 1)
{
    check(races(right, blocks) == 0, "%s: a race where there is none", what);
    check(races(wrong, blocks) > 0, "%s: a race goes unseen", what);
}

// Shared memory that nobody wrote shows: other bytes from schedule to schedule.
static bool reads_unwritten(int written)
{
    uint64_t seen[2] = {0, 0};
    auto *out = buffer<uint64_t>(1);
    for (int i = 0; i < 2; i++) {
        emu::g_mode = modes[i];
        emu::start(nullptr, 1, 32, 1024, [out, written] {
            IGT_SMEM(smem);
            auto *s = (uint64_t *)smem;
            if ((int)threadIdx.x < written) s[threadIdx.x] = 1;
            __syncwarp();
            if (threadIdx.x == 0) *out = s[31];
        });
        seen[i] = *out;
    }
    return seen[0] != seen[1];
}

int main()
{
    fprintf(stderr, "reports of races follow: they are planted\n");
    expect("barrier", reverse<true>, reverse<false>);
    expect("__syncwarp", reverse_warp<true>, reverse_warp<false>);
    expect("barrier after cp.async", copy_rows<true>, copy_rows<false>);
    expect("stage of a ring", ring<true>, ring<false>);
    expect("fence before a ticket", last_block<true, true>, last_block<false, true>, BLOCKS);
    expect("fence after a ticket", last_block<true, true>, last_block<true, false>, BLOCKS);
    check(reads_unwritten(31) && !reads_unwritten(32), "unwritten shared memory");
    return done();
}
