/* limits_avx512.c - what AVX-512 can do at most. */
#include <immintrin.h>

enum { MAC_CHAINS = 12 };

#define LOOPS    ig_limit_loops_avx512
#define V(op)    _mm512_##op
#define VS       __m512
#define VD       __m512d
#define VI       __m512i
#define V_ZERO   _mm512_setzero_si512()
#define V_LOAD   _mm512_load_si512
#define V_STORE  _mm512_store_si512
#define V_STREAM _mm512_stream_si512
#define V_LOW(v) _mm_cvtsi128_si64(_mm512_castsi512_si128(v))
/* The compiler must not know what is in x: else a product of constants leaves the loop. */
#define FORGET(x) __asm__ volatile("" : "+v"(x))

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

#include "kernels/limits/limits_x86.h"
