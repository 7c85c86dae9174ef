/* order.h - elements as unsigned keys that sort like the elements.
 *
 * One comparison serves every numeric type: integers are shifted by half their range, floats have
 * their bits turned. -0 equals 0; all NaN are equal and above everything. */
#ifndef IG_OPS_ORDER_H
#define IG_OPS_ORDER_H

#include "runtime/graph/op.h"

/* ig_order_key - element i; numeric dtypes except complex. */
uint64_t ig_order_key(const void *p, ingot_dtype dtype, size_t i);

/* ig_order_has - false: the dtype has no order here (strings, complex). */
bool ig_order_has(ingot_dtype dtype);

/* ig_order_strings - like strcmp, by bytes. */
int ig_order_strings(const ingot_str *a, const ingot_str *b);

#endif
