/* limits_avx512.c - what AVX-512 can do at most: independent chains in registers; loads alone. */
#include "kernels/limits/limits.h"

#include <immintrin.h>

enum { CHAINS = 12, MAC_CHAINS = 12, SUMS = 8, LINE = 64 };

/* The compiler must not know what is in x: else a product of constants leaves the loop. */
#define FORGET(x) __asm__ volatile("" : "+v"(x))

static double fma_f32(size_t n)
{
    __m512 acc[CHAINS], f = _mm512_set1_ps(0.5f);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_fmadd_ps(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * 16 * (double)n;
}

static double fma_f64(size_t n)
{
    __m512d acc[CHAINS], f = _mm512_set1_pd(0.5);
    for (size_t i = 0; i < CHAINS; i++) acc[i] = f;
    FORGET(f);
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_fmadd_pd(acc[i], f, f);
    for (size_t i = 0; i < CHAINS; i++) FORGET(acc[i]);
    return 2.0 * CHAINS * 8 * (double)n;
}
// clang-format off
/* A turn of multiplications and additions, written out: the compiler takes a product of constants
 * out of the loop, or keeps the sums on the stack. Chain i is in register i, its product in 12 + i;
 * pair by pair would be a quarter slower (Zen 4). */
#define MULTIPLY(op, to)      op " %0, %1, %%zmm" #to "\n\t"
#define ADD(op, sum, product) op " %%zmm" #product ", %%zmm" #sum ", %%zmm" #sum "\n\t"
#define TURN(mul, add, a, w) __asm__ volatile( \
    MULTIPLY(mul, 12) MULTIPLY(mul, 13) MULTIPLY(mul, 14) MULTIPLY(mul, 15) MULTIPLY(mul, 16) \
    MULTIPLY(mul, 17) MULTIPLY(mul, 18) MULTIPLY(mul, 19) MULTIPLY(mul, 20) MULTIPLY(mul, 21) \
    MULTIPLY(mul, 22) MULTIPLY(mul, 23) ADD(add, 0, 12) ADD(add, 1, 13) ADD(add, 2, 14) \
    ADD(add, 3, 15) ADD(add, 4, 16) ADD(add, 5, 17) ADD(add, 6, 18) ADD(add, 7, 19) \
    ADD(add, 8, 20) ADD(add, 9, 21) ADD(add, 10, 22) ADD(add, 11, 23) \
    : : "v"(a), "v"(w) : \
      "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", \
      "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23")
// clang-format on

/* As in limits_avx2.c: exact products take a multiplication and an addition without VNNI. */
static double mac_i8(size_t n)
{
    const __m512i a = _mm512_set1_epi16(3), w = _mm512_set1_epi16(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddwd", "vpaddd", a, w);
    return 2.0 * MAC_CHAINS * 32 * (double)n;
}

static double mac_i4(size_t n)
{
    const __m512i a = _mm512_set1_epi8(3), w = _mm512_set1_epi8(5);
    for (size_t t = 0; t < n; t++) TURN("vpmaddubsw", "vpaddw", a, w);
    return 2.0 * MAC_CHAINS * 64 * (double)n;
}

static inline __attribute__((always_inline)) uint64_t read_streams(const void *from, size_t bytes,
                                                                   size_t streams, size_t ahead)
{
    const char *p = from;
    const size_t part = bytes / streams;
    __m512i sum[SUMS];
    for (size_t k = 0; k < SUMS; k++) sum[k] = _mm512_setzero_si512();
    for (size_t i = 0; i < part; i += 4 * LINE)
        for (size_t s = 0; s < streams; s++) {
            const char *q = p + s * part + i;
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++) {
                if (ahead) _mm_prefetch(q + ahead + k * LINE, _MM_HINT_T0);
                sum[s % 2 * 4 + k] =
                    _mm512_add_epi64(sum[s % 2 * 4 + k], _mm512_load_si512(q + k * LINE));
            }
        }
    for (size_t k = 1; k < SUMS; k++) sum[0] = _mm512_add_epi64(sum[0], sum[k]);
    return (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(sum[0]));
}

static uint64_t read_1(const void *p, size_t n) { return read_streams(p, n, 1, 0); }
static uint64_t read_1_ahead(const void *p, size_t n) { return read_streams(p, n, 1, 1024); }
static uint64_t read_4(const void *p, size_t n) { return read_streams(p, n, 4, 0); }
static uint64_t read_4_ahead(const void *p, size_t n) { return read_streams(p, n, 4, 1024); }
static uint64_t read_1_page(const void *p, size_t n) { return read_streams(p, n, 1, 4096); }
static uint64_t read_4_page(const void *p, size_t n) { return read_streams(p, n, 4, 4096); }

static void copy_plain(void *to, const void *from, size_t bytes)
{
    char *t = to;
    const char *f = from;
    for (size_t i = 0; i < bytes; i += 4 * LINE)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            _mm512_store_si512(t + i + k * LINE, _mm512_load_si512(f + i + k * LINE));
}

static void copy_around(void *to, const void *from, size_t bytes)
{
    char *t = to;
    const char *f = from;
    for (size_t i = 0; i < bytes; i += 4 * LINE)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            _mm512_stream_si512((__m512i *)(t + i + k * LINE), _mm512_load_si512(f + i + k * LINE));
    _mm_sfence();
}

const ig_limit_loops ig_limit_loops_avx512 = {
    .fma_f32 = fma_f32,
    .fma_f64 = fma_f64,
    .mac_i8 = mac_i8,
    .mac_i4 = mac_i4,
    .read = {read_1, read_1_ahead, read_1_page, read_4, read_4_ahead, read_4_page},
    .copy = {copy_plain, copy_around},
};
