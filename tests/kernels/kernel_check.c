/* kernel_check.c - kernel-check: every variant of every kernel against its scalar truth.
 *
 *     kernel-check [-f glob] [--cpu level] [seed]
 *
 * The glob may be an extended one: '@(add|sub)_f32_avx2'.
 * Runs the checks that CMake listed in checks.def. A failed case prints what differed and the
 * command that runs it again; the exit status is 1 when one failed, 2 when none ran. */
#include "tests/kernels/harness.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if IG_X86
#    include <immintrin.h>
#endif

enum { MOST_FAILURES = 20, ENDS_KEPT = 0x3f /* MXCSR's sticky flags, which kernels may raise */ };

static const char *filter = "*", *cpu;
static uint64_t seed = 1;
static check_rng shapes, data;

static struct {
    bool open, failed;
    const char *name;
    char shape[128];
    uint32_t control; /* MXCSR as it was */
} now;
static size_t n_cases, n_failed, n_skipped;

uint64_t check_rng_next(check_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t control_word(void)
{
#if IG_X86
    return _mm_getcsr() & ~(uint32_t)ENDS_KEPT;
#else
    return 0;
#endif
}

void check_true(bool ok, const char *what, ...)
{
    if (ok) return;
    if (!now.failed) {
        n_failed++;
        printf("FAILED %s %s\n    rerun: kernel-check -f '%s'%s%s %llu\n", now.name, now.shape,
               now.name, cpu ? " --cpu " : "", cpu ? cpu : "", (unsigned long long)seed);
    }
    now.failed = true;
    va_list args;
    va_start(args, what);
    printf("    ");
    vprintf(what, args);
    printf("\n");
    va_end(args);
}

static void close_case(void)
{
    if (!now.open) return;
    const char *broken = fence_broken();
    check_true(!broken, "%s", broken);
    check_true(now.control == control_word(), "MXCSR was %x, is %x", now.control, control_word());
    fence_drop();
    now.open = false;
}

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return h;
}

bool check_next(uint32_t needs, const char *name, const char *shape, ...)
{
    close_case();
    if (n_failed >= MOST_FAILURES || fnmatch(filter, name, FNM_EXTMATCH)) return false;
    if ((ig_cpu_flags() & needs) != needs) {
        n_skipped++;
        return false;
    }
    va_list args;
    va_start(args, shape);
    vsnprintf(now.shape, sizeof now.shape, shape, args);
    va_end(args);
    now.open = true;
    now.failed = false;
    now.name = name;
    now.control = control_word();
    data.state = seed ^ hash_text(now.shape);
    n_cases++;
    return true;
}

size_t check_pick(size_t low, size_t high)
{
    return low + (size_t)(check_rng_next(&shapes) % (high - low + 1));
}

static double uniform(void) { return (double)(check_rng_next(&data) >> 11) * 0x1p-53; }

static void *take(size_t n, size_t size)
{
    return fence_take(n * size, size, check_rng_next(&data) & 3); /* one in four at the front */
}

void *check_bytes(size_t n)
{
    uint8_t *p = take(n, 1);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)check_rng_next(&data);
    return p;
}

float *check_f32(size_t n, float low, float high)
{
    float *p = take(n, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = (float)(low + (high - low) * uniform());
    return p;
}

double *check_f64(size_t n, double low, double high)
{
    double *p = take(n, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = low + (high - low) * uniform();
    return p;
}

int32_t *check_i32(size_t n, int32_t low, int32_t high)
{
    int32_t *p = take(n, sizeof *p);
    const uint64_t span = (uint64_t)((int64_t)high - low) + 1;
    for (size_t i = 0; i < n; i++) p[i] = (int32_t)(low + (int64_t)(check_rng_next(&data) % span));
    return p;
}

float *check_f32_wild(size_t n)
{
    static const float wild[] = {NAN,     INFINITY,  -INFINITY, -0.0f,    0.0f,  0x1p-149f,
                                 -1e-40f, 0x1p-126f, 3.4e38f,   -3.4e38f, 1e19f, -1e19f};
    float *p = check_f32(n, -2, 2);
    for (size_t i = 0; i < n; i++)
        if (check_rng_next(&data) % 8 == 0) p[i] = wild[check_rng_next(&data) % IG_LEN(wild)];
    return p;
}

float *check_out_f32(size_t n) { return check_f32(n, -1.2345e30f, -1.2345e30f); }

void check_same(const void *want, const void *got, size_t bytes)
{
    const uint8_t *w = want, *g = got;
    size_t i = 0;
    while (i < bytes && w[i] == g[i]) i++;
    check_true(i == bytes, "byte %zu of %zu: want %02x, got %02x", i, bytes, i < bytes ? w[i] : 0,
               i < bytes ? g[i] : 0);
}

void check_same_f32(const float *want, const float *got, size_t n)
{
    size_t first = n, differ = 0;
    for (size_t i = 0; i < n; i++) {
        if (!memcmp(want + i, got + i, sizeof *want) || (isnan(want[i]) && isnan(got[i]))) continue;
        if (!differ++) first = i;
    }
    if (differ)
        check_true(false, "[%zu] of %zu: want %a, got %a (%zu differ)", first, n, want[first],
                   got[first], differ);
}

void check_same_f64(const double *want, const double *got, size_t n)
{
    size_t first = n, differ = 0;
    for (size_t i = 0; i < n; i++) {
        if (!memcmp(want + i, got + i, sizeof *want) || (isnan(want[i]) && isnan(got[i]))) continue;
        if (!differ++) first = i;
    }
    if (differ)
        check_true(false, "[%zu] of %zu: want %a, got %a (%zu differ)", first, n, want[first],
                   got[first], differ);
}

void check_close(const float *want, const float *got, size_t n, double rel, double abs)
{
    size_t worst = n;
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        if (want[i] == got[i] || (isnan(want[i]) && isnan(got[i]))) continue;
        const double off = fabs((double)want[i] - got[i]), may = rel * fabs((double)want[i]) + abs;
        if (off <= may) continue;
        if (worst == n || !(off / may <= most)) {
            worst = i;
            most = off / may;
        }
    }
    if (worst < n)
        check_true(false, "[%zu] of %zu: want %.9g, got %.9g, %.3g times what is allowed", worst, n,
                   want[worst], got[worst], most);
}

/* A kernel that touches a fence, or an instruction that is not there: say which case, and stop. */
static void crashed(int signal_no)
{
    fflush(stdout); /* not safe in general, but nothing else will print */
    printf("FAILED %s %s\n    signal %d: touched memory outside a buffer, or no such instruction\n"
           "    rerun: kernel-check -f '%s'%s%s %llu\n",
           now.open ? now.name : "between cases", now.open ? now.shape : "", signal_no,
           now.open ? now.name : "*", cpu ? " --cpu " : "", cpu ? cpu : "",
           (unsigned long long)seed);
    fflush(stdout);
    _exit(1);
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction act = {.sa_handler = crashed};
    for (size_t i = 0; i < IG_LEN(signals); i++) sigaction(signals[i], &act, NULL);
}

#define CHECK(op) void check_##op(void);
#include "checks.def"
#undef CHECK

static int usage(void)
{
    fprintf(stderr, "use: kernel-check [-f glob] [--cpu level] [seed]\n");
    return 2;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        const bool more = i + 1 < argc;
        if (!strcmp(argv[i], "-f") && more)
            filter = argv[++i];
        else if (!strcmp(argv[i], "--cpu") && more)
            cpu = argv[++i];
        else {
            errno = 0;
            seed = strtoull(argv[i], &end, 10);
            if (errno || end == argv[i] || *end) return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    ingot_error err;
    if (!read_options(argc, argv)) return usage();
    if (cpu) setenv("INGOT_CPU_ISA", cpu, 1);
    if (ig_cpu_check(&err)) {
        fprintf(stderr, "kernel-check: %s\n", err.text);
        return 2;
    }
    catch_crashes();
#define CHECK(op)        \
    shapes.state = seed; \
    check_##op();        \
    close_case();
#include "checks.def"
#undef CHECK
    printf("kernel-check: %zu cases, %zu failed, %zu not for this CPU (%s), seed %llu\n", n_cases,
           n_failed, n_skipped, ig_cpu_level(), (unsigned long long)seed);
    if (!n_cases) fprintf(stderr, "kernel-check: no kernel is named %s\n", filter);
    return n_failed ? 1 : n_cases ? 0 : 2;
}
