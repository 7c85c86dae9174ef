/* rows.h - which rows of the data (input 0) the index tensor (input 1) of a gather or scatter
 * names, and what is said of an index that names none. */
#ifndef IG_CU_OPS_ROWS_H
#define IG_CU_OPS_ROWS_H

#include "runtime/device/cuda/ops/common.h"

/* Single elements along the axis attribute, the other indices being those of the index tensor.
 * false: too large. */
bool ig_cu_element_rows(cu_rows_args *rows, const ig_device_bind *b);

/* Slices that tuples of indices name, behind so many batch dims. false: too large. *of: rows of the
 * data. */
bool ig_cu_tuple_rows(cu_rows_args *rows, const ig_device_bind *b, int batch_dims, int64_t *of);

/* ig_cu_op.refuse of states that begin with a cu_rows_args: of single indices, and of tuples. */
ingot_status ig_cu_refuse_index(const ig_node *node, const void *state, const cu_fault *f,
                                ingot_error *err);
ingot_status ig_cu_refuse_tuple(const ig_node *node, const void *state, const cu_fault *f,
                                ingot_error *err);

#endif
