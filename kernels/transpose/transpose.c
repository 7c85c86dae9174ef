/* transpose.c - see transpose.h. */
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    transpose_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/transpose/transpose.kern"
#undef K
};

static transpose_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    transpose_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

transpose_fn *ig_transpose(size_t element_bytes)
{
    switch (element_bytes) {
    case 1:
        return best_of("transpose_b1");
    case 2:
        return best_of("transpose_b2");
    case 4:
        return best_of("transpose_b4");
    case 8:
        return best_of("transpose_b8");
    default:
        return NULL;
    }
}
