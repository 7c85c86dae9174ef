/* cpu.h - which instruction sets the kernels may use.
 *
 * Detected once by cpuid and the OS's xsave state (x86) or hwcaps (Arm). INGOT_CPU_ISA lowers the
 * choice (ref, avx2, avxvnni, avx512, avx512vnni, avx512bf16, neon, dotprod, i8mm, bf16); a level
 * that this CPU lacks, or an unknown name, is reported by ig_cpu_check. INGOT_CPU_DISABLE takes
 * sets away, and what builds on them: a list such as bf16,vnni. */
#ifndef IG_CPU_H
#define IG_CPU_H

#include "runtime/base/status.h"

#if !defined(IG_X86) && !defined(IG_ARM) /* tests/simde builds for a processor that it emulates */
#    if defined(__x86_64__)
#        define IG_X86 1
#    else
#        define IG_X86 0
#    endif
#    if defined(__aarch64__)
#        define IG_ARM 1
#    else
#        define IG_ARM 0
#    endif
#endif

enum {
    IG_CPU_REF = 0,
    IG_CPU_AVX2 = 1 << 0, /* AVX2, FMA, F16C, BMI2 */
    IG_CPU_AVXVNNI = 1 << 1,
    IG_CPU_AVX512 = 1 << 2, /* F, BW, DQ, VL */
    IG_CPU_AVX512VNNI = 1 << 3,
    IG_CPU_AVX512BF16 = 1 << 4,
    IG_CPU_NEON = 1 << 5,
    IG_CPU_DOTPROD = 1 << 6,
    IG_CPU_I8MM = 1 << 7,
    IG_CPU_ARMBF16 = 1 << 8,
};

uint32_t ig_cpu_flags(void);      /* what kernels may use: detected, then lowered */
uint32_t ig_cpu_detected(void);   /* what the machine has: ig_cpu_probe's first answer */
uint32_t ig_cpu_probe(void);      /* asks the machine */
void ig_cpu_mask(uint32_t allow); /* tests: flags = detected & allow from now on; not thread-safe */
const char *ig_cpu_level(void);   /* the highest level in use, by its INGOT_CPU_ISA name */

/* ig_cpu_check - INGOT_E_ARG when INGOT_CPU_ISA names an unknown level or one this CPU lacks, or
 * INGOT_CPU_DISABLE an unknown set. */
ingot_status ig_cpu_check(ingot_error *err);

#endif
