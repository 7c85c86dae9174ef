/* cpu.c - see cpu.h. */
#include "kernels/cpu.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if IG_X86
#    include <cpuid.h>
#elif IG_ARM
#    include <sys/auxv.h>
#endif

/* Levels from the lowest up; each names the flags that it allows. */
static const struct {
    const char *name;
    uint32_t adds, allows;
} levels[] = {
    {"ref", 0, 0},
#if IG_X86
    {"avx2", IG_CPU_AVX2, IG_CPU_AVX2},
    {"avxvnni", IG_CPU_AVXVNNI, IG_CPU_AVX2 | IG_CPU_AVXVNNI},
    {"avx512", IG_CPU_AVX512, IG_CPU_AVX2 | IG_CPU_AVX512},
    {"avx512vnni", IG_CPU_AVX512VNNI, IG_CPU_AVX2 | IG_CPU_AVX512 | IG_CPU_AVX512VNNI},
    {"avx512bf16", IG_CPU_AVX512BF16,
     IG_CPU_AVX2 | IG_CPU_AVXVNNI | IG_CPU_AVX512 | IG_CPU_AVX512VNNI | IG_CPU_AVX512BF16},
#elif IG_ARM
    {"neon", IG_CPU_NEON, IG_CPU_NEON},
    {"dotprod", IG_CPU_DOTPROD, IG_CPU_NEON | IG_CPU_DOTPROD},
    {"i8mm", IG_CPU_I8MM, IG_CPU_NEON | IG_CPU_DOTPROD | IG_CPU_I8MM},
    {"bf16", IG_CPU_ARMBF16, IG_CPU_NEON | IG_CPU_DOTPROD | IG_CPU_I8MM | IG_CPU_ARMBF16},
#endif
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t detected, in_use;

#if IG_X86
static uint64_t xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static uint32_t detect(void)
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
static uint32_t detect(void)
{
    const unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
    uint32_t found = IG_CPU_NEON;
    if (cap >> 20 & 1) found |= IG_CPU_DOTPROD;
    if (found & IG_CPU_DOTPROD && cap2 >> 13 & 1) found |= IG_CPU_I8MM;
    if (found & IG_CPU_DOTPROD && cap2 >> 14 & 1) found |= IG_CPU_ARMBF16;
    return found;
}
#else
static uint32_t detect(void) { return 0; }
#endif

static const char *asked_level(void)
{
    const char *name = getenv("INGOT_CPU_ISA");
    return name && *name ? name : NULL;
}

static void detect_once(void)
{
    detected = in_use = detect();
    const char *name = asked_level();
    for (size_t i = 0; name && i < IG_LEN(levels); i++)
        if (!strcmp(name, levels[i].name)) in_use &= levels[i].allows;
}

uint32_t ig_cpu_detected(void)
{
    pthread_once(&once, detect_once);
    return detected;
}

uint32_t ig_cpu_flags(void)
{
    pthread_once(&once, detect_once);
    return in_use;
}

void ig_cpu_mask(uint32_t allow) { in_use = ig_cpu_detected() & allow; }

const char *ig_cpu_level(void)
{
    const char *best = levels[0].name;
    for (size_t i = 1; i < IG_LEN(levels); i++)
        if (ig_cpu_flags() & levels[i].adds) best = levels[i].name;
    return best;
}

ingot_status ig_cpu_check(ingot_error *err)
{
    const char *name = asked_level();
    if (!name) return INGOT_OK;
    for (size_t i = 0; i < IG_LEN(levels); i++) {
        if (strcmp(name, levels[i].name)) continue;
        if ((ig_cpu_detected() & levels[i].adds) == levels[i].adds) return INGOT_OK;
        return ig_fail(err, INGOT_E_ARG,
                       "INGOT_CPU_ISA=%s: this CPU does not have it (see `ingot doctor`)", name);
    }
    return ig_fail(err, INGOT_E_ARG,
                   "INGOT_CPU_ISA=%s: unknown level (ref, avx2, avxvnni, avx512, avx512vnni, "
                   "avx512bf16, neon, dotprod, i8mm, bf16)",
                   name);
}
