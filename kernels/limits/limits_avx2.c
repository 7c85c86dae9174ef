/* limits_avx2.c - what AVX2 can do at most: independent chains in registers; loads alone. */
#include "kernels/limits/limits.h"
#include "runtime/base/checked.h"

#include <immintrin.h>

enum { CHAINS = 12, MAC_CHAINS = 7, SUMS = 8, LINE = 64 };

/* The compiler must not know what is in x: else a product of constants leaves the loop. */
#define FORGET(x) __asm__ volatile("" : "+x"(x))

static double fma_f32(size_t n)
{
    __m256 acc[CHAINS], f = _mm256_set1_ps(0.5f);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm256_fmadd_ps(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * 8 * (double)n;
}

static double fma_f64(size_t n)
{
    __m256d acc[CHAINS], f = _mm256_set1_pd(0.5);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm256_fmadd_pd(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * 4 * (double)n;
}

// clang-format off
/* A turn of multiplications and additions, written out: the compiler takes a product of constants
 * out of the loop, or keeps the sums on the stack. Chain i is in register i, its product in 7 + i;
 * pair by pair would be 3 % slower. */
#define MULTIPLY(op, to)      op " %0, %1, %%ymm" #to "\n\t"
#define ADD(op, sum, product) op " %%ymm" #product ", %%ymm" #sum ", %%ymm" #sum "\n\t"
#define TURN(mul, add, a, w) __asm__ volatile( \
    MULTIPLY(mul, 7) MULTIPLY(mul, 8) MULTIPLY(mul, 9) MULTIPLY(mul, 10) MULTIPLY(mul, 11) \
    MULTIPLY(mul, 12) MULTIPLY(mul, 13) ADD(add, 0, 7) ADD(add, 1, 8) ADD(add, 2, 9) \
    ADD(add, 3, 10) ADD(add, 4, 11) ADD(add, 5, 12) ADD(add, 6, 13) \
    : : "x"(a), "x"(w) : \
      "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13")
// clang-format on

/* Widened to 16 bits, pairs of products sum exactly. */
static double mac_i8(size_t n)
{
    const __m256i a = _mm256_set1_epi16(3), w = _mm256_set1_epi16(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddwd", "vpaddd", a, w);
    return 2.0 * MAC_CHAINS * 16 * (double)n;
}

/* Products of 4-bit weights leave room in 16 bits: twice as many in one instruction. */
static double mac_i4(size_t n)
{
    const __m256i a = _mm256_set1_epi8(3), w = _mm256_set1_epi8(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddubsw", "vpaddw", a, w);
    return 2.0 * MAC_CHAINS * 32 * (double)n;
}

/* The bytes as `streams` equal parts read in turns, each prefetched `ahead` bytes (0: not). */
static inline __attribute__((always_inline)) uint64_t read_streams(const void *from, size_t bytes,
                                                                   size_t streams, size_t ahead)
{
    const char *p = from;
    const size_t part = bytes / streams;
    __m256i sum[SUMS];
    for (size_t k = 0; k < SUMS; k++) sum[k] = _mm256_setzero_si256();
    for (size_t i = 0; i < part; i += 2 * LINE)
        for (size_t s = 0; s < streams; s++) {
            const char *q = p + s * part + i;
            if (ahead) {
                _mm_prefetch(q + ahead, _MM_HINT_T0);
                _mm_prefetch(q + ahead + LINE, _MM_HINT_T0);
            }
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++)
                sum[s % 2 * 4 + k] = _mm256_add_epi64(
                    sum[s % 2 * 4 + k], _mm256_load_si256((const __m256i *)(q + k * 32)));
        }
    for (size_t k = 1; k < SUMS; k++) sum[0] = _mm256_add_epi64(sum[0], sum[k]);
    return (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(sum[0]));
}

static uint64_t read_1(const void *p, size_t n) { return read_streams(p, n, 1, 0); }
static uint64_t read_1_ahead(const void *p, size_t n) { return read_streams(p, n, 1, 1024); }
static uint64_t read_4(const void *p, size_t n) { return read_streams(p, n, 4, 0); }
static uint64_t read_4_ahead(const void *p, size_t n) { return read_streams(p, n, 4, 1024); }
static uint64_t read_1_page(const void *p, size_t n) { return read_streams(p, n, 1, 4096); }
static uint64_t read_4_page(const void *p, size_t n) { return read_streams(p, n, 4, 4096); }

static void copy_plain(void *to, const void *from, size_t bytes)
{
    __m256i *t = to;
    const __m256i *f = from;
    for (size_t i = 0; i < bytes / 32; i += 4)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) _mm256_store_si256(t + i + k, _mm256_load_si256(f + i + k));
}

/* Past the caches: the lines written are not read first. */
static void copy_around(void *to, const void *from, size_t bytes)
{
    __m256i *t = to;
    const __m256i *f = from;
    for (size_t i = 0; i < bytes / 32; i += 4)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) _mm256_stream_si256(t + i + k, _mm256_load_si256(f + i + k));
    _mm_sfence();
}

const ig_limit_loops ig_limit_loops_avx2 = {
    .fma_f32 = fma_f32,
    .fma_f64 = fma_f64,
    .mac_i8 = mac_i8,
    .mac_i4 = mac_i4,
    .read = {read_1, read_1_ahead, read_1_page, read_4, read_4_ahead, read_4_page},
    .copy = {copy_plain, copy_around},
};
