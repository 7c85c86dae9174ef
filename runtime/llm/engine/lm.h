/* lm.h - what a model file says of itself as a language model: its inputs and output, the shape of
 * its cache, its context, its special tokens.
 *
 * The shape of the cache is that of the graph's paged_attention nodes, the rest comes from META
 * (keys `llm.*`, written by the importers). Nothing is said twice in a file, so nothing can
 * disagree. */
#ifndef IG_LLM_LM_H
#define IG_LLM_LM_H

#include "formats/ingot/ingot_file.h"
#include "runtime/llm/kv/kv_cache.h"

enum { IG_LM_EOS_MOST = 16 };

typedef struct {
    const ig_ingot *file;
    size_t in_tokens, in_positions, in_rows; /* indices of the graph's inputs */
    size_t vocab;                            /* columns of the logits */
    size_t context;      /* positions that the model knows; 0: it does not say */
    ig_kv_shape *layers; /* [n_layers], owned */
    size_t n_layers;
    bool windowed; /* every layer sees a window only */
    int64_t bos;   /* -1: none */
    int32_t eos[IG_LM_EOS_MOST];
    size_t n_eos;
    bool add_bos;
    ig_page_type page_type; /* of the cache by default: the weights' own float type */
    ig_heap *heap;
} ig_lm;

/* ig_lm_open - read it; `file` must outlive it. Errors: E_UNSUPPORTED (not a decoder: says what the
 * file is and what runs it), E_FORMAT (layers that are missing or doubled, dims that contradict),
 * E_NOMEM. On failure lm is closed. */
ingot_status ig_lm_open(ig_lm *lm, ig_heap *heap, const ig_ingot *file, ingot_error *err);
void ig_lm_close(ig_lm *lm); /* may be all zero */

bool ig_lm_is_eos(const ig_lm *lm, int32_t id);

/* META by key; false: it is not there or of another kind. An INT is a FLOAT too. */
bool ig_lm_int(const ig_ingot *file, const char *key, int64_t *v);
bool ig_lm_float(const ig_ingot *file, const char *key, double *v);
const char *ig_lm_text(const ig_ingot *file, const char *key); /* NULL: none */

/* ig_lm_identity - names the model for saved sessions: a digest of its file's directory. */
ig_hash128 ig_lm_identity(const ig_lm *lm);

#endif
