/* encoder_run.h - what an encoder's graph takes and gives, whoever made it (our importers, an ONNX
 * export), and running it on rows of ids of different lengths. */
#ifndef IG_LLM_ENCODER_RUN_H
#define IG_LLM_ENCODER_RUN_H

#include "runtime/graph/exec.h"
#include "runtime/llm/embed/text_rows.h"

typedef enum {
    IG_GIVES_TOKENS, /* a vector for each token: [batch, seq, width] */
    IG_GIVES_TEXTS,  /* .. for each text: [batch, width] */
    IG_GIVES_CLASSES /* logits of each text: [batch, classes] */
} ig_encoder_gives;

enum { IG_ENCODER_INPUTS = 3 };

typedef struct {
    ig_heap *heap;
    ig_exec *exec;
    const ig_graph *g;
    size_t at[IG_ENCODER_INPUTS]; /* of ids, mask, types among the inputs; SIZE_MAX: it has none */
    size_t out;                   /* the output that is read */
    ig_encoder_gives gives;
    size_t width; /* or classes */
    uint32_t pad;
    size_t batch_tokens; /* of a run, padding included; one row may be longer */
    ig_tensor *in, *results;
    int64_t *fed; /* scratch: ids, mask and types of a run */
    size_t fed_bytes;
} ig_encoder_run;

/* ig_encoder_run_open - errors: E_UNSUPPORTED (inputs or outputs that are not an encoder's; names
 * them), E_NOMEM. On failure it is closed. */
ingot_status ig_encoder_run_open(ig_encoder_run *x, const ig_graph *g, const ig_exec_options *exec,
                                 ingot_error *err);
void ig_encoder_run_close(ig_encoder_run *x); /* may be all zero */

/* What came of one row: of `n` tokens [n, width], or [width]. Borrowed for the call. */
typedef void ig_encoder_take_fn(void *ud, size_t row, const float *y, size_t n);

/* ig_encoder_run_rows - all rows, long ones first, rows of like length together. What a row gives
 * does not depend on the others. Errors: E_DATA (an id or a length that the model lacks), E_NOMEM.
 */
ingot_status ig_encoder_run_rows(ig_encoder_run *x, const ig_text_rows *rows,
                                 ig_encoder_take_fn *take, void *ud, ingot_error *err);

#endif
