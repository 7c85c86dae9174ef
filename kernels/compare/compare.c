/* compare.c - see compare.h. */
#include "kernels/compare/compare.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    compare_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/compare/compare.kern"
#undef K
};

static compare_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    compare_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

compare_fn *ig_compare_f32(void) { return best_of("compare_f32"); }
compare_fn *ig_compare_i32(void) { return best_of("compare_i32"); }
compare_fn *ig_compare_i64(void) { return best_of("compare_i64"); }
