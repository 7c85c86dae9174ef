/* draws.h - tokens drawn on the device that a step's logits lie on (kernels/sample/draw.h): what is
 * asked goes there in a copy or two, what was drawn comes back so, a few bytes a token.
 *
 * All memory is kept from step to step and grows with what is asked. */
#ifndef IG_LLM_DRAWS_H
#define IG_LLM_DRAWS_H

#include "runtime/graph/exec.h"
#include "runtime/llm/sample/sampler.h"

typedef struct ig_draws ig_draws;

/* ig_draws_open - on the device's stream, for at most `most` rows a step. Errors: the device's. */
ingot_status ig_draws_open(ig_draws **out, ig_heap *heap, const ig_exec_device *device,
                           size_t vocab, size_t most, ingot_error *err);
void ig_draws_close(ig_draws **draws); /* *draws may be NULL; its work was waited for */

void ig_draws_clear(ig_draws *d);

/* ig_draws_ask - the token number `index` of an answer from row `row` of the logits; rows ascend
 * from call to call. All is copied; from->logits is not read. What there is no memory for is not
 * asked. */
void ig_draws_ask(ig_draws *d, size_t row, const ig_sampling *s, const ig_sample_row *from,
                  uint64_t index);

/* ig_draws_run - draw what was asked from logits [rows, vocab] in the device's memory, in order
 * behind what writes them; not waited for. Where the device has no memory for it nothing is drawn.
 * Errors: E_DEVICE. */
ingot_status ig_draws_run(ig_draws *d, const float *logits, ingot_error *err);

/* ig_draws_find - what came of a row, once the run was waited for. false: it was not drawn, or
 * nothing can be drawn from it: ig_sample() draws, and says why. */
bool ig_draws_find(ig_sampled *out, const ig_draws *d, size_t row, const ig_sampling *s);

#endif
