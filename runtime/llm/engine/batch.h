/* batch.h - one run of a language model's graph over the tokens of several sequences.
 *
 * All sequences of a step lie in one flat dimension, prompts in chunks beside single tokens of
 * answers; the graph sees no difference. Room for all of it is taken when the batch is opened.
 *
 * On a device the logits stay there. Between begin and end, while it computes, the batch is told
 * which tokens will be drawn; they alone come back. Rows that were not asked for, or that nothing
 * can be drawn from, are copied when somebody wants them. */
#ifndef IG_LLM_BATCH_H
#define IG_LLM_BATCH_H

#include "runtime/llm/engine/draws.h"
#include "runtime/llm/engine/lm.h"
#include "runtime/llm/engine/team.h"

typedef struct {
    const ig_lm *lm;
    ig_team *team;
    ig_kv_span *spans;                  /* [most_spans] */
    const ig_kv_seq **of;               /* [most_spans] whose span it is */
    int32_t *tokens, *positions, *rows; /* [most_tokens] */
    size_t most_tokens, most_spans;
    size_t n_tokens, n_rows, n_spans;
    bool padded; /* on a device a step has one of few sizes, so that its plans can be replayed */
    const float *logits; /* [n_rows, vocab] of the latest run, the executor's memory; NULL: */
    const float *there;  /* the device's */
    ig_exec_device device;
    ig_draws *draws; /* NULL: on this machine */
    float *copied;   /* [vocab] a row of `there`; NULL until one is wanted */
    ig_heap *heap;
} ig_batch;

/* ig_batch_open - for at most so many tokens, sequences and draws a step. `lm`, `cache` and `site`
 * outlive it. options: the executor's. Errors: as ig_team_open. On failure b is closed. */
ingot_status ig_batch_open(ig_batch *b, const ig_lm *lm, const ig_kv_cache *cache, ig_site *site,
                           const ig_exec_options *options, size_t n_ranks, size_t most_tokens,
                           size_t most_spans, size_t most_draws, ingot_error *err);
void ig_batch_close(ig_batch *b); /* may be all zero */

void ig_batch_clear(ig_batch *b);

/* ig_batch_add - the next n tokens of a sequence and n_guess guessed ones behind them, whose places
 * are reserved; logits of the last n_rows of all are wanted. Returns the index of its first row of
 * logits. */
size_t ig_batch_add(ig_batch *b, const ig_kv_seq *seq, const int32_t *tokens, size_t n,
                    const int32_t *guess, size_t n_guess, size_t n_rows);

/* ig_batch_check - the device of the options computes all that reads and writes pages: a plan for
 * one token is made, which puts the weights there. Errors: E_UNSUPPORTED (it does not; says what),
 * the device's. */
ingot_status ig_batch_check(ig_batch *b, ingot_error *err);

/* ig_batch_begin, ig_batch_end - compute them; nothing is committed. No call on the cache between.
 * Errors: the executor's; E_IO (the file was cut off under us). */
ingot_status ig_batch_begin(ig_batch *b, ingot_error *err);
ingot_status ig_batch_end(ig_batch *b, ingot_error *err);
ingot_status ig_batch_run(ig_batch *b, ingot_error *err); /* both, where nothing is drawn */

/* ig_batch_ask - between them: ig_batch_draw will be called so. Rows ascend. Where `from` has a
 * mask it is that of this draw. */
void ig_batch_ask(ig_batch *b, size_t row, const ig_sampling *s, const ig_sample_row *from,
                  uint64_t index);

/* ig_batch_drawn - the token that the device drew from a row as it was asked; false: it did not.
 * ig_batch_draw - that, or ig_sample() of the row; from->logits is not read. Errors: as ig_sample,
 * the device's. */
bool ig_batch_drawn(ig_sampled *out, const ig_batch *b, size_t row, const ig_sampling *s);
ingot_status ig_batch_draw(ig_sampled *out, ig_batch *b, ig_sample_work *work, size_t row,
                           const ig_sampling *s, const ig_sample_row *from, uint64_t index,
                           ingot_error *err);

/* ig_batch_logits - rows [first, first + n) to `to`. Errors: the device's. */
ingot_status ig_batch_logits(float *to, const ig_batch *b, size_t first, size_t n,
                             ingot_error *err);

#endif
