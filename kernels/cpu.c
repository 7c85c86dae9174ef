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
#if IG_X86
#    define LEVELS "ref, avx2, avxvnni, avx512, avx512vnni, avx512bf16"
#elif IG_ARM
#    define LEVELS "ref, neon, dotprod, i8mm, bf16"
#else
#    define LEVELS "ref"
#endif

/* What INGOT_CPU_DISABLE takes away: a set, and all that build on it. */
enum {
    NO_BF16 = IG_CPU_AVX512BF16,
    NO_VNNI = IG_CPU_AVX512VNNI | NO_BF16,
    NO_AVX512 = IG_CPU_AVX512 | NO_VNNI,
    NO_I8MM = IG_CPU_I8MM,
    NO_ARMBF16 = IG_CPU_ARMBF16,
    NO_DOTPROD = IG_CPU_DOTPROD | NO_I8MM | NO_ARMBF16,
};
static const struct {
    const char *name;
    uint32_t takes;
} sets[] = {
    {"avx2", IG_CPU_AVX2 | IG_CPU_AVXVNNI | NO_AVX512},
    {"avxvnni", IG_CPU_AVXVNNI},
    {"avx512", NO_AVX512},
    {"avx512vnni", NO_VNNI},
    {"avx512bf16", NO_BF16},
    {"neon", IG_CPU_NEON | NO_DOTPROD},
    {"dotprod", NO_DOTPROD},
    {"i8mm", NO_I8MM},
    {"vnni", IG_CPU_AVXVNNI | NO_VNNI},
    {"bf16", NO_BF16 | NO_ARMBF16},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t detected, in_use;

static const char *asked(const char *variable)
{
    const char *text = getenv(variable);
    return text && *text ? text : NULL;
}

/* next_set - what the name at *text takes away, 0 for an unknown one; *text moves past its comma.
 */
static uint32_t next_set(const char **text, size_t *length)
{
    const char *at = *text;
    uint32_t takes = 0;
    *length = strcspn(at, ",");
    *text = at + *length + (at[*length] == ',');
    for (size_t i = 0; i < IG_LEN(sets); i++)
        if (strlen(sets[i].name) == *length && !memcmp(sets[i].name, at, *length))
            takes = sets[i].takes;
    return takes;
}

static void detect_once(void)
{
    const char *level = asked("INGOT_CPU_ISA"), *disable = asked("INGOT_CPU_DISABLE");
    size_t length;
    detected = in_use = ig_cpu_probe();
    for (size_t i = 0; level && i < IG_LEN(levels); i++)
        if (!strcmp(level, levels[i].name)) in_use &= levels[i].allows;
    while (disable && *disable) in_use &= ~next_set(&disable, &length);
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

static ingot_status check_disabled(ingot_error *err)
{
    const char *text = asked("INGOT_CPU_DISABLE");
    while (text && *text) {
        const char *name = text;
        size_t length;
        if (!next_set(&text, &length))
            return ig_fail(err, INGOT_E_ARG,
                           "INGOT_CPU_DISABLE: %.*s is no instruction set (avx2, avxvnni, avx512, "
                           "avx512vnni, avx512bf16, neon, dotprod, i8mm, vnni, bf16)",
                           (int)IG_MIN(length, (size_t)40), name);
    }
    return INGOT_OK;
}

ingot_status ig_cpu_check(ingot_error *err)
{
    const char *name = asked("INGOT_CPU_ISA");
    if (!name) return check_disabled(err);
    for (size_t i = 0; i < IG_LEN(levels); i++) {
        if (strcmp(name, levels[i].name)) continue;
        if ((ig_cpu_detected() & levels[i].adds) == levels[i].adds) return check_disabled(err);
        return ig_fail(err, INGOT_E_ARG,
                       "INGOT_CPU_ISA=%s: this CPU does not have it (see `ingot doctor`)", name);
    }
    return ig_fail(err, INGOT_E_ARG,
                   "INGOT_CPU_ISA=%s: unknown level (on this processor: " LEVELS ")", name);
}
