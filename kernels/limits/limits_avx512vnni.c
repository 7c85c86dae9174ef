/* limits_avx512vnni.c - products of 8 bits summed in 32 by one instruction, vpdpbusd. */
#include "kernels/limits/limits.h"

#include <immintrin.h>

enum { CHAINS = 12 };

static double mac(size_t n)
{
    __m512i acc[CHAINS], a = _mm512_set1_epi8(3), w = _mm512_set1_epi8(5);
    __asm__ volatile("" : "+v"(a), "+v"(w));
    for (size_t i = 0; i < CHAINS; i++) acc[i] = a;
    for (size_t t = 0; t < n; t++)
#pragma GCC unroll 12
        for (size_t i = 0; i < CHAINS; i++) acc[i] = _mm512_dpbusd_epi32(acc[i], w, a);
    for (size_t i = 0; i < CHAINS; i++) __asm__ volatile("" : "+v"(acc[i]));
    return 2.0 * CHAINS * 64 * (double)n;
}

const ig_limit_loops ig_limit_loops_avx512vnni = {.mac_i8 = mac, .mac_i4 = mac};
