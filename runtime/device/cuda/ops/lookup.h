/* lookup.h - tables of keys in device memory, as kernels/lookup searches them. */
#ifndef IG_CU_OPS_LOOKUP_H
#define IG_CU_OPS_LOOKUP_H

#include "kernels/lookup/lookup_cuda.h"
#include "runtime/device/cuda/op.h"

/* ig_cu_slots_shift - of a table for n keys: it has 2^(64 - shift) slots, at least 2 n and 4. */
int ig_cu_slots_shift(size_t n);

/* ig_cu_slots_fill - the table of all keys, numbers of any dtype; of equal ones the first counts.
 */
void ig_cu_slots_fill(cu_slot *slots, int shift, const ig_tensor *keys);

/* ig_cu_slots - the table of a constant input in device memory, shared with all steps that have the
 * same keys; the input itself is not needed there. Give back with ig_cu_unpack in unbind. */
ingot_status ig_cu_slots(ig_device *d, ig_device_bind *b, uint32_t input, int *shift, void **out);

#endif
