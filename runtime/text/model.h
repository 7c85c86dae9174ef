/* model.h - the models of tokenizers: one word (or a whole text) into ids. */
#ifndef IG_TEXT_MODEL_H
#define IG_TEXT_MODEL_H

#include "runtime/text/lexicon.h"

/* A growing list of ids. */
typedef struct {
    ig_heap *heap;
    uint32_t *v;
    size_t n, cap;
    bool failed; /* no memory */
} ig_ids;

void ig_ids_init(ig_ids *ids, ig_heap *heap);
void ig_ids_clear(ig_ids *ids);
bool ig_ids_room(ig_ids *ids, size_t more); /* false: no memory; failed is set */
void ig_ids_add(ig_ids *ids, uint32_t id);

/* Scratch of one thread; grows with the longest word. */
typedef struct {
    ig_heap *heap;
    void *memory;
    size_t bytes;
} ig_model_work;

void *ig_model_scratch(ig_model_work *w, size_t n, size_t each); /* NULL: no memory */
void ig_model_work_clear(ig_model_work *w);

/* Append the ids of p[0, n), valid UTF-8 unless the recipe starts from bytes. Time: BPE
 * O(n log n), unigram and wordpiece O(n * longest piece). Errors: E_NOMEM. */
ingot_status ig_bpe_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                           size_t n, ingot_error *err);
ingot_status ig_unigram_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                               size_t n, ingot_error *err);
ingot_status ig_wordpiece_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                                 size_t n, ingot_error *err);

/* ig_model_unknown - an unknown character p[0, n): its bytes, or the unknown token, fused with one
 * that came right before (*was_unknown, kept by the caller) where the recipe says so, or nothing
 * where it has none. */
void ig_model_unknown(ig_ids *out, const ig_lexicon *x, const char *p, size_t n, bool *was_unknown);

#endif
