/* cpu_probe.c - asks the machine which instruction sets it has: cpuid and the OS's xsave state on
 * x86, hwcaps on Arm. A file of its own, so that a test build can link another answer
 * (tests/simde). */
#include "kernels/cpu.h"

#if IG_X86
#    include <cpuid.h>
#elif IG_ARM
#    include <sys/auxv.h>
#endif

#if IG_X86
static uint64_t xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

uint32_t ig_cpu_probe(void)
{
    uint32_t a, b, c, d, found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const bool osxsave = c >> 27 & 1, fma = c >> 12 & 1, f16c = c >> 29 & 1;
    if (!osxsave || !fma || !f16c || (xcr0() & 6) != 6) return 0;
    const bool os_zmm = (xcr0() & 0xe6) == 0xe6;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    const bool avx2 = b >> 5 & 1, bmi2 = b >> 8 & 1;
    const uint32_t f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    const bool avx512 = os_zmm && (b & f_dq_bw_vl) == f_dq_bw_vl, vnni = c >> 11 & 1;
    if (avx2 && bmi2) found |= IG_CPU_AVX2;
    if (avx512) found |= IG_CPU_AVX512;
    if (avx512 && vnni) found |= IG_CPU_AVX512VNNI;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        if (a >> 4 & 1) found |= IG_CPU_AVXVNNI;
        if (avx512 && vnni && a >> 5 & 1) found |= IG_CPU_AVX512BF16;
    }
    return found & IG_CPU_AVX2 ? found : 0;
}
#elif IG_ARM
uint32_t ig_cpu_probe(void)
{
    const unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
    uint32_t found = IG_CPU_NEON;
    if (cap >> 20 & 1) found |= IG_CPU_DOTPROD;
    if (found & IG_CPU_DOTPROD && cap2 >> 13 & 1) found |= IG_CPU_I8MM;
    if (found & IG_CPU_DOTPROD && cap2 >> 14 & 1) found |= IG_CPU_ARMBF16;
    return found;
}
#else
uint32_t ig_cpu_probe(void) { return 0; }
#endif
