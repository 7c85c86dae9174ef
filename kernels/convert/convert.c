/* convert.c - see convert.h. */
#include "kernels/convert/convert.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    convert_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/convert/convert.kern"
#undef K
};

static const struct {
    const char *family;
    ingot_dtype from, to;
} pairs[] = {
#define V(name, from, to, read, written, value) {"convert_" #name, from, to},
#include "kernels/convert/convert.def"
#undef V
};

static convert_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    convert_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

convert_fn *ig_convert(ingot_dtype from, ingot_dtype to)
{
    for (size_t i = 0; i < IG_LEN(pairs); i++)
        if (pairs[i].from == from && pairs[i].to == to) return best_of(pairs[i].family);
    return NULL;
}
