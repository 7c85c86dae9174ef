/* check.h - do tensors have the shapes that a description says? E_FORMAT names tensor and shapes.
 */
#ifndef IG_LLM_CHECK_H
#define IG_LLM_CHECK_H

#include "formats/llm/model.h"

/* W [n, k]; `what` for messages. Where it may be none, `optional`. */
ingot_status ig_check_matrix(const ig_rows *r, size_t n, size_t k, bool optional, const char *what,
                             ingot_error *err);
/* W [n, k] and a bias [n] or none. */
ingot_status ig_check_linear(const ig_llm_linear *l, size_t n, size_t k, bool optional,
                             const char *what, ingot_error *err);
/* gamma and beta [n]; either may be none. */
ingot_status ig_check_norm(const ig_llm_norm *l, size_t n, const char *what, ingot_error *err);

#endif
