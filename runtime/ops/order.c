/* order.c - elements as unsigned keys; see order.h. */
#include "runtime/ops/order.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <math.h>
#include <string.h>

static uint64_t double_key(double x)
{
    if (isnan(x)) return UINT64_MAX;
    if (x == 0) x = 0; /* -0 too */
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    const uint64_t sign = UINT64_C(1) << 63;
    return u & sign ? ~u : u | sign;
}

uint64_t ig_order_key(const void *p, ingot_dtype dtype, size_t i)
{
    if (dtype == INGOT_F32) return double_key((double)((const float *)p)[i]);
    if (dtype == INGOT_U64) return ((const uint64_t *)p)[i];
    const ig_dtype_class k = ig_dtype(dtype)->class_;
    if (k == IG_CLASS_FLOAT) return double_key(ig_to_double(p, dtype, i));
    return (uint64_t)ig_to_int(p, dtype, i) ^ UINT64_C(1) << 63;
}

bool ig_order_has(ingot_dtype dtype)
{
    const ig_dtype_class k = ig_dtype(dtype)->class_;
    return k != IG_CLASS_STR && k != IG_CLASS_COMPLEX && k != IG_CLASS_NONE;
}

int ig_order_strings(const ingot_str *a, const ingot_str *b)
{
    const size_t n = IG_MIN(a->n, b->n);
    const int order = n ? memcmp(a->p, b->p, n) : 0;
    if (order) return order;
    return a->n < b->n ? -1 : a->n > b->n;
}
