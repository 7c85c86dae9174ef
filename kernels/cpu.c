/* cpu.c - see cpu.h. */
#include "kernels/cpu.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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

static const char *asked_level(void)
{
    const char *name = getenv("INGOT_CPU_ISA");
    return name && *name ? name : NULL;
}

static void detect_once(void)
{
    detected = in_use = ig_cpu_probe();
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
