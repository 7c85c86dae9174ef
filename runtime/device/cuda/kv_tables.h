/* kv_tables.h - the image of a step's cache for CUDA kernels (kernels/attention/kv_cuda.h). */
#ifndef IG_CU_KV_TABLES_H
#define IG_CU_KV_TABLES_H

#include "kernels/attention/kv_cuda.h"
#include "runtime/graph/kv_step.h"
#include "runtime/ingot.h"

/* ig_cu_kv_measure - the bytes that ig_cu_kv_fill may write for this step. Errors: E_ARG (spans
 * that are not in order, longer than 2^31 tokens, layers of other pages). */
ingot_status ig_cu_kv_measure(size_t *bytes, const ig_kv_step *kv, ingot_error *err);

/* ig_cu_kv_fill - write the step's image at host [bytes of ig_cu_kv_measure], *used bytes of it, to
 * be copied to t->image before the step's launches; and fill t but for its image. Spans of one step
 * are cut so that all `processors` have work. */
void ig_cu_kv_fill(cu_kv_tables *t, int32_t *host, size_t *used, const ig_kv_step *kv,
                   int processors);

#endif
