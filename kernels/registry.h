/* registry.h - every kernel variant by name, for people: `ingot doctor`, kernel checks, benchmarks.
 *
 * The table expands all .kern lists of kernels/. Dispatch does not use it: each family's own
 * ig_<family>() does, by the same rule (the last line whose features are in use wins). */
#ifndef IG_REGISTRY_H
#define IG_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *family;   /* gemm_f32 */
    const char *function; /* gemm_f32_avx2 */
    uint32_t needs;       /* IG_CPU_ flags */
} ig_kernel;

/* ig_kernels - all lines, list by list in their order; *n may be 0. */
const ig_kernel *ig_kernels(size_t *n);

/* ig_kernel_chosen - the variant that a family's dispatch picks with ig_cpu_flags() as they are, or
 * NULL for an unknown family. */
const ig_kernel *ig_kernel_chosen(const char *family);

#endif
