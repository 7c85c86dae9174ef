/* embedder.h - texts to vectors, and pairs of texts to scores, by an encoder's graph: tokenizer,
 * batches of like length, pooling. Behind ingot_embedder (runtime/ingot.h). */
#ifndef IG_LLM_EMBEDDER_H
#define IG_LLM_EMBEDDER_H

#include "formats/ingot/ingot_file.h"
#include "runtime/base/log.h"
#include "runtime/base/pool.h"
#include "runtime/graph/exec.h"

typedef struct ig_embedder ig_embedder;

typedef struct {
    ig_heap *heap;
    ig_pool *pool; /* may be NULL */
    const ig_log *log;
    const ig_ingot *file;                  /* must outlive the embedder */
    const ingot_embedder_options *options; /* whole; devices are taken by the caller */
    ig_exec_device device;
} ig_embedder_setup;

/* ig_embedder_open - errors: E_UNSUPPORTED (not an encoder, no tokenizer), E_ARG (an option),
 * E_FORMAT (META that cannot be), E_NOMEM. */
ingot_status ig_embedder_open(ig_embedder **out, const ig_embedder_setup *setup, ingot_error *err);
void ig_embedder_close(ig_embedder **e);

void ig_embedder_info(ingot_embedder_info *info, const ig_embedder *e);

/* See ingot_embedder_embed and ingot_embedder_rank. */
ingot_status ig_embedder_embed(float *out, size_t *cut, ig_embedder *e, const ingot_str *texts,
                               size_t n, ingot_error *err);
ingot_status ig_embedder_rank(float *scores, size_t *cut, ig_embedder *e, ingot_str query,
                              const ingot_str *documents, size_t n, ingot_error *err);

#endif
