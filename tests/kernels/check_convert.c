/* check_convert.c - conversions: every variant against the one of every single element by way of
 * the runtime's scalar accessors, or bit for bit against the scalar truth where double is too
 * narrow. */
#include "tests/kernels/kernel_check.h"
#include "kernels/convert/convert.h"
#include "runtime/base/dtype.h"

#include <math.h>
#include <string.h>

typedef struct {
    ingot_dtype from, to;
    convert_fn *ref;
} pair;

static pair pair_of(const char *name)
{
    static const struct {
        const char *name;
        pair pair;
    } list[] = {
#define V(name, from, to, read, written, value) \
    {"convert_" #name "_", {from, to, convert_##name##_ref}},
#include "kernels/convert/convert.def"
#undef V
    };
    for (size_t i = 0; i < IG_LEN(list); i++)
        if (!strncmp(name, list[i].name, strlen(list[i].name))) return list[i].pair;
    return (pair){INGOT_NONE, INGOT_NONE, NULL};
}

static void *operand(ingot_dtype from, size_t n)
{
    if (from == INGOT_F32) return check_f32_wild(n);
    if (from == INGOT_F64) return check_f64(n, -1e30, 1e30);
    uint8_t *x = check_bytes(n * ig_dtype(from)->bytes);
    if (from == INGOT_BOOL)
        for (size_t i = 0; i < n; i++) x[i] &= 1;
    return x;
}

/* The scalar truth itself, through double: exact unless 64-bit integers meet it. */
static void check_truth(const pair *p, const void *x, const void *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double v = ig_to_double(x, p->from, i), got = ig_to_double(y, p->to, i);
        double want = v;
        if (p->to == INGOT_BOOL) want = v != 0;
        if (p->to == INGOT_F32) want = (double)(float)v;
        const bool wide = p->from == INGOT_I64 && fabs(v) > 0x1p52;
        const double allowed = wide && p->to == INGOT_F32 ? fabs(v) * 0x1p-23 : 0;
        if (wide && p->to == INGOT_I32) continue; /* low bits: checked against x below */
        check_true(got == want || (got != got && want != want) || fabs(got - want) <= allowed ||
                       (p->to == INGOT_I32 && fabs(v) > 0x1p31),
                   "element %zu: %g is %g, not %g", i, v, got, want);
    }
    for (size_t i = 0; i < n && p->from == INGOT_I64 && p->to == INGOT_I32; i++)
        check_true((uint32_t)((const int64_t *)x)[i] == ((const uint32_t *)y)[i], "low bits");
}

static void check_one(convert_fn *fn, const char *name, uint32_t needs)
{
    const pair p = pair_of(name);
    const size_t to = ig_dtype(p.to)->bytes;
    for (size_t i = 0; i < 90; i++) {
        const size_t n = i < 70 ? i : check_pick(70, 3000);
        if (!check_next(needs, name, "%zu", n)) continue;
        const void *x = operand(p.from, n);
        void *want = check_bytes(n * to), *got = check_bytes(n * to);
        p.ref(want, x, n);
        check_truth(&p, x, want, n);
        fn(got, x, n);
        if (p.to == INGOT_F32)
            check_same_f32(want, got, n);
        else if (p.to == INGOT_F64)
            check_same_f64(want, got, n);
        else
            check_same(want, got, n * to);
    }
}

void check_convert(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/convert/convert.kern"
#undef K
}
