/* probe.c - in place of kernels/cpu_probe.c: every instruction set of the emulated processor. */
#include "kernels/cpu.h"

uint32_t ig_cpu_probe(void)
{
#if IG_X86
    return IG_CPU_AVX2 | IG_CPU_AVXVNNI | IG_CPU_AVX512 | IG_CPU_AVX512VNNI | IG_CPU_AVX512BF16;
#else
    return IG_CPU_NEON | IG_CPU_DOTPROD | IG_CPU_I8MM | IG_CPU_ARMBF16;
#endif
}
