/* reduce.c - see reduce.h. */
#include "kernels/reduce/reduce.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    reduce_rows_f32_fn *fn;
    uint32_t needs;
} of_rows[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/reduce/reduce_rows.kern"
#undef K
};

static const struct {
    const char *family;
    reduce_cols_f32_fn *fn;
    uint32_t needs;
} of_cols[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/reduce/reduce_cols.kern"
#undef K
};

static reduce_rows_f32_fn *best_rows(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    reduce_rows_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(of_rows); i++)
        if ((have & of_rows[i].needs) == of_rows[i].needs && !strcmp(of_rows[i].family, family))
            best = of_rows[i].fn;
    return best;
}

static reduce_cols_f32_fn *best_cols(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    reduce_cols_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(of_cols); i++)
        if ((have & of_cols[i].needs) == of_cols[i].needs && !strcmp(of_cols[i].family, family))
            best = of_cols[i].fn;
    return best;
}

#define R(op)                                                                           \
    reduce_rows_f32_fn *ig_##op##_rows_f32(void) { return best_rows(#op "_rows_f32"); } \
    reduce_cols_f32_fn *ig_##op##_cols_f32(void) { return best_cols(#op "_cols_f32"); }
#include "kernels/reduce/reduce.def"
#undef R
