/* limits_avx2.c - what AVX2 can do at most. */
#include <immintrin.h>

enum { MAC_CHAINS = 7 };

#define LOOPS    ig_limit_loops_avx2
#define V(op)    _mm256_##op
#define VS       __m256
#define VD       __m256d
#define VI       __m256i
#define V_ZERO   _mm256_setzero_si256()
#define V_LOAD   _mm256_load_si256
#define V_STORE  _mm256_store_si256
#define V_STREAM _mm256_stream_si256
#define V_LOW(v) _mm_cvtsi128_si64(_mm256_castsi256_si128(v))
/* The compiler must not know what is in x: else a product of constants leaves the loop. */
#define FORGET(x) __asm__ volatile("" : "+x"(x))

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

#include "kernels/limits/limits_x86.h"
