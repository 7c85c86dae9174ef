/* hf.h - what the files that read tokenizer.json share. */
#ifndef IG_TOKENIZER_HF_H
#define IG_TOKENIZER_HF_H

#include "formats/tokenizer/import.h"

#include <jansson.h>

typedef struct {
    ig_recipe *r;
    ig_arena *arena;
    bool bytes; /* byte-level: pieces are disguised */
    ingot_error *err;
} ig_hf;

ingot_status ig_hf_bad(const ig_hf *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
ingot_status ig_hf_lacks(const ig_hf *h, const char *part, const char *type);

/* Members of an object, with what counts when they are absent or null. */
const char *ig_hf_text(const json_t *object, const char *key, const char *otherwise, size_t *n);
bool ig_hf_bool(const json_t *object, const char *key, bool otherwise);
const char *ig_hf_type(const json_t *object); /* "" when there is none */

/* A text of the JSON in the arena, terminated; NULL: no memory. */
const char *ig_hf_keep(const ig_hf *h, const char *p, size_t n);

enum { IG_HF_PIECES_MOST = 1 << 24 };

/* ig_hf_added - added_tokens of a tokenizer.json, for a recipe whose pieces reach to their ids and
 * belong to the arena. */
ingot_status ig_hf_added(ig_recipe *r, ig_arena *arena, const json_t *list, ingot_error *err);
/* ig_hf_recipe - what a tokenizer.json says, read already. Its texts are copied to the arena. */
ingot_status ig_hf_recipe(ig_recipe *r, ig_arena *arena, const json_t *root, ingot_error *err);

ingot_status ig_hf_normalizer(ig_hf *h, const json_t *normalizer);
ingot_status ig_hf_splitter(ig_hf *h, const json_t *pre_tokenizer);
ingot_status ig_hf_decoder(ig_hf *h, const json_t *decoder);
ingot_status ig_hf_template(ig_hf *h, const json_t *post_processor);

#endif
