/* limits_x86.h - what vectors of x86 can do at most: independent chains in registers; loads alone.
 * For a file that says what a vector is: V(op) the intrinsic, VS, VD, VI the types, V_.. of
 * integers, and TURN, MAC_CHAINS multiplications and additions of integers. */
#include "kernels/limits/limits.h"

enum { CHAINS = 12, SUMS = 8, LINE = 64, BYTES = sizeof(VI), STEP = 4 * BYTES };

static double fma_f32(size_t n)
{
    VS acc[CHAINS], f = V(set1_ps)(0.5f);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = V(fmadd_ps)(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * BYTES / 4 * (double)n;
}

static double fma_f64(size_t n)
{
    VD acc[CHAINS], f = V(set1_pd)(0.5);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = V(fmadd_pd)(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * BYTES / 8 * (double)n;
}

/* Widened to 16 bits, pairs of products sum exactly: a multiplication and an addition, without
 * VNNI. */
static double mac_i8(size_t n)
{
    const VI a = V(set1_epi16)(3), w = V(set1_epi16)(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddwd", "vpaddd", a, w);
    return 2.0 * MAC_CHAINS * BYTES / 2 * (double)n;
}

/* Products of 4-bit weights leave room in 16 bits: twice as many in one instruction. */
static double mac_i4(size_t n)
{
    const VI a = V(set1_epi8)(3), w = V(set1_epi8)(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddubsw", "vpaddw", a, w);
    return 2.0 * MAC_CHAINS * BYTES * (double)n;
}

/* The bytes as `streams` equal parts read in turns, each prefetched `ahead` bytes (0: not). */
static inline __attribute__((always_inline)) uint64_t read_streams(const void *from, size_t bytes,
                                                                   size_t streams, size_t ahead)
{
    const char *p = from;
    const size_t part = bytes / streams;
    VI sum[SUMS];
    for (size_t k = 0; k < SUMS; k++) sum[k] = V_ZERO;
    for (size_t i = 0; i < part; i += STEP)
        for (size_t s = 0; s < streams; s++) {
            const char *q = p + s * part + i;
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++) {
                if (ahead && k * BYTES % LINE == 0)
                    _mm_prefetch(q + ahead + k * BYTES, _MM_HINT_T0);
                const VI v = V_LOAD((const VI *)(const void *)(q + k * BYTES));
                sum[s % 2 * 4 + k] = V(add_epi64)(sum[s % 2 * 4 + k], v);
            }
        }
    for (size_t k = 1; k < SUMS; k++) sum[0] = V(add_epi64)(sum[0], sum[k]);
    return (uint64_t)V_LOW(sum[0]);
}

static uint64_t read_1(const void *p, size_t n) { return read_streams(p, n, 1, 0); }
static uint64_t read_1_ahead(const void *p, size_t n) { return read_streams(p, n, 1, 1024); }
static uint64_t read_4(const void *p, size_t n) { return read_streams(p, n, 4, 0); }
static uint64_t read_4_ahead(const void *p, size_t n) { return read_streams(p, n, 4, 1024); }
static uint64_t read_1_page(const void *p, size_t n) { return read_streams(p, n, 1, 4096); }
static uint64_t read_4_page(const void *p, size_t n) { return read_streams(p, n, 4, 4096); }

static void copy_plain(void *to, const void *from, size_t bytes)
{
    VI *t = to;
    const VI *f = from;
    for (size_t i = 0; i < bytes / BYTES; i += 4)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) V_STORE(t + i + k, V_LOAD(f + i + k));
}

/* Past the caches: the lines written are not read first. */
static void copy_around(void *to, const void *from, size_t bytes)
{
    VI *t = to;
    const VI *f = from;
    for (size_t i = 0; i < bytes / BYTES; i += 4)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) V_STREAM(t + i + k, V_LOAD(f + i + k));
    _mm_sfence();
}

const ig_limit_loops LOOPS = {
    .fma_f32 = fma_f32,
    .fma_f64 = fma_f64,
    .mac_i8 = mac_i8,
    .mac_i4 = mac_i4,
    .read = {read_1, read_1_ahead, read_1_page, read_4, read_4_ahead, read_4_page},
    .copy = {copy_plain, copy_around},
};
