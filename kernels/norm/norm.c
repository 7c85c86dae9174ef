/* norm.c - see norm.h. */
#include "kernels/norm/norm.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    layer_norm_f32_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/norm/norm.kern"
#undef K
};

static layer_norm_f32_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    layer_norm_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

layer_norm_f32_fn *ig_layer_norm_f32(void) { return best_of("layer_norm_f32"); }
rms_norm_f32_fn *ig_rms_norm_f32(void) { return best_of("rms_norm_f32"); }
