/* softmax.c - see softmax.h. */
#include "kernels/softmax/softmax.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    softmax_f32_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/softmax/softmax.kern"
#undef K
};

static softmax_f32_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    softmax_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

softmax_f32_fn *ig_softmax_f32(void) { return best_of("softmax_f32"); }
log_softmax_f32_fn *ig_log_softmax_f32(void) { return best_of("log_softmax_f32"); }

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs) && !strcmp(#family, wanted)) best = fn;

static softmax_cols_f32_fn *best_cols(const char *wanted)
{
    const uint32_t have = ig_cpu_flags();
    softmax_cols_f32_fn *best = NULL;
#include "kernels/softmax/softmax_cols.kern"
    return best;
}
#undef K

softmax_cols_f32_fn *ig_softmax_cols_f32(void) { return best_cols("softmax_cols_f32"); }
log_softmax_cols_f32_fn *ig_log_softmax_cols_f32(void) { return best_cols("log_softmax_cols_f32"); }
