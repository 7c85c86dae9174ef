// wgmma in all its forms: number formats, sizes, operands in shared memory (every swizzle, K-major
// and N-major) and in registers, against sums in double.
#include "kernels/cuda/launch.cuh"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

// ---- one product D (64 x N) = A (64 x K) B (N x K)^T, K the 128 bytes of a row ----
enum form { BOTH_SHARED, A_IN_REGISTERS };
constexpr int K_BYTES = 128;

template <emu::Num NUM, class S, int R>
static void multiply(S (&d)[R], uint64_t a, uint64_t b, bool keep)
{
    using emu::Num;
    if constexpr (NUM == Num::bf16) px_wgmma_bf16(d, a, b, keep);
    if constexpr (NUM == Num::f16) px_wgmma_f16(d, a, b, keep);
    if constexpr (NUM == Num::e4m3) px_wgmma_e4m3(d, a, b, keep);
    if constexpr (NUM == Num::e5m2) px_wgmma_e5m2(d, a, b, keep);
    if constexpr (NUM == Num::s8) px_wgmma_s8(d, a, b, keep);
}
template <emu::Num NUM, class S, int R>
static void multiply(S (&d)[R], const uint32_t (&a)[4], uint64_t b, bool keep)
{
    using emu::Num;
    if constexpr (NUM == Num::bf16) px_wgmma_bf16_rs(d, a, b, keep);
    if constexpr (NUM == Num::f16) px_wgmma_f16_rs(d, a, b, keep);
    if constexpr (NUM == Num::e4m3) px_wgmma_e4m3_rs(d, a, b, keep);
    if constexpr (NUM == Num::e5m2) px_wgmma_e5m2_rs(d, a, b, keep);
    if constexpr (NUM == Num::s8) px_wgmma_s8_rs(d, a, b, keep);
}

// Boxes of `span` bytes of k (128, 64 or 32), all of them in shared memory one after another.
template <emu::Num NUM, class S, int N, int FORM>
static void product_kernel(igt_tmap ta, igt_tmap tb, S *out, int span, const uint32_t *a_words)
{
    IGT_SMEM(smem);
    char *sa = smem, *sb = smem + 64 * K_BYTES;
    auto *bar = (uint64_t *)(sb + N * K_BYTES);
    const int tid = (int)threadIdx.x, per = span / emu::num_bytes(NUM);
    if (tid == 0) {
        px_mbar_init(bar, 1);
        px_mbar_fence_init();
    }
    __syncthreads();
    if (tid == 0) {
        px_mbar_expect(bar, (64 + N) * K_BYTES);
        for (int i = 0; i < K_BYTES / span; i++) {
            px_tma_2d(sa + i * 64 * span, &ta, bar, i * per, 0);
            px_tma_2d(sb + i * N * span, &tb, bar, i * per, 0);
        }
    }
    px_mbar_wait(bar, 0);
    S d[N / 2];
    px_wg_fence();
    for (int k = 0; k < K_BYTES; k += 32) {
        const char *at = sa + k / span * 64 * span, *bt = sb + k / span * N * span;
        auto desc = [&](const char *p) {
            return (span == 128  ? px_desc_k128(p)
                    : span == 64 ? px_desc_k64(p)
                                 : px_desc_k32(p)) +
                   (uint64_t)(k % span / 16);
        };
        if constexpr (FORM == BOTH_SHARED)
            multiply<NUM, S>(d, desc(at), desc(bt), k > 0);
        else {
            uint32_t a[4]; // rows +0, +8; then 16 bytes further along k
            for (int i = 0; i < 4; i++)
                a[i] = a_words[(tid / 32 * 16 + tid % 32 / 4 + i % 2 * 8) * (K_BYTES / 4) + k / 4 +
                               tid % 4 + i / 2 * 4];
            multiply<NUM, S>(d, a, desc(bt), k > 0);
            px_wg_commit();
            px_wg_wait<0>(); // the registers are used again
        }
    }
    px_wg_commit();
    px_wg_wait<0>();
    for (int j = 0; j < N / 8; j++)
        for (int i = 0; i < 4; i++)
            out[(tid / 32 * 16 + tid % 32 / 4 + i / 2 * 8) * N + j * 8 + tid % 4 * 2 + i % 2] =
                d[j * 4 + i];
}

// Random values as an operand's format holds them.
static uint8_t *random_operand(emu::Num num, size_t n, std::vector<double> &values)
{
    const auto bytes = (size_t)emu::num_bytes(num);
    uint8_t *p = buffer<uint8_t>(n * bytes);
    values.resize(n);
    for (size_t i = 0; i < n; i++) {
        const auto x = (float)uniform();
        uint32_t code = 0;
        switch (num) {
        case emu::Num::bf16:
            code = px_f2bf(x);
            break;
        case emu::Num::f16:
            code = px_f2h(x);
            break;
        case emu::Num::e4m3:
            code = px_f2e4m3(x);
            break;
        case emu::Num::e5m2:
            code = px_f2e5m2(x);
            break;
        default:
            code = (uint8_t)(int8_t)(x * 127);
            break;
        }
        memcpy(p + i * bytes, &code, bytes);
        values[i] = (double)emu::number(num, code);
    }
    return p;
}

template <emu::Num NUM, class S, int N, int FORM> static void product(const char *what, int span)
{
    const int bytes = emu::num_bytes(NUM), k = K_BYTES / bytes;
    std::vector<double> a_values, b_values, want((size_t)(64 * N));
    const uint8_t *a = random_operand(NUM, (size_t)(64 * k), a_values);
    const uint8_t *b = random_operand(NUM, (size_t)(N * k), b_values);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < N; j++)
            for (int x = 0; x < k; x++)
                want[(size_t)(i * N + j)] +=
                    a_values[(size_t)(i * k + x)] * b_values[(size_t)(j * k + x)];
    auto tensor = [&](const void *p, int rows) {
        igt_tmap t;
        const uint64_t dims[2] = {(uint64_t)k, (uint64_t)rows}, pitches[2] = {0, K_BYTES};
        const uint32_t box[2] = {(uint32_t)(span / bytes), (uint32_t)rows};
        check(cu_tmap(&t, p, bytes, 2, dims, pitches, box, span) == 0, "%s: tensor map", what);
        return t;
    };
    const igt_tmap ta = tensor(a, 64), tb = tensor(b, N);
    S *out = buffer<S>((size_t)(64 * N));
    char name[96];
    snprintf(name, sizeof name, "wgmma %s n%d swizzle %d", what, N, span);
    same_in_all_modes(name, out, sizeof(S) * 64 * N, [&] {
        return cu_start(product_kernel<NUM, S, N, FORM>, 1, 128, (64 + N) * K_BYTES + 1024, nullptr,
                        ta, tb, out, span, (const uint32_t *)a);
    });
    const double err = distance(
        out, [](S v) { return (double)v; }, want.data(), want.size());
    check(err < 1e-6, "%s: error %.2e", name, err);
}

template <emu::Num NUM, class S, int N> static void both_forms(const char *what)
{
    for (int span = 128; span >= 32; span /= 2) {
        product<NUM, S, N, BOTH_SHARED>(what, span);
        product<NUM, S, N, A_IN_REGISTERS>(what, span);
    }
}

// ---- B N-major: rows of 64 columns run along k ----
template <bool F16, int N> static void n_major_kernel(const uint16_t *a, igt_tmap tb, float *out)
{
    IGT_SMEM(smem);
    constexpr int K = 64, BLOCK = K * 128;
    auto *bar = (uint64_t *)(smem + N / 64 * BLOCK);
    const int tid = (int)threadIdx.x;
    if (tid == 0) px_mbar_init(bar, 1);
    __syncthreads();
    if (tid == 0) {
        px_mbar_expect(bar, N * K * 2);
        for (int i = 0; i < N / 64; i++) px_tma_2d(smem + i * BLOCK, &tb, bar, i * 64, 0);
    }
    px_mbar_wait(bar, 0);
    float d[N / 2];
    for (int k = 0; k < K; k += 16) {
        uint32_t r[4];
        for (int i = 0; i < 4; i++)
            memcpy(&r[i],
                   a + (tid / 32 * 16 + tid % 32 / 4 + i % 2 * 8) * K + k + tid % 4 * 2 + i / 2 * 8,
                   4);
        const uint64_t b = px_desc_mn128(smem + k * 128, BLOCK);
        px_wg_fence();
        if (F16)
            px_wgmma_f16_rs_bt(d, r, b, k > 0);
        else
            px_wgmma_bf16_rs_bt(d, r, b, k > 0);
        px_wg_commit();
        px_wg_wait<0>();
    }
    for (int j = 0; j < N / 8; j++)
        for (int i = 0; i < 4; i++)
            out[(tid / 32 * 16 + tid % 32 / 4 + i / 2 * 8) * N + j * 8 + tid % 4 * 2 + i % 2] =
                d[j * 4 + i];
}
template <bool F16, int N> static void n_major(const char *what)
{
    constexpr int K = 64;
    const emu::Num num = F16 ? emu::Num::f16 : emu::Num::bf16;
    std::vector<double> a_values, b_values, want((size_t)(64 * N));
    const uint8_t *a = random_operand(num, 64 * K, a_values);
    const uint8_t *b = random_operand(num, K * N, b_values); // K x N
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < N; j++)
            for (int x = 0; x < K; x++)
                want[(size_t)(i * N + j)] +=
                    a_values[(size_t)(i * K + x)] * b_values[(size_t)(x * N + j)];
    igt_tmap tb;
    check(cu_tmap_2d(&tb, b, 2, K, N, N * 2, K, 64, true) == 0, "%s: tensor map", what);
    auto *out = buffer<float>((size_t)(64 * N));
    same_in_all_modes(what, out, sizeof(float) * 64 * N, [&] {
        return cu_start(n_major_kernel<F16, N>, 1, 128, N * K * 2 + 1024, nullptr,
                        (const uint16_t *)a, tb, out);
    });
    const double err = distance(out, of_f32, want.data(), want.size());
    check(err < 1e-6, "%s: error %.2e", what, err);
}

int main()
{
    using emu::Num;
    both_forms<Num::bf16, float, 8>("bf16");
    both_forms<Num::bf16, float, 256>("bf16");
    both_forms<Num::f16, float, 24>("f16");
    both_forms<Num::f16, float, 176>("f16");
    both_forms<Num::e4m3, float, 64>("e4m3");
    both_forms<Num::e5m2, float, 16>("e5m2");
    both_forms<Num::s8, int, 128>("s8");
    both_forms<Num::s8, int, 32>("s8");
    n_major<false, 128>("wgmma bf16 with an N-major B");
    n_major<true, 64>("wgmma f16 with an N-major B");
    return done();
}
