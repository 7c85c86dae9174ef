/* registry.c - see registry.h. The build writes kernel_lists.h: one #include for each .kern file.
 */
#include "kernels/registry.h"
#include "kernels/cpu.h"

#include <string.h>

static const ig_kernel kernels[] = {
#define K(family, fn, needs) {#family, #fn, (uint32_t)(needs)},
#include "kernel_lists.h"
#undef K
    {NULL, NULL, 0},
};

const ig_kernel *ig_kernels(size_t *n)
{
    *n = sizeof kernels / sizeof *kernels - 1;
    return kernels;
}

const ig_kernel *ig_kernel_chosen(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    const ig_kernel *best = NULL;
    for (const ig_kernel *k = kernels; k->family; k++)
        if ((have & k->needs) == k->needs && !strcmp(k->family, family)) best = k;
    return best;
}
