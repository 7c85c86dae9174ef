/* check_half.c - 16-bit floats: every half there is, random floats and the edges of rounding. */
#include "tests/kernels/kernel_check.h"

#include "kernels/half/half.h"
#include "runtime/base/half.h"

enum { CASES = 40, ALL = 1 << 16 };

static void check_widen(widen_f16_fn *fn, widen_f16_fn *ref, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < CASES; i++) {
        const size_t n = i ? check_pick(0, 100) : ALL;
        if (!check_next(needs, name, "%zu #%zu", n, i)) continue;
        uint16_t *x = check_bytes(n * sizeof *x);
        for (size_t j = 0; j < n && !i; j++) x[j] = (uint16_t)j;
        float *want = check_out_f32(n), *got = check_out_f32(n);
        ref(want, x, n);
        fn(got, x, n);
        check_same_f32(want, got, n);
    }
}

/* Floats at, beside and between 16-bit values, ties among them, and any bits at all. */
static float edge(size_t i, uint32_t bits)
{
    const uint32_t near = (bits & 0xffff0000u) | ((bits & 3) ? 0x8000u : 0) | (bits & 3) >> 1;
    const uint32_t half =
        ig_f32_bits(ig_f16_to_f32((uint16_t)(bits >> 16))) + (bits & 1u) * 0x1000u;
    return ig_f32_from_bits(i % 3 == 0 ? bits : i % 3 == 1 ? near : half);
}

static void check_narrow(narrow_f16_fn *fn, narrow_f16_fn *ref, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < CASES; i++) {
        const size_t n = i ? check_pick(0, 100) : ALL;
        if (!check_next(needs, name, "%zu #%zu", n, i)) continue;
        const uint32_t *bits = check_bytes(n * sizeof *bits);
        float *x = check_out_f32(n);
        for (size_t j = 0; j < n; j++) x[j] = edge(j, bits[j]);
        uint16_t *want = check_bytes(n * sizeof *want), *got = check_bytes(n * sizeof *got);
        ref(want, x, n);
        fn(got, x, n);
        check_same(want, got, n * sizeof *want);
    }
}

void check_half(void)
{
#define K(family, fn, needs) check_widen(fn, family##_ref, #fn, needs);
#include "kernels/half/widen_f16.kern"
#include "kernels/half/widen_bf16.kern"
#undef K
#define K(family, fn, needs) check_narrow(fn, family##_ref, #fn, needs);
#include "kernels/half/narrow_f16.kern"
#include "kernels/half/narrow_bf16.kern"
#undef K
}
