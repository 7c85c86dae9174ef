// harness.hpp - CUDA kernels on the emulator: every schedule must give the same bits, and they must
// be right. A test is a program: checks, then `return cuda_test::done();`. Tests that only call
// launchers, on memory from buffer(), are built for devices as well (native.hpp).
#pragma once
#include "kernels/cuda/ptx.cuh"
#ifdef CUDA_TEST_NATIVE
#    include "tests/cuda/native.hpp"
#endif

#include <cinttypes>
#include <cstdarg>

namespace cuda_test
{

// ---- random data in guarded, NaN-poisoned memory ----
inline uint64_t g_random = 88172645463325252ull;
inline uint64_t bits()
{
    g_random ^= g_random << 13;
    g_random ^= g_random >> 7;
    g_random ^= g_random << 17;
    return g_random;
}
inline double uniform() { return (double)(bits() >> 11) / 9007199254740992.0 * 2 - 1; } // [-1, 1)
inline int below(int n) { return (int)(bits() % (uint64_t)n); }

// A buffer as a kernel may see it: a guard page behind it, NaN bits until it is written. Lives
// until the program ends.
template <class T> inline T *buffer(size_t n)
{
#ifdef CUDA_TEST_NATIVE
    return (T *)cuda_native::take(n * sizeof(T));
#else
    return emu::galloc<T>(n);
#endif
}
template <class T> inline T *zeros(size_t n)
{
    T *p = buffer<T>(n);
    memset(p, 0, n * sizeof(T));
    return p;
}
inline float *random_f32(size_t n, double scale = 1)
{
    float *p = buffer<float>(n);
    for (size_t i = 0; i < n; i++) p[i] = (float)(uniform() * scale);
    return p;
}
inline bf16_t *random_bf16(size_t n, double scale = 1)
{
    bf16_t *p = buffer<bf16_t>(n);
    for (size_t i = 0; i < n; i++) p[i] = emu::f2bf((float)(uniform() * scale));
    return p;
}

// ---- schedules ----
// Shared memory starts with other bytes from run to run, so that reading it unwritten shows; in two
// of them ordinary writes reach wgmma and bulk copies only through px_fence_async.
inline const emu::Mode modes[] = {
    {0, 0, 1, "eager/rr", 0xff, false},     {3, 0, 1, "late/rr", 0x00, false},
    {3, 1, 1, "late/low", 0xff, true},      {3, 2, 1, "late/high", 0x3c, false},
    {2, 0, 1, "late-mma/rr", 0xff, false},  {2, 1, 1, "late-mma/low", 0x7b, false},
    {0, 3, 7, "eager/rand", 0x00, true},    {3, 3, 7, "late/rand7", 0xff, false},
    {3, 3, 99, "late/rand99", 0x41, false}, {2, 3, 5, "late-mma/rand", 0xff, false}};

inline int failures = 0, checks = 0;

inline bool check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
inline bool check(bool ok, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checks++;
    failures += !ok;
    if (!ok) printf("FAIL %s\n", text);
    return ok;
}

// Runs `launch` (it returns a launcher's status) under every schedule, or as often on a device;
// `out` is poisoned before each run, and all runs must leave the same bytes. Also no bank conflict
// of ldmatrix.
template <class F>
inline bool same_in_all_modes(const char *what, void *out, size_t bytes, F launch)
{
    std::vector<char> first;
    emu::st_conflict = 0;
    bool same = true;
    for (const emu::Mode &m : modes) {
#ifdef EMU_RACES // two schedules are enough to see what is unordered, and it is slow
        if (&m != &modes[0] && &m != &modes[7]) continue;
#endif
        emu::g_mode = m;
        memset(out, 0xff, bytes);
        const int status = launch();
        same &= check(status == 0, "%s: status %d", what, status);
        if (first.empty())
            first.assign((char *)out, (char *)out + bytes);
        else
            same &=
                check(!memcmp(first.data(), out, bytes), "%s: other bits in mode %s", what, m.name);
    }
    same &= check(emu::st_conflict == 0, "%s: %" PRIu64 " bank conflicts of ldmatrix", what,
                  (uint64_t)emu::st_conflict);
    return same;
}

// ||got - want|| / ||want||; NaN is never right.
template <class G, class T>
inline double distance(const T *got, G as_double, const double *want, size_t n)
{
    double e = 0, q = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = as_double(got[i]) - want[i];
        if (!(d == d)) return INFINITY;
        e += d * d;
        q += want[i] * want[i];
    }
    return sqrt(e / (q + 1e-300));
}
inline double of_bf16(bf16_t h) { return emu::bf2f(h); }
inline double of_f32(float f) { return f; }

inline int done()
{
    printf("%d checks, %d failed\n", checks, failures);
    return failures != 0;
}

} // namespace cuda_test
